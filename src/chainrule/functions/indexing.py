"""Reading with ``x[...]``, ``take`` and ``take_along_axis``; NumPy's rules throughout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.functions.axes import axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    broadcast,
    describe,
    known_array,
    made_at_once,
)
from chainrule.functions.manipulation import moveaxis, ravel, reshape
from chainrule.functions.selection import Selection, listed, select, wrapped
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, Shape
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = ["take", "take_along_axis"]


# ---------------------------------------------------------------- reading


def _view_nodes(x: Node, shape: Shape, axes: tuple[Axis, ...]) -> Node:
    return build.view(x, shape, axes)


def _gather_nodes(*operands: Any) -> Node:
    """Gather along axes that become the leading ones; the result's index axes move to a place."""
    x, *indices, axes, place = operands
    order = (*axes, *(a for a in range(x.ndim) if a not in axes))
    read = build.gather(build.transpose(x, order), indices)
    lead = indices[0].ndim
    behind = range(lead + place, read.ndim)
    return build.transpose(read, (*range(lead, lead + place), *range(lead), *behind))


_view = Lifted(_view_nodes)
_gather = Lifted(_gather_nodes)


def getitem(x: Tensor, index: Any, /) -> Tensor:
    """Read the elements that an index selects, as NumPy does.

    Raises:  IndexingError: an index is outside its axis, or there are more indices than axes.
             RecordingError: a mask whose value is not known while jit or vmap records.

    >>> x = cr.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[0], x[:, ::-1], x[[1, 0], 2], x[x > 3]
    (Tensor([1, 2, 3]), Tensor([[3, 2, 1],
            [6, 5, 4]]), Tensor([6, 3]), Tensor([4, 5, 6]))
    """
    if x._node is None:
        try:
            read = x._value[plain(index)]  # type: ignore[index]
        except (IndexError, TypeError, ValueError):
            pass  # the long way knows how to say what is wrong
        else:
            return of_value(read if type(read) is np.ndarray else np.asarray(read))
    return read_selection(x, select("index", x, index))


_BASIC = frozenset({int, slice, type(None), type(Ellipsis), np.ndarray, bool})


def plain(index: Any) -> Any:
    """The index as NumPy takes it; raises TypeError where part of it is recorded, or a list."""
    kind = type(index)
    if kind in _BASIC:
        return index
    if kind is tuple:
        return tuple([plain(i) for i in index])
    if kind is Tensor and index._node is None:
        return index._value
    raise TypeError


def read_selection(x: Tensor, selection: Selection) -> Tensor:
    """Read what a selection stands for."""
    viewed = _view([x], selection.shape, selection.axes)
    if not selection.gathered:
        return viewed
    return _gather([viewed, *selection.indices], selection.gathered, selection.place)


# ---------------------------------------------------------------- functions


def take(x: Operand, indices: Operand | Sequence[int], /, axis: int | None = None) -> Tensor:
    """Read elements at integer positions along an axis; ``axis=None`` ravels first.

    Shapes:  x: n ...   indices: k   →   k ...   for axis=0
    Raises:  IndexingError: an index is outside the axis.
             DTypeError: the indices are not integers.

    >>> cr.take(cr.tensor([[1, 2], [3, 4]]), cr.tensor([1, 1, 0]), axis=1)
    Tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    value, places = known_array(x), known_array(indices)
    if value is not None and places is not None and places.dtype.kind in "iu":
        found = made_at_once(value.take, places, axis)
        if found is not None:
            return found
    array = as_tensor(x, "take")
    if axis is None:
        array, axis = ravel(array), 0
    place = axis_of("take", axis, array)
    index = wrapped(array, _integers("take", indices), place)
    return _gather([array, index], (place,), place)


def _integers(name: str, indices: Any) -> Tensor:
    index = listed(indices) if isinstance(indices, list | tuple) else as_tensor(indices, name)
    if not index.dtype.is_integer:
        raise DTypeError(f"{name}: indices are integers\n\n    {describe(index)}")
    return index


def take_along_axis(x: Operand, indices: Operand, /, axis: int = -1) -> Tensor:
    """Read one element for each index, along an axis of which the other axes are aligned.

    yᵢⱼ = xᵢₖ with k = indicesᵢⱼ, for the last of two axes

    Shapes:  x: ... n   indices: ... k   →   ... k
    Raises:  ShapeError: x and the indices differ in the number of axes, or in another size.
             IndexingError: an index is outside the axis.

    >>> x = cr.tensor([[3, 1, 2], [6, 5, 4]])
    >>> cr.take_along_axis(x, cr.tensor([[1], [2]]))
    Tensor([[1],
            [4]])
    """
    value, given = known_array(x), known_array(indices)
    if value is not None and given is not None and given.dtype.kind in "iu":
        found = made_at_once(np.take_along_axis, value, given, axis)
        if found is not None:
            return found
    array, index = as_tensor(x, "take_along_axis"), _integers("take_along_axis", indices)
    if array.ndim != index.ndim:
        raise ShapeError(
            f"take_along_axis: x has {plural(array.ndim, 'axis')}, the indices have "
            f"{index.ndim}\n\n"
            f"    {describe(array)}\n    {describe(index)}"
        )
    place = axis_of("take_along_axis", axis, array)
    places = moveaxis(wrapped(array, index, place), place, -1)
    rows = moveaxis(array, place, -1)
    size, count = rows.shape[-1], places.shape[-1]
    try:
        shape = np.broadcast_shapes(rows.shape[:-1], places.shape[:-1])
    except ValueError:
        raise ShapeError(
            f"take_along_axis: sizes differ along another axis than {place}\n\n"
            f"    {describe(array)}\n    {describe(index)}"
        ) from None
    number = math.prod(shape)
    rows = reshape(broadcast(rows, (*shape, size)), (number, size))
    flat = reshape(broadcast(places, (*shape, count)), (number, count))
    return moveaxis(reshape(_rowwise([rows, flat]), (*shape, count)), -1, place)


def _rowwise_nodes(rows: Node, index: Node) -> Node:
    """result[b, j] = rows[b, index[b, j]]."""
    own = build.expand(build.iota(rows.shape[0]), index.shape, (0,))
    return build.gather(rows, [own, index])


_rowwise = Lifted(_rowwise_nodes)
