"""Means and central moments, weighted or not, along any axes."""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import numpy as np

from chainrule.functions import deviations, reduction
from chainrule.functions.axes import Axes
from chainrule.functions.comparison import equal
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import maximum, where
from chainrule.functions.lift import Operand, cast, known_array, made_at_once
from chainrule.functions.linear import tensordot, vecdot
from chainrule.functions.manipulation import expand_dims
from chainrule.functions.reduction import max, min, sum
from chainrule.stats.sample import (
    MANY,
    ORDINARY,
    NanPolicy,
    Sample,
    over,
    sample_of,
    steady,
    unit_of,
    widened,
)
from chainrule.tensors import Tensor

__all__ = ["kurtosis", "mean", "skewness", "standard_deviation", "variance"]


Array = np.ndarray[Any, Any]


def _total(sample: Sample, x: Tensor) -> Tensor:
    """Σ wᵢ xᵢ, with the axes kept."""
    if sample.shared is not None:
        (axis,) = sample.axes
        return expand_dims(tensordot(sample.shared, x, axes=((0,), (axis,))), axis)
    terms = x if sample.weights is None else sample.weights * x
    return sum(terms, axis=sample.axes, keepdims=True)


def _weight(sample: Sample) -> Tensor:
    """Σ wᵢ, with the axes kept or none."""
    if sample.shared is not None:
        return sum(sample.shared)
    assert sample.weights is not None
    return sum(sample.weights, axis=sample.axes, keepdims=True)


def _count(sample: Sample) -> Tensor | float:
    """The sum of the weights, or how many elements there are."""
    if sample.weights is not None:
        return _weight(sample)
    return float(math.prod([sample.x.shape[a] for a in sample.axes]))


def weighted_mean(sample: Sample) -> Tensor:
    """Σ wᵢ xᵢ / Σ wᵢ, with the axes kept."""
    if sample.weights is None:
        return reduction.mean(sample.x, axis=sample.axes, keepdims=True)
    return _total(sample, sample.x) / _count(sample)


def distances(sample: Sample) -> tuple[Tensor, Tensor]:
    """Distances from the mean and the average of their squares, with the axes kept.

    Where powers of distances overflow or vanish, their unit is the largest. They are NaN where all
    elements that count are equal: rounding of the mean would show otherwise. What it leaves of the
    mean is taken off, since it is much where elements differ by little. In a recording they are
    plain differences, for the sake of its formula.
    """
    average = weighted_mean(sample)
    apart = sample.x - average
    square = _mean_square(apart, sample)
    if _is_plain(average, square):
        return apart, square
    low = high = sample.x
    if sample.weights is not None:
        counts = sample.weights > 0
        low, high = (where(counts, sample.x, end) for end in (float("inf"), -float("inf")))
    low, high = (
        min(low, axis=sample.axes, keepdims=True),
        max(high, axis=sample.axes, keepdims=True),
    )
    largest = maximum(high - average, average - low)
    rough = apart / where(high > low, unit_of(largest), float("nan"))
    apart = rough - _total(sample, rough) / _count(sample)
    return apart, _mean_square(apart, sample)


def _mean_square(apart: Tensor, sample: Sample) -> Tensor:
    """Σ wᵢ dᵢ² / Σ wᵢ of distances from the mean, with the axes kept."""
    if sample.weights is None and len(sample.axes) == 1:  # in one pass
        (axis,) = sample.axes
        total = expand_dims(vecdot(apart, apart, axis=axis), axis)
    else:
        total = _total(sample, apart * apart)
    return total / _count(sample)


def _is_plain(average: Tensor, square: Tensor) -> bool:
    """Whether distances are not known, or neither close to rounding nor very large or small."""
    mean, variance = known_array(average), known_array(square)
    if mean is None or variance is None:
        return True
    is_ordinary = (variance > 1 / ORDINARY) & (variance < ORDINARY)
    return bool(is_ordinary.all() and (np.sqrt(variance) > _SPREAD * np.abs(mean)).all())


_SPREAD: Final = 1e-6
"""Of a mean in float64, what is far more than its rounding."""


def _finished(result: Tensor, sample: Sample, keepdims: bool) -> Tensor:
    """In the dtype of the sample, with the axes or without."""
    made = cast(result, sample.x.dtype)
    return made if keepdims else made.squeeze(sample.axes)


def _weighted_mean(x: Array, weights: Array, axis: int, keepdims: bool) -> Array:
    """One product of a row of weights; ValueError where that is not what is asked for."""
    rows = np.moveaxis(x, axis, 0)
    fits = weights.ndim == 1 and x.dtype is weights.dtype and x.dtype.kind == "f"
    fits = fits and weights.size > 0 and (x.dtype == np.float64 or weights.size <= MANY)
    if not fits or len(rows) != weights.size or not weights.min() > 0:
        raise ValueError
    made = np.tensordot(weights, rows, 1) / np.add.reduce(weights)
    return np.asarray(np.expand_dims(made, axis) if keepdims else made)


def mean(
    x: Operand,
    /,
    *,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Average the elements along some axes.

    m = Σᵢ wᵢ xᵢ / Σᵢ wᵢ

    weights  how often each element counts: one for each element, or one for each place along the
             only axis. Without them all are 1; where they sum to 0 the result is NaN. One that
             counts 0 times is not there, whatever it is
    nan      what a NaN does: "propagate" makes the result NaN, "omit" leaves it out, "raise" raises
             where values are known, and propagates under ``jit`` and ``vmap``

    Shapes:  x: ...   →
             x: ... n   weights: n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".

    >>> mean(tensor([1.0, 4.0]), weights=tensor([2.0, 1.0]))
    Tensor(2.)
    """
    value, given = known_array(x), known_array(weights)
    if value is not None and given is not None and type(axis) is int and nan == "propagate":
        found = made_at_once(_weighted_mean, value, given, axis, keepdims)
        if found is not None:
            return found
    sample = sample_of("mean", x, axis, weights, nan)
    if sample.weights is None:
        return reduction.mean(sample.x, axis=sample.axes, keepdims=keepdims)
    return _finished(weighted_mean(steady(sample)), sample, keepdims)


def variance(
    x: Operand,
    /,
    *,
    correction: float,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Average the squared distances from the mean along some axes.

    v = Σᵢ wᵢ (xᵢ − m)² / (Σᵢ wᵢ − correction),   m the weighted mean

    The correction must be said: 0 describes these numbers, 1 estimates the variance of what they
    were drawn from without bias. A weight of 2 means exactly what the element standing there twice
    would. The result is NaN where Σ w does not exceed the correction. Weights and NaN are those of
    :func:`mean`.

    Shapes:  x: ...   →   for correction=0
             x: ... n   weights: n   →   ...   for axis=-1, correction=0
             x: ... n   →   ... 1   for axis=-1, correction=0, keepdims=True
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".
    Source:  chan1983algorithms, two-pass algorithm

    >>> variance(tensor([1.0, 2.0, 3.0]), correction=1)
    Tensor(1.)
    """
    sample = sample_of("variance", x, axis, weights, nan)
    return _variance(sample, float(correction), keepdims)


def _variance(sample: Sample, correction: float, keepdims: bool) -> Tensor:
    if sample.weights is None:
        return deviations.var(sample.x, axis=sample.axes, correction=correction, keepdims=keepdims)
    wide = steady(sample)
    squares = _total(wide, (wide.x - weighted_mean(wide)) ** 2)
    return _finished(over(squares, _weight(wide) - correction), sample, keepdims)


def standard_deviation(
    x: Operand,
    /,
    *,
    correction: float,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Give the square root of the variance along some axes.

    s = √(Σᵢ wᵢ (xᵢ − m)² / (Σᵢ wᵢ − correction)),   m the weighted mean

    Where all elements are equal its derivative is 0, as for a norm at 0. The other arguments are
    those of :func:`variance`.

    Shapes:  x: ...   →   for correction=0
             x: ... n   weights: n   →   ...   for axis=-1, correction=0
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".

    >>> standard_deviation(tensor([1.0, 3.0, 5.0]), correction=1)
    Tensor(2.)
    """
    sample = sample_of("standard_deviation", x, axis, weights, nan)
    if sample.weights is None:
        return deviations.std(
            sample.x, axis=sample.axes, correction=float(correction), keepdims=keepdims
        )
    return _root(_variance(sample, float(correction), keepdims))


def _root(square: Tensor) -> Tensor:
    """The square root with derivative 0 at 0."""
    flat = equal(square, 0.0)
    return where(flat, 0.0, sqrt(where(flat, 1.0, square)))


def skewness(
    x: Operand,
    /,
    *,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Measure how much longer the tail above the mean is than that below, in standard deviations.

    g = Σᵢ wᵢ (xᵢ − m)³ / (Σᵢ wᵢ s³),   m and s the mean and the standard deviation (correction 0)

    It is NaN where all elements are equal. Weights and NaN are those of :func:`mean`.

    Shapes:  x: ... n   →   ...   for axis=-1
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".

    >>> skewness(tensor([-1.0, 0.0, 1.0]))
    Tensor(0.)
    """
    return _standardized("skewness", 3, x, axis, weights, nan, keepdims)


def kurtosis(
    x: Operand,
    /,
    *,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Measure how heavy the tails are: the fourth standardized moment, less the normal's 3.

    k = Σᵢ wᵢ (xᵢ − m)⁴ / (Σᵢ wᵢ s⁴) − 3,   m the mean, s the standard deviation (correction 0)

    It is NaN where all elements are equal. Weights and NaN are those of :func:`mean`.

    Shapes:  x: ... n   →   ...   for axis=-1
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".

    >>> kurtosis(tensor([-1.0, 1.0]))
    Tensor(-2.)
    """
    return _standardized("kurtosis", 4, x, axis, weights, nan, keepdims) - 3.0


def _standardized(
    name: str,
    power: Literal[3, 4],
    x: Operand,
    axis: Axes,
    weights: Operand | None,
    nan: NanPolicy,
    keepdims: bool,
) -> Tensor:
    sample = sample_of(name, x, axis, weights, nan)
    wide = widened(sample)
    distance, square = distances(wide)
    squares = distance * distance
    moment = _total(wide, squares * (distance if power == 3 else squares)) / _count(wide)
    return _finished(moment / square ** (power / 2), sample, keepdims)
