"""Histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.cumulative import cumulative_sum, diff
from chainrule.functions.indexing import take
from chainrule.functions.joining import concat
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    cast,
    describe,
    floating,
    known_array,
)
from chainrule.functions.manipulation import ravel
from chainrule.functions.reduction import sum
from chainrule.functions.searching import known_value, searchsorted
from chainrule.functions.sorting import argsort, sort
from chainrule.ir.dtype import float64
from chainrule.tensors import Tensor, of_value, tensor
from chainrule.wording import plural

__all__ = ["Histogram", "histogram"]

Rule = Literal["sturges", "scott", "freedman-diaconis", "auto"]


class Histogram(NamedTuple):
    """How many elements, or how much of the density, lie between neighboring edges."""

    counts: Tensor
    edges: Tensor


def histogram(
    x: Operand,
    /,
    bins: int | Rule | Operand = 10,
    *,
    range: tuple[float, float] | None = None,
    weights: Operand | None = None,
    density: bool = False,
) -> Histogram:
    """Count the elements in bins [e₀, e₁), [e₁, e₂), …, of which the last includes its end.

    bins     how many of equal width; or their edges; or a rule that chooses the width h, where
             values are known: "sturges" log₂ n + 1 bins, "scott" h = 3.49 s n^(−1/3),
             "freedman-diaconis" h = 2 (q₀.₇₅ − q₀.₂₅) n^(−1/3), "auto" the more bins of the first
             and the last
    range    from the first to the last edge, where bins are of equal width; otherwise from the
             smallest to the largest finite element. Elements outside count nowhere, nor does NaN
    weights  what each element adds in place of 1; derivatives flow to them
    density  divide by the sum and the widths, so that the integral is 1

    Counts without weights are int64.

    Shapes:  x: ...   →   b, b+1   for bins=b
             x: ...   weights: ...   →   b, b+1   for bins=b
    Raises:  ArgumentError: there are no elements to choose a range or a width from; the edges do
             not increase; the range is none; there is no bin.
             ShapeError: weights have another shape, or the edges not one axis.
    Cost:    a sort, n log n.
    Source:  sturges1926choice; scott1979optimal; freedman1981histogram

    >>> histogram(tensor([0.0, 1.0, 1.5, 4.0]), 2)
    Histogram(counts=Tensor([3, 1]), edges=Tensor([0., 2., 4.]))
    """
    flat = ravel(floating(as_tensor(x, "histogram")))
    edges = _edges(flat, bins, range)
    if weights is None:
        counts = _counts(flat, edges, uniform=isinstance(bins, int | str))
    else:
        given = as_tensor(weights, "histogram")
        if given.shape != as_tensor(x, "histogram").shape:
            raise ShapeError(
                "histogram: there is not one weight for each element\n\n"
                f"    x         {describe(as_tensor(x, 'histogram'))}\n"
                f"    weights   {describe(given)}"
            )
        counts = _sums(flat, ravel(floating(given)), edges)
    if density:
        shares = cast(counts, flat.dtype) if weights is None else counts
        counts = shares / (sum(shares) * diff(edges))
    return Histogram(counts, edges)


_CHUNK: Final = 1 << 15
"""Elements whose bins are found at once: what is made on the way stays in the cache."""


def _counted(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many elements lie in each of some bins of one width.

    One product says in which bin, up to rounding; the edges then decide.
    """
    bins = len(edges) - 1
    low, high = edges[0], edges[-1]
    total = np.zeros(bins, np.int64)
    with np.errstate(over="ignore"):
        scale = bins / (high - low)
    if not np.isfinite(scale) or not np.isfinite(bins * scale):
        return np.histogram(x, edges)[0]
    for start in range(0, x.size, _CHUNK):
        part = x[start : start + _CHUNK]
        if not (part.min() >= low and part.max() <= high):  # or NaN
            part = part[(part >= low) & (part <= high)]
        index = ((part - low) * scale).astype(np.intp)
        np.minimum(index, bins - 1, out=index)
        index -= part < edges.take(index, mode="clip")  # without a check, which takes longest
        index += (part >= edges.take(index + 1, mode="clip")) & (index < bins - 1)
        total += np.bincount(index, minlength=bins)
    return total


def _counts(x: Tensor, edges: Tensor, uniform: bool) -> Tensor:
    """How many elements lie in each bin; nothing is sorted for bins of one width."""
    value, ends = known_array(x), known_array(edges)
    if uniform and value is not None and ends is not None:
        return of_value(_counted(value, ends))
    return diff(_places(sort(x), edges))


def _sums(x: Tensor, weights: Tensor, edges: Tensor) -> Tensor:
    """The sum of the weights in each bin; in float64, as differences of long sums must be."""
    value, factors, ends = known_array(x), known_array(weights), known_array(edges)
    if value is not None and factors is not None and ends is not None:
        return of_value(_summed(value, factors, ends))
    order = argsort(x)
    running = cumulative_sum(cast(take(weights, order), float64), include_initial=True)
    return cast(diff(take(running, _places(take(x, order), edges))), weights.dtype)


def _summed(x: np.ndarray, weights: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin by bin, so that a weight that is large or no number is none of another bin's."""
    inside = (x >= edges[0]) & (x <= edges[-1])
    place = np.searchsorted(edges, x[inside], side="right") - 1
    bins = len(edges) - 1
    made = np.bincount(np.minimum(place, bins - 1), weights[inside], bins)
    return np.asarray(made, weights.dtype)


def _places(ordered: Tensor, edges: Tensor) -> Tensor:
    """How many elements lie before each edge; before or at the last."""
    before = searchsorted(ordered, edges[:-1], side="left")
    return concat([before, searchsorted(ordered, edges[-1:], side="right")])


def _edges(
    x: Tensor, bins: int | Rule | Operand | Sequence[float], range: tuple[float, float] | None
) -> Tensor:
    if not isinstance(bins, int | str):
        return _checked(cast(tensor(bins), x.dtype))
    low, high = _range(x) if range is None else range
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ArgumentError(f"histogram: range={(low, high)} does not go up from one number")
    count = _count(x, bins, (low, high)) if isinstance(bins, str) else bins
    if count < 1:
        raise ArgumentError(f"histogram: bins={count}; there is one at least")
    if low == high:
        half = max(0.5, count * float(np.spacing(x.dtype.numpy.type(abs(low)))))
        low, high = low - half, high + half
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(low, high, count + 1, dtype=x.dtype.numpy)
        grows = np.isfinite(edges).all() and np.all(np.diff(edges) > 0)
    if not grows:
        raise ArgumentError(
            f"histogram: {plural(count, 'bin')} from {low:g} to {high:g} have no edges that "
            f"increase in {x.dtype.name}"
        )
    return of_value(edges)


def _checked(edges: Tensor) -> Tensor:
    if edges.ndim != 1 or edges.size < 2:
        raise ShapeError(
            f"histogram: edges have one axis, and there are two at least\n\n"
            f"    bins   {describe(edges)}"
        )
    if edges._value is not None and not np.all(np.diff(edges._value) > 0):
        raise ArgumentError(f"histogram: the edges do not increase: {edges!r}")
    return edges


def _range(x: Tensor) -> tuple[float, float]:
    value = known_value("histogram", x)
    if value.size:
        low, high = float(value.min()), float(value.max())
        if math.isfinite(low) and math.isfinite(high):
            return low, high
    finite = value[np.isfinite(value)]
    if not finite.size:
        raise ArgumentError(
            f"histogram: no element is finite, so there is no range\n\n    x   {describe(x)}\n\n"
            "  range=(low, high) gives one."
        )
    return float(finite.min()), float(finite.max())


def _count(x: Tensor, rule: str, ends: tuple[float, float]) -> int:
    """How many bins a rule makes of these elements."""
    value = known_value("histogram", x)
    value = value[(value >= ends[0]) & (value <= ends[1])]
    if not value.size:
        raise ArgumentError(f"histogram: no element lies in the range, so bins={rule!r} is unclear")
    cube = value.size ** (1 / 3)
    first, third = np.quantile(value, [0.25, 0.75])
    sturges = math.ceil(math.log2(value.size) + 1)
    widths = {
        "scott": float((24 * math.sqrt(math.pi)) ** (1 / 3) * value.std() / cube),
        "freedman-diaconis": float(2 * (third - first) / cube),
    }
    by_width = {n: (ends[1] - ends[0]) / h if h else 1.0 for n, h in widths.items()}
    counts = {**by_width, "sturges": sturges}
    counts["auto"] = max(sturges, by_width["freedman-diaconis"])
    if rule not in counts:
        raise ArgumentError(f"histogram: there is no rule {rule!r}; there are {', '.join(counts)}")
    if not counts[rule] < _MOST:
        raise ArgumentError(
            f"histogram: bins={rule!r} makes {counts[rule]:.3g} bins from {ends[0]:g} to "
            f"{ends[1]:g}, where most elements lie close together\n\n    x   {describe(x)}\n\n"
            "  range=(low, high) leaves out those far away; or give a number of bins."
        )
    return max(math.ceil(counts[rule]), 1)


_MOST: Final = 2**24
"""Bins that a rule may make."""
