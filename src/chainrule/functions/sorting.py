"""Sorting and order statistics, under the array API standard's names.

A sorted Tensor is read from its operand at the indices that sort it, so its derivative goes back to
where each element came from; where elements tie, it follows the order in which they stand. NaN
counts as the largest element.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError
from chainrule.functions.along_axes import count, kept, kept_shape
from chainrule.functions.axes import Axes, axes_of, axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    cast,
    computed,
    describe,
    floating,
    known_array,
)
from chainrule.functions.reduction import some
from chainrule.ir import build
from chainrule.ir.dtype import int64
from chainrule.ir.graph import Node
from chainrule.ir.routines.ordering import ARGSORT
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = ["argsort", "median", "quantile", "sort", "topk"]


def _last(node: Node, axis: int) -> Node:
    """Swap this axis with the last one."""
    order = list(range(node.ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return build.transpose(node, order)


def _order(node: Node, descending: bool) -> Node:
    return build.routine(ARGSORT.name, node, params=(descending,))[0]


def _along_last(node: Node, index: Node) -> Node:
    """Read each row at the indices of its row, as one Gather from the flattened node."""
    length = node.shape[-1]
    rows = math.prod(node.shape[:-1])
    if node.ndim > 1:
        starts = build.multiply(build.iota(rows), build.fill(length, (rows,), int64))
        place = build.reshape(starts, (*node.shape[:-1], 1))
        index = build.add((index, build.broadcast(place, index.shape)))
    return build.gather(build.reshape(node, (rows * length,)), (index,))


def _argsort_node(node: Node, axis: int, descending: bool) -> Node:
    return _last(_order(_last(node, axis), descending), axis)


def _sort_node(node: Node, axis: int, descending: bool) -> Node:
    row = _last(node, axis)
    return _last(_along_last(row, _order(row, descending)), axis)


def _topk_node(node: Node, k: int, axis: int) -> list[Node]:
    row = _last(node, axis)
    index = build.slice_axis(_order(row, True), row.ndim - 1, 0, k)
    return [_last(_along_last(row, index), axis), _last(index, axis)]


def _quickly_sorted(value: np.ndarray, axis: int) -> np.ndarray | None:
    """A quick sort; None where it may have exchanged 0 and −0, which a stable one does not."""
    made = value.copy("K")  # in the same order, so that what lies together is sorted together
    made.sort(axis)
    if made.dtype.kind == "f":
        zeros = np.equal(made, 0)
        if np.count_nonzero(zeros) and np.signbit(made[zeros]).any():
            return None
    return made


_argsort: Final = Lifted(_argsort_node)
_sort: Final = Lifted(_sort_node)
_topk: Final = Lifted(_topk_node)


@reduced
def argsort(
    x: Operand, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """Give the indices that sort the elements along an axis.

    The sort is always stable: equal elements keep their order, also in descending order.

    Shapes:  x: ... n   →   ... n
    Raises:  ShapeError: the axis does not exist.

    >>> cr.argsort(cr.tensor([3.0, 1.0, 3.0, 2.0]), descending=True)
    Tensor([0, 2, 3, 1])
    """
    del stable
    tensor = as_tensor(x, "argsort")
    return _argsort([tensor], axis_of("argsort", axis, tensor), bool(descending))


@reduced
def sort(x: Operand, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Sort the elements along an axis.

    The sort is always stable, which only the derivative shows.

    Shapes:  x: ... n   →   ... n
    Raises:  ShapeError: the axis does not exist.

    >>> cr.sort(cr.tensor([[3.0, 1.0, 2.0]]))
    Tensor([[1., 2., 3.]])
    """
    del stable
    if (value := known_array(x)) is not None and not descending and value.ndim:
        found = computed(_quickly_sorted, value, axis)
        if found is not None:
            return of_value(found)
    tensor = as_tensor(x, "sort")
    return _sort([tensor], axis_of("sort", axis, tensor), bool(descending))


@reduced
def topk(x: Operand, k: int, /, *, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Give the k largest elements along an axis, largest first, and their indices.

    Of equal elements the first comes first.

    Shapes:  x: ... n+k   →   ... k, ... k   for k=k
    Raises:  ShapeError: the axis does not exist.
             ArgumentError: k is negative or larger than the axis.

    >>> values, indices = cr.topk(cr.tensor([1.0, 9.0, 5.0]), 2)
    >>> values, indices
    (Tensor([9., 5.]), Tensor([1, 2]))
    """
    tensor = as_tensor(x, "topk")
    place = axis_of("topk", axis, tensor)
    if not 0 <= k <= tensor.shape[place]:
        raise ArgumentError(
            f"topk: {plural(k, 'element')} of an axis of {tensor.shape[place]}\n\n    "
            f"{describe(tensor)}\n\n"
            "  k lies between 0 and the size of the axis."
        )
    value = known_array(tensor)
    if value is not None and 0 < k < value.shape[place]:
        found = quiet_call(_largest, np.moveaxis(value, place, -1), k)
        if found is not None:
            largest, index = (np.moveaxis(each, -1, place) for each in found)
            return of_value(largest), of_value(index)
    values, indices = _topk([tensor], k, place)
    return values, indices


def _largest(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The same without sorting what is smaller than the k-th largest; None where one is NaN."""
    if rows.ndim == 1 and (index := _candidates(rows, k)) is not None:
        kept = rows[index]
        (order,) = ARGSORT.value(kept, True)
        return kept[order[:k]], index[order[:k]]
    top = np.partition(rows, -k, -1)[..., -k:]  # where NaN would be
    if (top != top).any():
        return None
    least = top[..., :1]
    kept = rows >= least
    index = np.nonzero(kept)[-1]
    if index.size > top.size:  # of those that equal the least, the first ones
        tied = rows == least
        room = k - np.count_nonzero(kept & ~tied, -1, keepdims=True)
        kept &= ~tied | (np.cumsum(tied, -1) <= room)
        index = np.nonzero(kept)[-1]
    places = index.reshape(top.shape)
    values = _read(rows, places)
    (order,) = ARGSORT.value(values, True)
    return _read(values, order), _read(places, order)


_SIFTED: Final = 4096  # elements from which on it pays to look for candidates


def _candidates(row: np.ndarray, k: int) -> np.ndarray | None:
    """Where elements are that may be among the k largest; None where those are many, or one is NaN.

    The k-th largest element of all is no smaller than the k-th largest of the maxima of groups.
    """
    groups = 32 * k
    if row.size < _SIFTED or row.size < 4 * groups:
        return None
    whole = row.size // groups * groups
    maxima = np.maximum.reduce(row[:whole].reshape(-1, groups), 0)
    top = np.partition(maxima, -k)[-k:]
    if (top != top).any() or (row[whole:] != row[whole:]).any():
        return None
    index = np.greater_equal(row, top[0]).nonzero()[0]
    return index if index.size <= 2 * groups else None


def _read(rows: np.ndarray, index: np.ndarray) -> np.ndarray:
    return rows[index] if rows.ndim == 1 else np.take_along_axis(rows, index, -1)


# ---------------------------------------------------------------- order statistics


def _sorted_first(node: Node, axes: tuple[int, ...]) -> Node:
    """The elements along the axes, flattened and sorted, as the first axis."""
    others = kept(node, axes)
    rows = build.transpose(node, (*others, *axes))
    rows = build.reshape(rows, (*(node.shape[a] for a in others), count(node, axes)))
    ordered = _along_last(rows, _order(rows, False))
    return build.transpose(ordered, (len(others), *range(len(others))))


def _between(lower: Node, upper: Node, weight: Node, largest: Node) -> Node:
    """lower + weight · (upper − lower), also between equal infinities; NaN if the largest is."""
    step = build.multiply(weight, build.subtract(upper, lower))
    equal = build.apply("equal", lower, upper)
    infinite = build.apply("logical_and", equal, build.apply("isinf", lower))
    value = build.select(infinite, lower, build.add((lower, step)))
    return build.select(build.apply("isnan", largest), largest, value)


def _quantile_node(node: Node, q: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    ordered = _sorted_first(node, axes)
    count, rest = ordered.shape[0], ordered.shape[1:]
    last = build.fill(count - 1, q.shape, q.dtype)
    position = build.apply("clip", build.multiply(q, last), build.zeros_like(last), last)
    below, above = build.apply("floor", position), build.apply("ceil", position)
    lower = build.gather(ordered, (build.cast(below, int64),))
    upper = build.gather(ordered, (build.cast(above, int64),))
    places = tuple(range(q.ndim))
    weight = build.expand(build.subtract(position, below), lower.shape, places)
    top = build.reshape(build.slice_axis(ordered, 0, count - 1, 1), rest)
    value = _between(lower, upper, weight, build.broadcast(top, lower.shape))
    shape = kept_shape(node.shape, axes)
    return build.reshape(value, (*q.shape, *shape)) if keepdims else value


def _quantile_kernel(
    node: Node, q: Node, axes: tuple[int, ...], keepdims: bool
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The same by a quick sort, or for one q by a partition: equal elements need no order."""
    others = kept(node, axes)
    last = count(node, axes) - 1
    rest = tuple(node.shape[a] for a in others)
    shape = (*q.shape, *(kept_shape(node.shape, axes) if keepdims else rest))
    places = (*q.shape, *[1] * len(others))

    def quantile(x: np.ndarray, fraction: np.ndarray) -> np.ndarray:
        position = np.clip(fraction * x.dtype.type(last), 0, last)
        below = np.asarray(np.floor(position)).astype(np.int64)
        above = np.asarray(np.ceil(position)).astype(np.int64)
        rows = np.array(x.transpose(*others, *axes).reshape(*rest, last + 1), order="C")
        if fraction.size == 1:
            found = _two_of(rows, below.item(), above.item())
        else:
            rows.sort(-1)
            ordered = np.moveaxis(rows, -1, 0)
            found = ordered[below], ordered[above], ordered[-1]
        lower, upper, largest = found
        weight = np.asarray(position - below, x.dtype).reshape(places)
        value = lower + weight * (upper - lower)
        value = np.where(np.isinf(lower) & (lower == upper), lower, value)
        return np.asarray(np.where(np.isnan(largest), largest, value)).reshape(shape)

    return quantile


def _two_of(rows: np.ndarray, place: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What would be at a place of each sorted row, at that or the next one, and the largest."""
    rows.partition(place, -1)
    lower = rows[..., place]
    upper = np.minimum.reduce(rows[..., after:], -1)
    return lower, upper, np.maximum.reduce(rows[..., place:], -1)


_quantile: Final = Lifted(_quantile_node, _quantile_kernel)


@reduced
def quantile(x: Operand, q: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Give the value below which a fraction q of the elements along some axes lies.

    v = (1 − t) x₍ᵢ₎ + t x₍ᵢ₊₁₎   with   i + t = q (n − 1),   x₍₀₎ ≤ x₍₁₎ ≤ … the sorted elements

    q is a number or a Tensor of numbers from 0 to 1; its axes come first in the result. The result
    is NaN if any element is. Integers become float64. The derivative with respect to q is 0 at the
    kinks, where t is 0.

    Shapes:  x: ...   q: k   →   k
             x: ... n   q: k   →   k ...   for axis=-1
    Raises:  ShapeError: an axis does not exist or is given twice.
             ArgumentError: there are no elements, or a q lies outside 0 to 1.
    Source:  hyndman1996sample, definition 7

    >>> cr.quantile(cr.tensor([1.0, 2.0, 4.0]), 0.25)
    Tensor(1.5)
    """
    return _checked_quantile("quantile", x, q, axis, keepdims)


def _checked_quantile(name: str, x: Operand, q: Operand, axis: Axes, keepdims: bool) -> Tensor:
    tensor = floating(as_tensor(x, name))
    axes = some(name, tensor, axes_of(name, axis, tensor))
    fraction = cast(as_tensor(q, name), tensor.dtype)
    if fraction._value is not None and not np.all((fraction._value >= 0) & (fraction._value <= 1)):
        raise ArgumentError(f"{name}: q lies between 0 and 1, and {fraction!r} does not")
    return _quantile([tensor, fraction], axes, keepdims)


@reduced
def median(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Give the middle one of the sorted elements along some axes, or the mean of the middle two.

    The result is NaN if any element is. Integers become float64.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.
             ArgumentError: there are no elements.

    >>> cr.median(cr.tensor([[3.0, 1.0, 2.0], [6.0, 5.0, 9.0]]), axis=1)
    Tensor([2., 6.])
    """
    return _checked_quantile("median", x, 0.5, axis, keepdims)
