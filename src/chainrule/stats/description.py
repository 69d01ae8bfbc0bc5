"""The statistics of a sample at a glance."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.functions.comparison import equal, isfinite, isnan
from chainrule.functions.elementwise import where
from chainrule.functions.lift import Operand, as_tensor, cast, floating
from chainrule.functions.reduction import max, min, sum
from chainrule.ir.dtype import int64
from chainrule.nn.module import Module
from chainrule.stats.averages import kurtosis, mean, skewness, standard_deviation
from chainrule.stats.order import quartiles
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Description", "describe"]


@final
class Description(Module):
    """The statistics of each feature, NaN left out; printed as a table with a line for each.

    The standard deviation has correction 1. Where nothing is left to count, all are NaN.
    """

    count: Tensor
    missing: Tensor
    mean: Tensor
    standard_deviation: Tensor
    minimum: Tensor
    first_quartile: Tensor
    median: Tensor
    third_quartile: Tensor
    maximum: Tensor
    skewness: Tensor
    kurtosis: Tensor

    def __repr__(self) -> str:
        return self.table()

    def table(self, names: Sequence[str] | None = None) -> str:
        """Give the table, with the features called so.

        >>> print(describe(tensor([[1.0, 10.0], [3.0, 30.0]])).table(["a", "b"]))
           count  missing  mean      std  min  25%  median  75%  max  skewness  kurtosis
        a      2        0     2  1.41421    1  1.5       2  2.5    3         0        -2
        b      2        0    20  14.1421   10   15      20   25   30         0        -2
        """
        columns = [np.atleast_1d(getattr(self, name).numpy()) for name in self._branches]
        size = columns[0].size
        labels = list(names) if names is not None else _labels(self.count.shape)
        if len(labels) != size:
            raise ShapeError(
                f"describe: {plural(len(labels), 'name')} for {plural(size, 'feature')}"
            )
        cells = [["", *labels]]
        for heading, column in zip(_HEADINGS, columns, strict=True):
            cells.append([heading, *(f"{float(v):.6g}" for v in column.ravel())])
        return "\n".join("  ".join(row) for row in zip(*map(_padded, cells), strict=True))


def _padded(column: list[str]) -> list[str]:
    """Texts of one width; the names, whose heading is empty, stand at the left."""
    width = builtins.max(map(len, column))
    return [text.rjust(width) if column[0] else text.ljust(width) for text in column]


_HEADINGS = (
    "count", "missing", "mean", "std", "min", "25%", "median", "75%", "max", "skewness", "kurtosis",
)  # fmt: skip


def _labels(shape: tuple[int, ...]) -> list[str]:
    if not shape:
        return [""]
    return [", ".join(map(str, place)) for place in np.ndindex(*shape)]


def describe(x: Operand, /, *, axis: int = 0) -> Description:
    """Describe what stands along an axis: the first, unless it is said, of rows.

    Counts, mean, standard deviation (correction 1), extremes, quartiles, skewness and kurtosis, of
    each feature by itself; NaN are counted apart and left out.

    Raises:  ShapeError: the axis does not exist. ArgumentError: there are no elements.

    >>> describe(tensor([1.0, 2.0, 3.0, float("nan")])).median
    Tensor(2.)
    """
    tensor = floating(as_tensor(x, "describe"))
    absent = isnan(tensor)
    missing = sum(cast(absent, int64), axis=axis)
    count = sum(cast(~absent, int64), axis=axis)
    middle = quartiles(tensor, axis=axis, nan="omit")
    infinity = float("inf")
    none = equal(count, 0)
    low = min(where(absent, infinity, tensor), axis=axis)
    high = max(where(absent, -infinity, tensor), axis=axis)
    deviation = standard_deviation(tensor, axis=axis, correction=1, nan="omit")
    alike = equal(low, high) & isfinite(low) & (count > 1)  # of which rounding leaves a little
    return Description(
        count,
        missing,
        mean(tensor, axis=axis, nan="omit"),
        where(alike, 0.0, deviation),
        where(none, float("nan"), low),
        middle[0],
        middle[1],
        middle[2],
        where(none, float("nan"), high),
        skewness(tensor, axis=axis, nan="omit"),
        kurtosis(tensor, axis=axis, nan="omit"),
    )
