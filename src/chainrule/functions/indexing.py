"""Reading with ``x[...]``, ``take`` and ``take_along_axis``; NumPy's rules throughout.

An index is parsed once into a *selection*: a View for ints, slices, None and Ellipsis, then, where
arrays are among the indices, a Gather along the axes that they index. A boolean mask counts as the
integer arrays of the places where it holds, so its value must be known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, IndexingError, RecordingError, ShapeError
from chainrule.functions.axes import axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    broadcast,
    cast,
    common_shape,
    describe,
)
from chainrule.functions.manipulation import moveaxis, ravel, reshape
from chainrule.ir import build
from chainrule.ir.dtype import int64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, Shape
from chainrule.tensor import Tensor, of_value, tensor

__all__ = ["take", "take_along_axis"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What an index means: a View, then a Gather along the axes that arrays index, if any.

    ``gathered`` are axes of the View; those of the index arrays stand at ``place`` of the result.
    """

    shape: Shape
    axes: tuple[Axis, ...]
    gathered: tuple[int, ...] = ()
    indices: tuple[Tensor, ...] = ()
    place: int = 0


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
    if x._node is None and _is_basic(index):
        try:
            read = x._value[index]  # type: ignore[index]
        except (IndexError, TypeError, ValueError):
            pass  # the long way knows how to say what is wrong
        else:
            return of_value(read if type(read) is np.ndarray else np.asarray(read))
    return read_selection(x, select("index", x, index))


def _is_basic(index: Any) -> bool:
    kind = type(index)
    if kind is tuple:
        return all(type(i) in _BASIC for i in index)
    return kind in _BASIC


_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})


def read_selection(x: Tensor, selection: Selection) -> Tensor:
    """Read what a selection stands for."""
    viewed = _view([x], selection.shape, selection.axes)
    if not selection.gathered:
        return viewed  # type: ignore[no-any-return]
    return _gather([viewed, *selection.indices], selection.gathered, selection.place)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- parsing

Item = int | slice | bool | Tensor | None
"""One part of an index; a bool is a mask without axes: a new axis that is full or empty."""


def select(name: str, x: Tensor, index: Any) -> Selection:
    """Parse an index of x."""
    items = _complete(name, x, index if isinstance(index, tuple) else (index,))
    shape: list[int] = []
    axes: list[Axis] = []
    gathered: list[int] = []
    indices: list[Tensor] = []
    places: list[int | None] = []  # of each index that NumPy calls advanced; None for an int
    for item in items:
        if item is None or isinstance(item, bool):
            shape.append(int(item is not False))
            continue
        axis, size = len(axes), x.shape[len(axes)]
        if isinstance(item, int):
            axes.append(Axis(_inside(x, item, axis), ()))
            places.append(None)
        elif isinstance(item, slice):
            start, step, count = _bounds(item, size)
            axes.append(Axis(start, ((len(shape), step),)))
            shape.append(count)
        else:
            axes.append(Axis(0, ((len(shape), 1),)))
            places.append(len(shape))
            gathered.append(len(shape))
            indices.append(_wrapped(x, item, axis))
            shape.append(size)
    if not gathered:
        return Selection(tuple(shape), tuple(axes))
    together = common_index(name, x, indices)
    place = _place(items, gathered)
    return Selection(tuple(shape), tuple(axes), tuple(gathered), together, place)


def _place(items: Sequence[Item], gathered: Sequence[int]) -> int:
    """Where the axes of the index arrays go: in their place if they are adjacent, else in front."""
    advanced = [k for k, item in enumerate(items) if type(item) in (int, Tensor)]
    adjacent = advanced[-1] - advanced[0] + 1 == len(advanced)
    return gathered[0] if adjacent else 0


def common_index(name: str, x: Tensor, indices: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Broadcast the index arrays against each other."""
    try:
        shape = common_shape(name, indices)
    except ShapeError:
        shapes = " and ".join(str(list(i.shape)) for i in indices)
        raise IndexingError(
            f"{name}: the index arrays of shapes {shapes} do not broadcast\n\n    {describe(x)}"
        ) from None
    return tuple(broadcast(i, shape) for i in indices)


def _complete(name: str, x: Tensor, index: tuple[Any, ...]) -> list[Item]:
    """The items of an index, one for each axis: masks made integers, the Ellipsis spelled out."""
    items: list[Any] = []
    for part in index:
        items += [part] if part is Ellipsis else _items(name, x, part, _used(items))
    used = _used(items)
    if used > x.ndim:
        raise IndexingError(
            f"{name}: {used} indices for {x.ndim} {'axis' if x.ndim == 1 else 'axes'}\n\n"
            f"    {describe(x)}"
        )
    dots = [k for k, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexingError(f"{name}: an index has one Ellipsis (...) at most")
    at = dots[0] if dots else len(items)
    rest = [slice(None)] * (x.ndim - used)
    return [*items[:at], *rest, *items[at + 1 :]]


def _used(items: Sequence[Any]) -> int:
    return sum(type(item) in (int, slice, Tensor) for item in items)


def _items(name: str, x: Tensor, part: Any, axis: int) -> list[Item]:
    """One part of an index as ints, slices, None and integer Tensors."""
    if part is None or isinstance(part, slice):
        return [part]
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return [int(part)]
    if not isinstance(part, bool | np.bool_ | list | np.ndarray | Tensor):
        raise IndexingError(
            f"{name}: a {type(part).__name__} cannot index an axis\n\n    {describe(x)}\n\n"
            "  An index is an int, a slice, None, ..., a boolean mask or an array of integers."
        )
    array = _listed(part) if isinstance(part, list) else as_tensor(part, name)
    if array.dtype.is_integer:
        if array.ndim == 0 and array._node is None:
            return [int(array._known())]
        return [array]
    if array.dtype.is_float:
        raise IndexingError(
            f"{name}: {array.dtype} numbers cannot index an axis\n\n    {describe(x)}\n"
            f"    {describe(array)}\n\n  Convert the index with .astype(cr.int64)."
        )
    return _mask_items(name, x, array, axis)


def _listed(part: Sequence[Any]) -> Tensor:
    """A list of indices; an empty one holds integers."""
    found = tensor(part)
    return found if found.size else cast(found, int64)


def _mask_items(name: str, x: Tensor, mask: Tensor, axis: int) -> list[Item]:
    """The places where a mask holds, as one integer Tensor for each axis of the mask."""
    if mask.ndim == 0:
        return [bool(known_mask(name, mask))]
    for k, size in enumerate(mask.shape):
        if axis + k >= x.ndim or x.shape[axis + k] != size:
            raise IndexingError(
                f"{name}: axis {k} of the mask, of size {size}, does not fit axis {axis + k} of "
                f"the Tensor\n\n    {describe(x)}\n    {describe(mask)}"
            )
    return [of_value(places) for places in known_mask(name, mask).nonzero()]


def known_mask(name: str, mask: Tensor) -> np.ndarray:
    """The value of a mask; raises where it is not known."""
    try:
        return mask._known()
    except RecordingError:
        kind = mask._recording.kind if mask._recording else "jit"
        raise RecordingError(
            f"{name}: how many elements a mask selects is not known while {kind} records\n\n"
            f"    {describe(mask)}\n\n"
            "  Keep the shape and choose by value instead: cr.where(mask, x, 0)."
        ) from None


def _inside(x: Tensor, index: int, axis: int) -> int:
    size = x.shape[axis]
    if not -size <= index < size:
        raise out_of_bounds(x, index, axis)
    return index % size


def out_of_bounds(x: Tensor, index: int, axis: int) -> IndexingError:
    """The exception for an index outside its axis."""
    size = x.shape[axis]
    rule = (
        f"Indices are 0 to {size - 1}, or -{size} to -1 counted from the end."
        if size
        else "The axis is empty."
    )
    return IndexingError(
        f"index {index} is out of bounds for axis {axis} of size {size}\n\n    {describe(x)}\n\n"
        f"  {rule}"
    )


def _bounds(part: slice, size: int) -> tuple[int, int, int]:
    """First index, step and number of elements of a slice."""
    try:
        start, stop, step = part.indices(size)
    except TypeError:
        raise IndexingError(f"index: the bounds of {part} are not integers") from None
    except ValueError:
        raise IndexingError("index: the step of a slice is not 0") from None
    count = len(range(start, stop, step))
    return (start if count else 0), step, count


def _wrapped(x: Tensor, index: Tensor, axis: int) -> Tensor:
    """An integer index with negative numbers counted from the end, checked where it is known."""
    size = x.shape[axis]
    host = index._recording
    if host is None or not any(r.opaque for r in host.chain()):
        value = index._known()
        if value.size and not (-size <= value.min() and value.max() < size):
            raise out_of_bounds(x, int(value[(value < -size) | (value >= size)].flat[0]), axis)
        if host is None:
            plain = value.astype(np.int64)
            return of_value(np.where(plain < 0, plain + size, plain))
    wide = cast(index, int64)
    return wide if index.dtype.kind == "unsigned" else _from_end([wide], size)  # type: ignore[no-any-return]


def _from_end_nodes(index: Node, size: int) -> Node:
    zero = build.zeros_like(index)
    length = build.fill(size, index.shape, index.dtype)
    negative = build.apply("less", index, zero)
    return build.select(negative, build.add((index, length)), index)


_from_end = Lifted(_from_end_nodes)


# ---------------------------------------------------------------- functions


def take(x: Operand, indices: Operand | Sequence[int], /, axis: int | None = None) -> Tensor:
    """Read elements at integer positions along an axis; ``axis=None`` ravels first.

    Raises:  IndexingError: an index is outside the axis.
             DTypeError: the indices are not integers.

    >>> cr.take(cr.tensor([[1, 2], [3, 4]]), cr.tensor([1, 1, 0]), axis=1)
    Tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    array = as_tensor(x, "take")
    if axis is None:
        array, axis = ravel(array), 0
    place = axis_of("take", axis, array)
    index = _wrapped(array, _integers("take", indices), place)
    return _gather([array, index], (place,), place)  # type: ignore[no-any-return]


def _integers(name: str, indices: Any) -> Tensor:
    index = _listed(indices) if isinstance(indices, list | tuple) else as_tensor(indices, name)
    if not index.dtype.is_integer:
        raise DTypeError(f"{name}: indices are integers\n\n    {describe(index)}")
    return index


def take_along_axis(x: Operand, indices: Operand, /, axis: int = -1) -> Tensor:
    """Read one element for each index, along an axis of which the other axes are aligned.

    yᵢⱼ = xᵢₖ with k = indicesᵢⱼ, for the last of two axes

    Raises:  ShapeError: x and the indices differ in the number of axes, or in another size.
             IndexingError: an index is outside the axis.

    >>> x = cr.tensor([[3, 1, 2], [6, 5, 4]])
    >>> cr.take_along_axis(x, cr.tensor([[1], [2]]))
    Tensor([[1],
            [4]])
    """
    array, index = as_tensor(x, "take_along_axis"), _integers("take_along_axis", indices)
    if array.ndim != index.ndim:
        raise ShapeError(
            f"take_along_axis: x has {array.ndim} axes, the indices have {index.ndim}\n\n"
            f"    {describe(array)}\n    {describe(index)}"
        )
    place = axis_of("take_along_axis", axis, array)
    wrapped = moveaxis(_wrapped(array, index, place), place, -1)
    rows = moveaxis(array, place, -1)
    size, count = rows.shape[-1], wrapped.shape[-1]
    try:
        shape = np.broadcast_shapes(rows.shape[:-1], wrapped.shape[:-1])
    except ValueError:
        raise ShapeError(
            f"take_along_axis: sizes differ along another axis than {place}\n\n"
            f"    {describe(array)}\n    {describe(index)}"
        ) from None
    number = math.prod(shape)
    rows = reshape(broadcast(rows, (*shape, size)), (number, size))
    flat = reshape(broadcast(wrapped, (*shape, count)), (number, count))
    return moveaxis(reshape(_rowwise([rows, flat]), (*shape, count)), -1, place)


def _rowwise_nodes(rows: Node, index: Node) -> Node:
    """result[b, j] = rows[b, index[b, j]]."""
    own = build.expand(build.iota(rows.shape[0]), index.shape, (0,))
    return build.gather(rows, [own, index])


_rowwise = Lifted(_rowwise_nodes)
