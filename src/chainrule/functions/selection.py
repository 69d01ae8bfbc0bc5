"""What ``x[...]`` means: an index parsed into a selection, by NumPy's rules.

A *selection* is a View, for ints, slices, None and Ellipsis, then, where arrays are among the
indices, a Gather along the axes that they index. A boolean mask counts as the integer arrays of the
places where it holds, so its value must be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from chainrule.errors import IndexingError, ShapeError
from chainrule.functions.lift import Lifted, broadcast, cast, common_shape, describe, known_or
from chainrule.ir import build
from chainrule.ir.dtype import bool_, int64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, Shape
from chainrule.ir.record import Record
from chainrule.tensors import Tensor, of_value, of_values, tensor
from chainrule.wording import plural

__all__: list[str] = []


class Selection(Record):
    """What an index means: a View, then a Gather along the axes that arrays index, if any.

    ``gathered`` are axes of the View; those of the index arrays stand at ``place`` of the result.
    """

    shape: Shape
    axes: tuple[Axis, ...]
    gathered: tuple[int, ...] = ()
    indices: tuple[Tensor, ...] = ()
    place: int = 0

    @property
    def rest(self) -> Shape:
        """The sizes of the axes that no array indexes."""
        return tuple(n for a, n in enumerate(self.shape) if a not in self.gathered)

    @property
    def result(self) -> Shape:
        """The shape of what is read."""
        rest, read = self.rest, self.indices[0].shape if self.indices else ()
        return (*rest[: self.place], *read, *rest[self.place :])


Item = int | slice | bool | Tensor | EllipsisType | None
"""One part of an index; a bool is a mask without axes: an index array for a new axis."""


def select(name: str, x: Tensor, index: Any) -> Selection:
    """Parse an index of x."""
    items = _complete(name, x, index if isinstance(index, tuple) else (index,))
    shape: list[int] = []
    axes: list[Axis] = []
    gathered: list[int] = []
    indices: list[Tensor] = []
    for item in items:
        if item is Ellipsis:
            continue
        if item is None or isinstance(item, bool):
            if item is not None:
                gathered.append(len(shape))
                indices.append(of_value(np.zeros(int(item), np.int64)))
            shape.append(1)
            continue
        axis, size = len(axes), x.shape[len(axes)]
        if isinstance(item, int):
            axes.append(Axis(_inside(x, item, axis), ()))
        elif isinstance(item, slice):
            start, step, count = _bounds(item, size)
            axes.append(Axis(start, ((len(shape), step),)))
            shape.append(count)
        else:
            axes.append(Axis(0, ((len(shape), 1),)))
            gathered.append(len(shape))
            indices.append(wrapped(x, item, axis))
            shape.append(size)
    if not gathered:
        return Selection(tuple(shape), tuple(axes))
    together = common_index(name, x, indices)
    place = _place(items, gathered)
    return Selection(tuple(shape), tuple(axes), tuple(gathered), together, place)


def _place(items: Sequence[Item], gathered: Sequence[int]) -> int:
    """Where the axes of the index arrays go: in their place if they are adjacent, else in front."""
    advanced = [k for k, item in enumerate(items) if isinstance(item, int | Tensor)]
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
    """The items of an index, one for each axis: the Ellipsis spelled out, masks made integers."""
    parts: list[Any] = [part if part is Ellipsis else _part(name, x, part) for part in index]
    used = sum(_axes_used(part) for part in parts)
    if used > x.ndim:
        raise IndexingError(
            f"{name}: {plural(used, 'index')} for {plural(x.ndim, 'axis')}\n\n    {describe(x)}"
        )
    dots = [k for k, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexingError(f"{name}: an index has one Ellipsis (...) at most")
    at = dots[0] if dots else len(parts)
    # Even an Ellipsis that stands for no axis parts the index arrays on its sides, so it stays.
    parts[at : at + 1] = [*parts[at : at + 1], *[slice(None)] * (x.ndim - used)]
    items: list[Item] = []
    axis = 0
    for part in parts:
        is_mask = isinstance(part, Tensor) and part.dtype is bool_
        items += _mask_items(name, x, part, axis) if is_mask else [part]
        axis += _axes_used(part)
    return items


def _axes_used(part: Any) -> int:
    if isinstance(part, Tensor) and part.dtype is bool_:
        return part.ndim
    return int(type(part) is int or isinstance(part, slice | Tensor))  # Tensors may be watched


def _part(name: str, x: Tensor, part: Any) -> Any:
    """One part of an index as an int, a slice, None, or a Tensor of integers or bools."""
    if part is None or isinstance(part, slice):
        return part
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    if not isinstance(part, bool | np.bool_ | list | np.ndarray | Tensor):
        raise IndexingError(
            f"{name}: a {type(part).__name__} cannot index an axis\n\n    {describe(x)}\n\n"
            "  An index is an int, a slice, None, ..., a boolean mask or an array of integers."
        )
    array = listed(part) if isinstance(part, list) else tensor(part)
    if array.dtype.is_float:
        raise IndexingError(
            f"{name}: {array.dtype} numbers cannot index an axis\n\n    {describe(x)}\n"
            f"    {describe(array)}\n\n  Convert the index with .astype(cr.int64)."
        )
    is_number = array.dtype.is_integer and array.ndim == 0 and array._node is None
    return int(array._known()) if is_number else array


def listed(part: Sequence[Any]) -> Tensor:
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
    return [*of_values(known_mask(name, mask).nonzero())]


def known_mask(name: str, mask: Tensor) -> np.ndarray:
    """The value of a mask; raises where it is not known."""
    return known_or(
        mask,
        lambda kind: (
            f"{name}: how many elements a mask selects is not known while {kind} records\n\n"
            f"    {describe(mask)}\n\n"
            "  Keep the shape and choose by value instead: cr.where(mask, x, 0)."
        ),
    )


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


def wrapped(x: Tensor, index: Tensor, axis: int) -> Tensor:
    """An integer index with negative numbers counted from the end, checked where it is known."""
    size = x.shape[axis]
    host = index._recording
    if host is None or host.unknown_under is None:
        value = index._known()
        if value.size and not (-size <= value.min() and value.max() < size):
            raise out_of_bounds(x, int(value[(value < -size) | (value >= size)].flat[0]), axis)
        if host is None:
            plain = value.astype(np.int64)
            if not plain.size or plain.min() >= 0:
                return of_value(plain)
            return of_value(np.where(plain < 0, plain + size, plain))
    wide = cast(index, int64)
    return wide if index.dtype.kind == "unsigned" else _from_end([wide], size)


def _from_end_nodes(index: Node, size: int) -> Node:
    zero = build.zeros_like(index)
    length = build.fill(size, index.shape, index.dtype)
    negative = build.apply("less", index, zero)
    return build.select(negative, build.add((index, length)), index)


_from_end = Lifted(_from_end_nodes)
