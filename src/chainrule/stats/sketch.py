"""Quantiles of data that do not fit in memory: a sketch of one pass, or exactly in two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self, final

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor, of_value

__all__ = ["QuantileSketch", "exact_quantiles"]

Buckets = dict[int, int]
_LARGEST: Final = math.log(np.finfo(np.float64).max)
_TABLED: Final = 2**20  # buckets that are counted in a table, which is quicker than to sort


@final
@dataclass(frozen=True, eq=True)
class QuantileSketch:
    """Counts of numbers in buckets that grow geometrically: quantiles to a stated relative error.

    bucket i of the positive numbers:  γⁱ⁻¹ < x ≤ γⁱ,   γ = (1 + ε)/(1 − ε)

    A quantile is read off as the point 2γⁱ/(γ + 1) of its bucket, so it is within ε|v| of the
    element v of that rank (method "lower"); 0, ±∞ and the extremes are exact, whatever the data and
    their order. Merging adds counts, so any grouping gives the very same sketch. NaN is counted
    apart, in ``missing``, and never in a quantile. The buckets take memory in proportion to
    log(max/min)/ε: 12 orders of magnitude at ε = 0.01 are some 1400 numbers.

    Raises:  ArgumentError: the error is not between 0 and 1; the sketch is empty; q is no share;
             sketches of different errors are merged.
    Cost:    a logarithm and a count for each number.
    Source:  masson2019ddsketch

    >>> sketch = QuantileSketch.of(np.arange(1.0, 1001.0), relative_error=0.01)
    >>> abs(sketch.quantile(0.5) - 500) <= 5
    Tensor(True)
    """

    relative_error: float = 0.01
    positive: Buckets = field(default_factory=dict)
    negative: Buckets = field(default_factory=dict)
    zeros: int = 0
    infinite: tuple[int, int] = (0, 0)
    missing: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf

    def __post_init__(self) -> None:
        if not 0 < self.relative_error < 1:
            raise ArgumentError(
                f"QuantileSketch: relative_error is {self.relative_error}; it lies between 0 and 1"
            )

    @classmethod
    def of(cls, x: Any, *, relative_error: float = 0.01) -> Self:
        """Sketch the numbers of an array of any shape."""
        empty = cls(relative_error)
        numbers = _array(x)
        kept = numbers[~np.isnan(numbers)]
        finite = kept[np.isfinite(kept)]
        return cls(
            relative_error,
            _counted(finite[finite > 0], empty._log_base),
            _counted(-finite[finite < 0], empty._log_base),
            int((finite == 0).sum()),
            (int((kept == -math.inf).sum()), int((kept == math.inf).sum())),
            numbers.size - kept.size,
            float(kept.min(initial=math.inf)),
            float(kept.max(initial=-math.inf)),
        )

    @classmethod
    def of_chunks(cls, chunks: Iterable[Any], *, relative_error: float = 0.01) -> Self:
        """Sketch all numbers of an iterable of chunks, which are read one by one.

        >>> QuantileSketch.of_chunks([[1.0, 2.0], [3.0]]).count
        3
        """
        done: Self = cls(relative_error)
        for chunk in chunks:
            done = done.merge(cls.of(chunk, relative_error=relative_error))
        return done

    def merge(self, other: Self) -> Self:
        """Give the sketch of the numbers of both."""
        if self.relative_error != other.relative_error:
            raise ArgumentError(
                "QuantileSketch.merge: sketches with relative errors of "
                f"{self.relative_error} and {other.relative_error} have different buckets"
            )
        (low, high), (other_low, other_high) = self.infinite, other.infinite
        return type(self)(
            self.relative_error,
            _added(self.positive, other.positive),
            _added(self.negative, other.negative),
            self.zeros + other.zeros,
            (low + other_low, high + other_high),
            self.missing + other.missing,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    __add__ = merge

    @property
    def count(self) -> int:
        """How many numbers there are, without NaN."""
        counted = (*self.positive.values(), *self.negative.values())
        return sum(counted) + self.zeros + sum(self.infinite)

    def quantile(self, q: Any) -> Tensor:
        """Give the quantiles of a share or an array of shares, to the relative error.

        >>> QuantileSketch.of([3.0, 3.0, 3.0]).quantile([0.0, 1.0])
        Tensor([3., 3.])
        """
        shares = _shares("QuantileSketch.quantile", q)
        counts, values = self._table()
        if not self.count:
            raise ArgumentError("QuantileSketch.quantile: the sketch is empty")
        places = np.searchsorted(
            np.cumsum(counts), np.floor(shares * (self.count - 1)), side="right"
        )
        return of_value(np.clip(values[places], self.minimum, self.maximum))

    @property
    def _log_base(self) -> float:
        """log γ."""
        return math.log1p(self.relative_error) - math.log1p(-self.relative_error)

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts and values of the buckets in ascending order."""
        below, above = self.infinite
        rows = [
            (below, -math.inf),
            *((n, -self._point(i)) for i, n in sorted(self.negative.items(), reverse=True)),
            (self.zeros, 0.0),
            *((n, self._point(i)) for i, n in sorted(self.positive.items())),
            (above, math.inf),
        ]
        counts, values = zip(*rows, strict=True)
        return np.array(counts), np.array(values)

    def _point(self, i: int) -> float:
        """2γⁱ/(γ + 1) = γⁱ (1 − ε), without overflow on the way."""
        return math.exp(min(self._log_base * i + math.log1p(-self.relative_error), _LARGEST))


def _array(x: Any) -> np.ndarray:
    array: np.ndarray = np.asarray(x.numpy() if isinstance(x, Tensor) else x, np.float64)
    return array.ravel()


def _counted(x: np.ndarray, step: float) -> Buckets:
    """How many of these positive numbers lie in each bucket."""
    if not x.size:
        return {}
    indices = np.ceil(np.log(x) / step).astype(np.int64)
    first = int(indices.min())
    if int(indices.max()) - first > max(x.size, _TABLED):
        held, counts = np.unique(indices, return_counts=True)
        return dict(zip(held.tolist(), counts.tolist(), strict=True))
    counts = np.bincount(indices - first)
    held = np.flatnonzero(counts)
    return dict(zip((held + first).tolist(), counts[held].tolist(), strict=True))


def _added(first: Buckets, second: Buckets) -> Buckets:
    return {i: first.get(i, 0) + second.get(i, 0) for i in first.keys() | second.keys()}


def _shares(name: str, q: Any) -> np.ndarray:
    shares = np.asarray(q.numpy() if isinstance(q, Tensor) else q, np.float64)
    if not np.all((shares >= 0) & (shares <= 1)):
        raise ArgumentError(f"{name}: q lies between 0 and 1, and {shares.tolist()} does not")
    return shares


# ---------------------------------------------------------------- exactly, in two passes


def exact_quantiles(chunks: Callable[[], Iterable[Any]], q: Any) -> Tensor:
    """Give the quantiles of data read in chunks, twice, exactly as :func:`quantile` would.

    The first pass sketches the numbers; the second collects those in the few buckets where the
    quantiles lie, which are all that is held. Interpolation is NumPy's "linear"; NaN are left out.

    chunks  a function that starts a pass: it gives an iterable of arrays

    Raises:  ArgumentError: there are no numbers; q is no share; a second pass gives other numbers.

    >>> exact_quantiles(lambda: [[5.0, 1.0], [2.0]], [0.5, 1.0])
    Tensor([2., 5.])
    """
    shares = _shares("exact_quantiles", q)
    sketch = QuantileSketch.of_chunks(chunks(), relative_error=0.001)
    if not sketch.count:
        raise ArgumentError("exact_quantiles: the chunks have no numbers")
    place = shares * (sketch.count - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, sketch.count - 1)
    found = _read(sketch, chunks(), np.unique([*below.ravel(), *above.ravel()]))
    lower, upper = (np.vectorize(found.__getitem__, otypes=[float])(r) for r in (below, above))
    part = place - below
    with np.errstate(invalid="ignore"):
        between = lower + part * (upper - lower)
        mixed = (1 - part) * lower + part * upper
    between = np.where(np.isinf(lower) | np.isinf(upper), mixed, between)
    return of_value(np.asarray(np.where((lower == upper) | (part == 0), lower, between)))


def _read(sketch: QuantileSketch, chunks: Iterable[Any], ranks: np.ndarray) -> dict[int, float]:
    """The elements of these ranks, from a second pass over the data."""
    counts, _ = sketch._table()
    ends = np.cumsum(counts)
    places = np.searchsorted(ends, ranks, side="right")
    wanted = np.unique(places)
    kept: dict[int, list[np.ndarray]] = {int(p): [] for p in wanted}
    for chunk in chunks:
        numbers = _array(chunk)
        numbers = numbers[~np.isnan(numbers)]
        place = _place(sketch, numbers)
        for p in kept:
            kept[p].append(numbers[place == p])
    rows = {p: np.sort(np.concatenate(parts)) for p, parts in kept.items()}
    if any(len(rows[p]) != counts[p] for p in rows):
        raise ArgumentError("exact_quantiles: the second pass gave other numbers than the first")
    return {
        int(rank): float(rows[int(p)][rank - (ends[p] - counts[p])])
        for rank, p in zip(ranks, places, strict=True)
    }


def _place(sketch: QuantileSketch, numbers: np.ndarray) -> np.ndarray:
    """The row of the sketch's table in which each number stands."""
    negative = np.array(sorted(sketch.negative, reverse=True), np.int64)
    positive = np.array(sorted(sketch.positive), np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(numbers)) / sketch._log_base
    bucket = np.where(np.isfinite(logs), np.ceil(np.where(np.isfinite(logs), logs, 0)), 0)
    zero = 1 + len(negative)
    place = np.full(numbers.shape, zero)
    above, below = (numbers > 0) & np.isfinite(numbers), (numbers < 0) & np.isfinite(numbers)
    place[above] = zero + 1 + np.searchsorted(positive, bucket[above])
    place[below] = 1 + np.searchsorted(-negative, -bucket[below])
    place[numbers == math.inf] = zero + 1 + len(positive)
    place[numbers == -math.inf] = 0
    return place
