"""The statistics of columns that are read some rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.stats import Moments, QuantileSketch

__all__ = ["Column", "gather", "sparkline"]

BARS = 24
MOST_HELD = 2**21  # numbers that are kept at once, for quantiles that are exact
RELATIVE_ERROR = 0.001  # of quantiles beyond
_LEVELS = "▁▂▃▄▅▆▇█"
_SHARES = np.linspace(0, 1, 4001)
_QUARTERS = (0.25, 0.5, 0.75)


@final
@dataclass(frozen=True)
class Column:
    """The statistics of one column of numbers, those that are missing left out.

    deviation  the standard deviation, with correction 1
    bars       how many numbers lie in each of some parts of equal width from the least to the
               greatest
    is_exact   whether the quartiles are exact; else they are within 0.1 %
    """

    name: str
    count: int
    missing: int
    mean: float
    deviation: float
    minimum: float
    first_quartile: float
    median: float
    third_quartile: float
    maximum: float
    bars: tuple[int, ...]
    is_exact: bool

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it: what is not finite is null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def gather(names: Sequence[str], pieces: Iterable[npt.NDArray[Any]]) -> list[Column]:
    """Find the statistics of columns in one pass over pieces of rows; NaN is missing."""
    counts: npt.NDArray[np.int64] | None = None
    moments = Moments.empty((len(names),))
    sketches = [QuantileSketch(RELATIVE_ERROR) for _ in names]
    held: list[npt.NDArray[np.float64]] = []
    size, is_exact = 0, True
    for piece in pieces:
        if piece.dtype == np.uint8:
            counts = _added(counts, piece)
            continue
        held.append(np.asarray(piece, np.float64))
        size += piece.size
        if size > MOST_HELD:
            rows = np.concatenate(held)
            moments = moments.merge(Moments.of(rows, nan="omit"))
            sketches = [s.merge(_sketch(rows[:, k])) for k, s in enumerate(sketches)]
            held, size, is_exact = [], 0, False
    if counts is not None:
        return [_of_bytes(name, counts[k]) for k, name in enumerate(names)]
    rest = np.concatenate([np.zeros((0, len(names))), *held])
    moments = moments.merge(Moments.of(rest, nan="omit"))
    if not is_exact:
        sketches = [s.merge(_sketch(rest[:, k])) for k, s in enumerate(sketches)]
    return [
        _of_numbers(name, moments, k, rest[:, k] if is_exact else None, sketches[k])
        for k, name in enumerate(names)
    ]


def _sketch(numbers: npt.NDArray[np.float64]) -> QuantileSketch:
    return QuantileSketch.of(numbers, relative_error=RELATIVE_ERROR)


def _added(counts: Any, piece: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    found = np.stack([np.bincount(column, minlength=256) for column in piece.T])
    return found if counts is None else counts + found


def _of_bytes(name: str, counts: npt.NDArray[np.int64]) -> Column:
    """All is known of bytes whose counts are: the statistics are exact."""
    values, total = np.arange(256.0), int(counts.sum())
    if not total:
        return _nothing(name, 0)
    mean = float(counts @ values / total)
    square = float(counts @ (values - mean) ** 2)
    ends = np.cumsum(counts)
    there = np.flatnonzero(counts)
    low, high = float(there[0]), float(there[-1])

    def at(share: float) -> float:
        place = share * (total - 1)
        below, above = np.searchsorted(ends, [math.floor(place), math.ceil(place)], side="right")
        return float(below + (place - math.floor(place)) * (above - below))

    few = high - low < BARS  # a bar for each value, where that is possible
    edges = np.arange(low - 0.5, high + 1) if few else _bins(low, high)
    bars, _ = np.histogram(values, edges, weights=counts)
    return Column(
        name, total, 0, mean, math.sqrt(square / (total - 1)) if total > 1 else math.nan,
        low, at(0.25), at(0.5), at(0.75), high, tuple(int(n) for n in bars), True,
    )  # fmt: skip


def _of_numbers(name: str, moments: Moments, k: int, held: Any, sketch: QuantileSketch) -> Column:
    """From moments, and the numbers themselves or what a sketch tells of them."""
    missing = int(np.isnan(held).sum()) if held is not None else sketch.missing
    count = int(moments.count.numpy()[k])
    if not count:
        return _nothing(name, missing)
    if held is not None:
        drawn = held[~np.isnan(held)]
        with np.errstate(invalid="ignore"):  # between an infinity and itself
            quarters = np.quantile(drawn, _QUARTERS).tolist()
    else:
        drawn = sketch.quantile(_SHARES).numpy()
        quarters = sketch.quantile(_QUARTERS).numpy().tolist()
    with np.errstate(all="ignore"):
        deviation = float(moments.standard_deviation(correction=1).numpy()[k])
    low, high = (float(end.numpy()[k]) for end in (moments.minimum, moments.maximum))
    return Column(
        name, count, missing, float(moments.mean().numpy()[k]), deviation, low,
        quarters[0], quarters[1], quarters[2], high, _bars(drawn, count), held is not None,
    )  # fmt: skip


def _bars(drawn: npt.NDArray[np.float64], count: int) -> tuple[int, ...]:
    """How many of so many numbers lie where, by a sample of them."""
    finite = drawn[np.isfinite(drawn)]
    if not finite.size:
        return ()
    found, _ = np.histogram(finite, _bins(float(finite.min()), float(finite.max())))
    return tuple(int(n) for n in np.rint(found * (count / len(drawn))))


def _bins(low: float, high: float) -> npt.NDArray[np.float64]:
    """The edges of the bars; a single value stands in the middle one."""
    if not high > low:
        margin = abs(low) / 2 or 1.0
        low, high = low - margin, high + margin
    return np.linspace(low, high, BARS + 1)


def _nothing(name: str, missing: int) -> Column:
    nan = math.nan
    return Column(name, 0, missing, nan, nan, nan, nan, nan, nan, nan, (), True)


def sparkline(bars: Sequence[int]) -> str:
    """Draw counts as bars of text; one that is not 0 is always seen.

    >>> sparkline((0, 1, 40, 80))
    ' ▁▅█'
    """
    most = max(bars, default=0)
    return "".join(
        " " if not n else _LEVELS[min(len(_LEVELS) - 1, len(_LEVELS) * n // most)] for n in bars
    )
