"""Quantiles by each of NumPy's methods, weighted or not, along any axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.functions import sorting
from chainrule.functions.along_axes import kept_shape
from chainrule.functions.axes import Axes
from chainrule.functions.comparison import equal, isinf, isnan
from chainrule.functions.cumulative import cumulative_sum
from chainrule.functions.elementwise import clip, floor, minimum, round, where
from chainrule.functions.indexing import take, take_along_axis
from chainrule.functions.joining import stack
from chainrule.functions.lift import Operand, broadcast, cast, describe
from chainrule.functions.manipulation import expand_dims, moveaxis, permute_dims, reshape
from chainrule.functions.reduction import any, sum
from chainrule.ir.dtype import float64, int64
from chainrule.stats.sample import NanPolicy, Sample, sample_of
from chainrule.tensors import Tensor, of_value, tensor

__all__ = ["Method", "median", "quantile", "quartiles"]

Method = Literal[
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
    "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
    "midpoint", "nearest",
]  # fmt: skip
Shares = Operand | Sequence[float]
Rule = Callable[[Tensor, Tensor], Tensor]

# ---------------------------------------------------------------- where a quantile lies


def _plotting(alpha: float, beta: float) -> Rule:
    """n q + α + q (1 − α − β), counted from 0."""
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _linear(n: Tensor, q: Tensor) -> Tensor:
    return (n - 1) * q


def _as_is(t: Tensor, _: Tensor) -> Tensor:
    return t


def _all_way(t: Tensor, _: Tensor) -> Tensor:
    return where(t > 0, 1.0, 0.0)


_PLACES: Final[dict[str, Rule]] = {
    "inverted_cdf": lambda n, q: n * q - 1,
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    "closest_observation": lambda n, q: n * q - 1.5,
    "interpolated_inverted_cdf": _plotting(0, 1),
    "hazen": _plotting(0.5, 0.5),
    "weibull": _plotting(0, 0),
    "median_unbiased": _plotting(1 / 3, 1 / 3),
    "normal_unbiased": _plotting(3 / 8, 3 / 8),
    "nearest": lambda n, q: round((n - 1) * q),
}
"""The place among the sorted elements, counted from 0; that of the other methods is (n − 1) q."""

_WEIGHTS: Final[dict[str, Rule]] = {
    "inverted_cdf": _all_way,
    "averaged_inverted_cdf": lambda t, _: where(t > 0, 1.0, 0.5),
    "closest_observation": lambda t, below: where(equal(t, 0.0) & equal(below % 2, 1.0), 0.0, 1.0),
    "lower": lambda t, _: 0 * t,
    "higher": _all_way,
    "midpoint": lambda t, _: where(t > 0, 0.5, 0.0),
}
"""How far from the element below to that above, for the fraction t; that of the others is t."""


def _placed(n: Tensor, q: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """The place below a quantile of n elements, and how far from there to the next it lies."""
    place = _PLACES.get(method, _linear)(n, q)
    below = floor(place)
    return below, cast(_WEIGHTS.get(method, _as_is)(place - below, below), n.dtype)


def _between(lower: Tensor, upper: Tensor, t: Tensor) -> Tensor:
    """(1 − t) lower + t upper, also of infinities; for t = 0 and 1 the very element."""
    end = where(equal(t, 1.0), upper, lower)
    whole = equal(t, 0.0) | equal(t, 1.0) | (isinf(lower) & (lower == upper))
    infinite = ~whole & (isinf(lower) | isinf(upper))
    step = where(whole | infinite, 0.0, upper - lower)
    mixed = (1 - t) * where(infinite, lower, 0.0) + t * where(infinite, upper, 0.0)
    return where(whole, end, where(infinite, mixed, lower + t * step))


# ---------------------------------------------------------------- reading the sorted elements


def _rows(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The elements along the axes as one last axis."""
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    length = math.prod(x.shape[a] for a in axes)
    return reshape(permute_dims(x, (*kept, *axes)), (*(x.shape[a] for a in kept), length))


_FEW: Final = 3  # quantiles that are read one by one


def _plain(rows: Tensor, q: Tensor, method: str) -> Tensor:
    """Quantiles of rows that count once each; those of the first axis of q come first."""
    length = rows.shape[-1]
    ordered = take_along_axis(rows, sorting.argsort(rows))
    if method == "averaged_inverted_cdf" and _is_half(q):
        value = 0.5 * ordered[..., (length - 1) // 2] + 0.5 * ordered[..., length // 2]
        return _unless_nan(ordered, expand_dims(value, 0))
    below, weight = _placed(tensor(float(length), dtype=rows.dtype), q, method)
    ranks = [cast(clip(at, 0, length - 1), int64) for at in (below, below + 1)]
    if q.size <= _FEW and q._recording is None:  # slices, whose places a formula can show
        values = [
            _unless_nan(ordered, _between(ordered[..., one], ordered[..., next_], weight[k]))
            for k, (one, next_) in enumerate(zip(*(rank.tolist() for rank in ranks), strict=True))
        ]
        return stack(values)
    lower, upper = (moveaxis(take(ordered, rank, axis=-1), -1, 0) for rank in ranks)
    value = _between(lower, upper, reshape(weight, (-1,) + (1,) * (lower.ndim - 1)))
    return _unless_nan(ordered, value)


def _is_half(q: Tensor) -> bool:
    """Whether the median alone is asked for: its places follow the length in one formula."""
    return q._recording is None and q._value is not None and q._value.tolist() == [0.5]


def _unless_nan(ordered: Tensor, value: Tensor) -> Tensor:
    """The value; NaN where an element is, which is then the last."""
    return where(isnan(ordered[..., -1]), ordered[..., -1], value)


def _weighted(rows: Tensor, weights: Tensor, q: Tensor, method: str) -> Tensor:
    """The same of rows whose elements count as often as their weights say."""
    order = sorting.argsort(rows)
    ordered, factors = (take_along_axis(each, order) for each in (rows, weights))
    cumulated = cumulative_sum(cast(factors, float64), axis=-1)
    n, q = cumulated[..., -1], cast(q, float64)
    targets = reshape(q, (-1,) + (1,) * n.ndim)

    def read(reached: Tensor) -> Tensor:
        """The first element at which the cumulated weight is where it should be."""
        index = clip(sum(cast(~reached, int64), axis=-1), 0, rows.shape[-1] - 1)
        together = broadcast(ordered, (*index.shape, rows.shape[-1]))
        return take_along_axis(together, expand_dims(index, -1))[..., 0]

    def at_least(total: Tensor) -> Tensor:
        least = float(np.finfo(rows.dtype.numpy).tiny)  # elements of weight 0 are never reached
        return read(cumulated >= expand_dims(clip(total, least, None), -1))

    if method in _REAL_WEIGHTS:
        lower = at_least(n * targets)
        if method == "inverted_cdf":
            return _or_nan(lower, rows, weights)
        above = read(cumulated > expand_dims(n * targets, -1))
        upper = where(targets < 1, above, at_least(n + 0 * targets))
        return _or_nan(_between(lower, upper, tensor(0.5, dtype=n.dtype)), rows, weights)
    below, weight = _placed(n, targets, method)
    lower, upper = (
        read(cumulated > expand_dims(minimum(clip(at, 0, None), n - 1), -1))
        for at in (below, below + 1)
    )
    return _or_nan(_between(lower, upper, weight), rows, weights)


_REAL_WEIGHTS: Final = ("inverted_cdf", "averaged_inverted_cdf")


def _or_nan(value: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """NaN where an element that counts is NaN, or none counts."""
    broken = any(isnan(rows) & (weights > 0), axis=-1) | ~any(weights > 0, axis=-1)
    return where(broken, float("nan"), value)


# ---------------------------------------------------------------- public


def quantile(
    x: Operand,
    q: Shares,
    /,
    *,
    axis: Axes = None,
    method: Method = "linear",
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Give the value below which a share q of the elements along some axes lies.

    v = (1 − t) x₍ᵢ₎ + t x₍ᵢ₊₁₎,   x₍₀₎ ≤ x₍₁₎ ≤ … the sorted elements

    method   where i + t lies, under NumPy's names. Definitions 4 to 9 of the source,
             i + t = q (n + 1 − α − β) + α − 1, are "interpolated_inverted_cdf" (α, β = 0, 1),
             "hazen" (½, ½), "weibull" (0, 0), "linear" (1, 1), "median_unbiased" (⅓, ⅓) and
             "normal_unbiased" (⅜, ⅜); "lower", "higher", "midpoint" and "nearest" round t of
             "linear". Definitions 1 to 3, "inverted_cdf", "averaged_inverted_cdf" and
             "closest_observation", take an element, or the mean of two
    weights  how often each element counts, as for :func:`mean`. Weights that are no whole numbers
             have a meaning for "inverted_cdf" and "averaged_inverted_cdf" only
    nan      as for :func:`mean`; where no element is left the result is NaN

    q is a number or a Tensor of numbers from 0 to 1; its axes come first in the result. The
    derivative goes to the elements that were read, and to q where t depends on it.

    Shapes:  x: ...   q: k   →   k
             x: ... n   q: k   →   k ...   for axis=-1
             x: ... n   q: k   weights: n   →   k ...   for axis=-1, method="inverted_cdf"
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; q lies outside 0 to 1; there is no such method;
             a weight is negative, or not whole where it must be; NaN, if nan="raise".
    Cost:    a sort, n log n.
    Source:  hyndman1996sample

    >>> quantile(tensor([1.0, 2.0, 4.0]), 0.25)
    Tensor(1.5)
    >>> quantile(tensor([1.0, 2.0, 4.0]), 0.25, method="inverted_cdf")
    Tensor(1.)
    """
    sample = sample_of("quantile", x, axis, weights, nan)
    return _quantile("quantile", sample, q, method, keepdims)


def _quantile(name: str, sample: Sample, q: Shares, method: str, keepdims: bool) -> Tensor:
    share = cast(tensor(q), sample.x.dtype)
    _check(name, sample, share, method)
    found = _at_once(sample, share, method, keepdims)
    if found is not None:
        return found
    if sample.weights is None and method == "linear":  # its places follow n in one formula
        return sorting.quantile(sample.x, share, axis=sample.axes, keepdims=keepdims)
    rows, flat = _rows(sample.x, sample.axes), reshape(share, (-1,))
    if sample.weights is None:
        value = _plain(rows, flat, method)
    else:
        value = _weighted(rows, _rows(sample.weights, sample.axes), flat, method)
    kept = kept_shape(sample.x.shape, sample.axes) if keepdims else value.shape[1:]
    return reshape(value, share.shape + kept)


def _at_once(sample: Sample, share: Tensor, method: str, keepdims: bool) -> Tensor | None:
    """The same numbers from NumPy, which selects and does not sort, where nothing is recorded."""
    x, q = sample.x._value, share._value
    if (
        sample.x._recording is not None
        or share._recording is not None
        or sample.weights is not None
    ):
        return None
    if x is None or q is None or not x.size or not _is_finite(x):
        return None
    axes: Any = sample.axes[0] if len(sample.axes) == 1 else sample.axes  # a tuple makes it copy
    if method in ("linear", "averaged_inverted_cdf") and q.shape == () and q == 0.5:
        if not keepdims and type(axes) is int:
            return of_value(_middle(x, axes))
        made = np.median(x, axes, keepdims=keepdims)
    else:
        own = not keepdims and type(axes) is int and x.shape[axes] <= _SORTED
        x, axes = (_sorted_rows(x, axes), -1) if own else (x, axes)
        made = np.quantile(x, q, axes, None, own, method, keepdims)  # type: ignore[call-overload]
    return of_value(np.asarray(made, x.dtype))


_SORTED: Final = 2**14
"""Elements of a row up to which a sort, which is vectorized, is faster than parts for each q."""


def _sorted_rows(x: np.ndarray, axis: int) -> np.ndarray:
    """The elements along an axis in order, in memory of their own, as the last axis."""
    rows = np.array(np.moveaxis(x, axis, -1), order="C")
    rows.sort(-1)
    return rows


def _is_finite(x: np.ndarray) -> bool:
    """Whether no element is infinite or NaN: so is their sum then, or it has overflown."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.add.reduce(x, None)) or np.isfinite(x).all())


def _middle(x: np.ndarray, axis: int) -> np.ndarray:
    """The median along an axis of finite elements, which are not looked at again."""
    half, odd = divmod(x.shape[axis], 2)
    rows = np.array(np.moveaxis(x, axis, -1), order="C")
    rows.partition(half, -1)  # for one place it is vectorized, for two it is not
    upper = rows[..., half]
    if odd:
        return np.asarray(upper.copy())
    lower = np.maximum.reduce(rows[..., :half], -1)
    return np.asarray((lower + upper) * rows.dtype.type(0.5))


def _check(name: str, sample: Sample, share: Tensor, method: str) -> None:
    if method not in get_args(Method):
        known = ", ".join(map(repr, get_args(Method)))
        raise ArgumentError(f"{name}: there is no method {method!r}\n\n  There are {known}.")
    if share._value is not None and not np.all((share._value >= 0) & (share._value <= 1)):
        raise ArgumentError(f"{name}: q lies between 0 and 1, and {share!r} does not")
    weights = sample.weights
    if weights is None or method in _REAL_WEIGHTS or weights._value is None:
        return
    if not np.array_equal(weights._value, np.floor(weights._value)):
        raise ArgumentError(
            f"{name}: method={method!r} has no meaning for weights that are not whole numbers\n\n"
            f"    weights   {describe(weights)}\n\n"
            '  "inverted_cdf" and "averaged_inverted_cdf" take any weights.'
        )


def median(
    x: Operand,
    /,
    *,
    axis: Axes = None,
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Give the middle one of the sorted elements along some axes, or the mean of the middle two.

    With weights, half of the weight lies at or below it and half at or above. Weights and NaN are
    those of :func:`mean`.

    Shapes:  x: ...   →
             x: ... n   weights: n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: there are no elements; a weight is negative; NaN, if nan="raise".

    >>> median(tensor([3.0, 1.0, 2.0, float("nan")]), nan="omit")
    Tensor(2.)
    """
    sample = sample_of("median", x, axis, weights, nan)
    return _quantile("median", sample, 0.5, "averaged_inverted_cdf", keepdims)


def quartiles(
    x: Operand,
    /,
    *,
    axis: Axes = None,
    method: Method = "linear",
    weights: Operand | None = None,
    nan: NanPolicy = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """Give the three values that cut the sorted elements along some axes into quarters.

    They are the quantiles of ¼, ½ and ¾, in a first axis; the arguments are those of
    :func:`quantile`.

    Shapes:  x: ... n   →   3 ...   for axis=-1
    Raises:  ShapeError: an axis does not exist, or the weights do not fit.
             ArgumentError: as for quantile.

    >>> quartiles(tensor([0.0, 1.0, 2.0, 3.0, 4.0]))
    Tensor([1., 2., 3.])
    """
    sample = sample_of("quartiles", x, axis, weights, nan)
    return _quantile("quartiles", sample, tensor([0.25, 0.5, 0.75]), method, keepdims)
