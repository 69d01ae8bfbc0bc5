"""Searching: where an element is, under the array API standard's names.

Results are integers, so they have no derivative.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, Literal

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.along_axes import kept_shape
from chainrule.functions.axes import Axes, axes_of, axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    cast,
    describe,
    known_along,
    known_or,
    made_at_once,
    promoted,
)
from chainrule.functions.reduction import some, sum
from chainrule.ir import build
from chainrule.ir.dtype import bool_, int64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import ReduceKind
from chainrule.ir.routines.ordering import SEARCHSORTED
from chainrule.tensors import Tensor, of_values
from chainrule.wording import plural

__all__ = ["argmax", "argmin", "count_nonzero", "nonzero", "searchsorted"]


def _arg_node(node: Node, kind: ReduceKind, axis: int | None, keepdims: bool) -> Node:
    if axis is None:
        found = build.reduce(kind, build.reshape(node, (math.prod(node.shape),)), (0,))
        return build.reshape(found, (1,) * node.ndim) if keepdims else found
    found = build.reduce(kind, node, (axis,))
    return build.reshape(found, kept_shape(node.shape, (axis,))) if keepdims else found


_arg: Final = Lifted(_arg_node)


_AT_ONCE: Final = {
    "argmax": (np.ndarray.argmax, partial(np.ndarray.argmax, keepdims=True)),
    "argmin": (np.ndarray.argmin, partial(np.ndarray.argmin, keepdims=True)),
}


def _arg_extremum(name: ReduceKind, x: Operand, axis: int | None, keepdims: bool) -> Tensor:
    value = x._value if type(x) is Tensor else None
    if value is not None and value.size and (axis is None or value.ndim):
        found = made_at_once(_AT_ONCE[name][bool(keepdims)], value, axis)
        if found is not None:
            return found
    tensor = as_tensor(x, name)
    place = None if axis is None else axis_of(name, axis, tensor)
    some(name, tensor, tuple(range(tensor.ndim)) if place is None else (place,))
    return _arg([tensor], name, place, keepdims)


@reduced
def argmax(x: Operand, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Give the index of the largest element along an axis, the first of several.

    Without an axis it is the index into the flattened Tensor. NaN counts as the largest.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
    Raises:  ShapeError: the axis does not exist.
             ArgumentError: there are no elements.

    >>> cr.argmax(cr.tensor([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]]), axis=1)
    Tensor([1, 0])
    """
    return _arg_extremum("argmax", x, axis, keepdims)


@reduced
def argmin(x: Operand, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Give the index of the smallest element along an axis, the first of several.

    Without an axis it is the index into the flattened Tensor. NaN counts as the smallest.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
    Raises:  ShapeError: the axis does not exist.
             ArgumentError: there are no elements.

    >>> cr.argmin(cr.tensor([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]]))
    Tensor(5)
    """
    return _arg_extremum("argmin", x, axis, keepdims)


@reduced
def count_nonzero(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Count the elements that are not 0 along some axes.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.count_nonzero(cr.tensor([[1, 0, 2], [0, 0, 3]]), axis=1)
    Tensor([2, 1])
    """
    if (value := known_along(x, axis)) is not None:
        if value.dtype.kind == "f":  # then NumPy counts one by one
            value = np.not_equal(value, 0)
        count = partial(np.count_nonzero, keepdims=True) if keepdims else np.count_nonzero
        found = made_at_once(count, value, axis)
        if found is not None:
            return found
    tensor = as_tensor(x, "count_nonzero")
    axes = axes_of("count_nonzero", axis, tensor)
    return sum(cast(tensor, bool_), axis=axes, dtype=int64, keepdims=keepdims)


def known_value(name: str, tensor: Tensor) -> np.ndarray:
    """The value of a Tensor that decides on a shape; raises where it is not known."""
    return known_or(
        tensor,
        lambda kind: (
            f"{name}: the shape of the result depends on values that are not known while {kind} "
            f"records\n\n    {describe(tensor)}\n\n"
            f"  Call {name} outside {kind}, or keep the shape and choose with cr.where."
        ),
    )


def nonzero(x: Operand, /) -> tuple[Tensor, ...]:
    """Give the indices of the elements that are not 0, one Tensor for each axis.

    They come in row-major order. The values must be known, so it cannot be used under jit and vmap.

    Raises:  ShapeError: x has no axes.
             RecordingError: the values are not known.

    >>> cr.nonzero(cr.tensor([[0, 7], [8, 0]]))
    (Tensor([0, 1]), Tensor([1, 0]))
    """
    tensor = as_tensor(x, "nonzero")
    if tensor.ndim == 0:
        raise ShapeError(f"nonzero: a Tensor with no axes has no indices\n\n    {describe(tensor)}")
    return tuple(of_values(np.nonzero(known_value("nonzero", tensor))))


def _search_node(x: Node, values: Node, side: str) -> Node:
    flat = build.reshape(values, (math.prod(values.shape),))
    (found,) = build.routine(SEARCHSORTED.name, x, flat, params=(side,))
    return build.reshape(found, values.shape)


_search: Final = Lifted(_search_node)
_take: Final = Lifted(lambda node, index: build.gather(node, (index,)))


def searchsorted(
    x1: Operand,
    x2: Operand,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: Operand | None = None,
) -> Tensor:
    """Give the index in a sorted row before which each value would have to be inserted.

    left:  x1[i−1] < v ≤ x1[i]      right:  x1[i−1] ≤ v < x1[i]

    ``sorter`` holds the indices that sort x1, as from ``argsort``, if it is not sorted itself.

    Shapes:  x1: n   x2: ...   →   ...
    Raises:  ShapeError: x1 or the sorter has not exactly one axis, or their lengths differ.
             ArgumentError: side is neither "left" nor "right".

    >>> cr.searchsorted(cr.tensor([1.0, 2.0, 2.0, 5.0]), cr.tensor([2.0, 3.0]))
    Tensor([1, 3])
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    row, values = promoted("searchsorted", x1, x2)
    if row.ndim != 1:
        raise ShapeError(
            f"searchsorted: x1 has {plural(row.ndim, 'axis')}, but a sorted row has one\n\n"
            f"    {describe(row)}"
        )
    if sorter is not None:
        order = as_tensor(sorter, "searchsorted")
        if order.shape != row.shape:
            raise ShapeError(
                "searchsorted: the sorter has another shape than x1\n\n"
                f"    x1      {describe(row)}\n    sorter  {describe(order)}"
            )
        row = _take([row, order])
    return _search([row, values], side)
