"""Other shapes and orders of the same elements, under the array API standard's names.

Everything here is a Reshape, a View or a Join, so it is linear and costs at most one copy.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ShapeError
from chainrule.functions.axes import Axes, axes_of, axis_of, shape_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    broadcast,
    common_shape,
    describe,
    known_along,
    known_array,
    made_at_once,
    reshaped,
    transposed,
)
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "expand_dims",
    "flatten",
    "flip",
    "moveaxis",
    "permute_dims",
    "ravel",
    "reshape",
    "roll",
    "squeeze",
    "swapaxes",
]

Array = np.ndarray[Any, Any]
Integers = int | Sequence[int]


# ---------------------------------------------------------------- shapes


def reshape(x: Operand, /, shape: Integers, *, copy: bool | None = None) -> Tensor:
    """Give the same elements, in row-major order, another shape; one size may be −1.

    Shapes:  x: m n·k   →   m n k   for shape=(m, n, -1)
    Raises:  ShapeError: the shape has another number of elements.

    >>> cr.reshape(cr.arange(6), (2, -1))
    Tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    del copy  # nobody can tell a copy of an immutable array from the array
    if type(x) is Tensor and x._node is None and _is_plain(shape):
        try:
            return of_value(x._value.reshape(shape))  # type: ignore[union-attr]
        except (TypeError, ValueError):
            pass  # the long way knows how to say what is wrong
    tensor = as_tensor(x, "reshape")
    return reshaped(tensor, _completed(tensor, shape))


def _is_plain(shape: Integers) -> bool:
    """Whether NumPy reads the shape as we do; it would take −2 for −1."""
    return type(shape) is tuple and (not shape or min(shape) >= -1)


def _completed(tensor: Tensor, shape: Integers) -> tuple[int, ...]:
    """The shape with −1 replaced by the size that is left."""
    given = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    sizes = tuple(operator.index(n) for n in given)
    known = math.prod(n for n in sizes if n != -1)
    count = tensor.size
    if sizes.count(-1) == 1 and known > 0 and count % known == 0:
        sizes = tuple(count // known if n == -1 else n for n in sizes)
    if math.prod(sizes) != count or any(n < 0 for n in sizes):
        raise ShapeError(
            f"reshape: {plural(count, 'element')} cannot fill the shape {list(sizes)}\n\n"
            f"    {describe(tensor)}\n\n"
            "  The sizes must multiply to the number of elements; one of them may be -1."
        )
    return sizes


def ravel(x: Operand, /) -> Tensor:
    """Give the elements in row-major order along one axis.

    Shapes:  x: m n   →   m·n

    >>> cr.ravel(cr.tensor([[1, 2], [3, 4]]))
    Tensor([1, 2, 3, 4])
    """
    tensor = as_tensor(x, "ravel")
    return reshape(tensor, (tensor.size,))


def flatten(x: Operand, /, start: int = 0, end: int = -1) -> Tensor:
    """Merge the axes from ``start`` to ``end``, both included, into one.

    Shapes:  x: m n k   →   m·n·k
             x: m n k   →   m n·k   for start=1

    >>> cr.flatten(cr.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    tensor = as_tensor(x, "flatten")
    if tensor.ndim == 0:
        return reshape(tensor, (1,))
    first, last = axis_of("flatten", start, tensor), axis_of("flatten", end, tensor)
    merged = math.prod(tensor.shape[first : last + 1])
    return reshape(tensor, (*tensor.shape[:first], merged, *tensor.shape[max(first, last + 1) :]))


@reduced
def squeeze(x: Operand, /, axis: Axes = None) -> Tensor:
    """Remove axes of size 1; without ``axis`` all of them.

    Shapes:  x: ... 1   →   ...   for axis=-1
    Raises:  ShapeError: an axis to remove has another size.

    >>> cr.squeeze(cr.zeros((1, 3, 1)), 0).shape
    (3, 1)
    """
    if (value := known_along(x, axis)) is not None and (axis is None or type(axis) is int):
        found = made_at_once(value.squeeze, axis)
        if found is not None:
            return found
    tensor = as_tensor(x, "squeeze")
    if axis is None:
        return reshape(tensor, tuple(n for n in tensor.shape if n != 1))
    removed = axes_of("squeeze", axis, tensor)
    for a in removed:
        if tensor.shape[a] != 1:
            raise ShapeError(
                f"squeeze: axis {a} has size {tensor.shape[a]}\n\n    {describe(tensor)}\n\n"
                "  Only axes of size 1 can be removed."
            )
    return reshape(tensor, tuple(n for a, n in enumerate(tensor.shape) if a not in removed))


@reduced
def expand_dims(x: Operand, /, axis: Integers = 0) -> Tensor:
    """Insert axes of size 1, at these places of the result.

    Shapes:  x: ...   →   1 ...
             x: ...   →   ... 1   for axis=-1
    Raises:  ShapeError: the result has no such axis.

    >>> cr.expand_dims(cr.zeros((2, 3)), axis=1).shape
    (2, 1, 3)
    """
    tensor = as_tensor(x, "expand_dims")
    count = len(axis) if isinstance(axis, Sequence) else 1
    places = axes_of("expand_dims", axis, tensor, extra=count)
    rest = iter(tensor.shape)
    return reshape(
        tensor, tuple(1 if a in places else next(rest) for a in range(tensor.ndim + count))
    )


# ---------------------------------------------------------------- repetition


def broadcast_to(x: Operand, /, shape: Integers) -> Tensor:
    """Repeat along new leading axes and along axes of size 1 until the shape is reached.

    Shapes:  x: n   →   m n   for shape=(m, n)
             x: m 1   →   k m n   for shape=(k, m, n)
    Raises:  ShapeError: an axis has neither size 1 nor the size wanted.

    >>> cr.broadcast_to(cr.tensor([1, 2]), (2, 2))
    Tensor([[1, 2],
            [1, 2]])
    """
    value = known_array(x) if type(shape) is tuple else None
    if value is not None and (found := made_at_once(np.broadcast_to, value, shape)) is not None:
        return found
    tensor = as_tensor(x, "broadcast_to")
    sizes = shape_of("broadcast_to", shape)
    lead = len(sizes) - tensor.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(tensor.shape, sizes[lead:], strict=True)):
        raise ShapeError(
            f"broadcast_to: the shape does not broadcast to {list(sizes)}\n\n"
            f"    {describe(tensor)}\n\n"
            "  Shapes are aligned at their last axis; there, the size must be the same or 1."
        )
    return broadcast(tensor, sizes)


def broadcast_arrays(*arrays: Operand) -> list[Tensor]:
    """Repeat Tensors along axes of size 1 until all have the same shape.

    Raises:  ShapeError: the shapes do not broadcast.

    >>> a, b = cr.broadcast_arrays(cr.zeros((2, 1)), cr.zeros(3))
    >>> a.shape, b.shape
    ((2, 3), (2, 3))
    """
    tensors = [as_tensor(a, "broadcast_arrays") for a in arrays]
    shape = common_shape("broadcast_arrays", tensors) if tensors else ()
    return [broadcast(t, shape) for t in tensors]


# ---------------------------------------------------------------- orders of axes


def permute_dims(x: Operand, /, axes: Sequence[int]) -> Tensor:
    """Put the axes into another order: axis k of the result is axis ``axes[k]`` of x.

    Shapes:  x: m n k   →   k m n   for axes=(2, 0, 1)
    Raises:  ShapeError: the axes are not each of x's once.

    >>> cr.permute_dims(cr.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    value = known_array(x) if type(axes) is tuple and axes else None
    if value is not None and (found := made_at_once(value.transpose, axes)) is not None:
        return found
    tensor = as_tensor(x, "permute_dims")
    order = axes_of("permute_dims", tuple(axes), tensor)
    if len(order) != tensor.ndim:
        raise ShapeError(
            f"permute_dims: {list(axes)} names {len(order)} of {plural(tensor.ndim, 'axis')}\n\n"
            f"    {describe(tensor)}\n\n  Each axis must be named once."
        )
    return transposed(tensor, order)


def moveaxis(x: Operand, source: Integers, destination: Integers, /) -> Tensor:
    """Move axes to other places; the rest keep their order.

    Shapes:  x: m ...   →   ... m   for source=0, destination=-1
    Raises:  ShapeError: an axis does not exist, or there are more sources than destinations.

    >>> cr.moveaxis(cr.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    tensor = as_tensor(x, "moveaxis")
    sources = axes_of("moveaxis", source, tensor)
    places = axes_of("moveaxis", destination, tensor)
    if len(sources) != len(places):
        raise ShapeError(
            f"moveaxis: the axes to move are {len(sources)}, their places {len(places)}\n\n"
            f"    {describe(tensor)}"
        )
    order = [a for a in range(tensor.ndim) if a not in sources]
    for place, a in sorted(zip(places, sources, strict=True)):
        order.insert(place, a)
    return transposed(tensor, tuple(order))


def swapaxes(x: Operand, axis1: int, axis2: int, /) -> Tensor:
    """Exchange two axes.

    Shapes:  x: m ... n   →   n ... m   for axis1=0, axis2=-1
    Raises:  ShapeError: an axis does not exist.

    >>> cr.swapaxes(cr.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    tensor = as_tensor(x, "swapaxes")
    first, second = axis_of("swapaxes", axis1, tensor), axis_of("swapaxes", axis2, tensor)
    order = list(range(tensor.ndim))
    order[first], order[second] = second, first
    return transposed(tensor, tuple(order))


# ---------------------------------------------------------------- orders of elements


def _flip_nodes(x: Node, axes: tuple[int, ...]) -> Node:
    for axis in axes:
        x = build.flip(x, axis)
    return x


def _roll_nodes(x: Node, shifts: tuple[tuple[int, int], ...]) -> Node:
    for axis, shift in shifts:
        size = x.shape[axis]
        if size and shift % size:
            head = size - shift % size
            tail = build.slice_axis(x, axis, head, size - head)
            x = build.join([tail, build.slice_axis(x, axis, 0, head)], axis)
    return x


def _roll_kernel(x: Node, shifts: tuple[tuple[int, int], ...]) -> Callable[[Array], Array] | None:
    """The same in one pass for each axis."""
    heads = [(a, x.shape[a] - shift % x.shape[a]) for a, shift in shifts if x.shape[a]]
    parts = [[(slice(None),) * a + (part,) for part in (slice(head, None), slice(head))]
             for a, head in heads]  # fmt: skip

    def roll(x: Array) -> Array:
        for (axis, _), (tail, front) in zip(heads, parts, strict=True):
            x = np.concatenate((x[tail], x[front]), axis)
        return x

    return roll if heads else None


_flip = Lifted(_flip_nodes)
_roll = Lifted(_roll_nodes, _roll_kernel)


@reduced
def flip(x: Operand, /, axis: Axes = None) -> Tensor:
    """Reverse the order along axes; without ``axis`` along all of them.

    Shapes:  x: ...   →   ...
    Raises:  ShapeError: an axis does not exist.

    >>> cr.flip(cr.tensor([1, 2, 3]))
    Tensor([3, 2, 1])
    """
    tensor = as_tensor(x, "flip")
    return _flip([tensor], axes_of("flip", axis, tensor))


def roll(x: Operand, /, shift: Integers, axis: Axes = None) -> Tensor:
    """Shift elements along axes, the last ones coming in at the front.

    Without ``axis`` the elements are rolled in row-major order.

    Shapes:  x: ...   →   ...   for shift=2
    Raises:  ShapeError: an axis does not exist, or there are not as many shifts as axes.

    >>> cr.roll(cr.tensor([1, 2, 3]), 1)
    Tensor([3, 1, 2])
    """
    tensor = as_tensor(x, "roll")
    if axis is None:
        total = sum(shift) if isinstance(shift, Sequence) else shift
        if tensor.ndim == 1:
            return _roll([tensor], ((0, total),))
        return reshape(roll(ravel(tensor), total, 0), tensor.shape)
    several = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    shifts = tuple(shift) if isinstance(shift, Sequence) else (shift,) * len(several)
    if len(shifts) != len(several):
        raise ShapeError(
            f"roll: the shifts are {len(shifts)}, the axes {len(several)}\n\n    {describe(tensor)}"
        )
    places = [axis_of("roll", a, tensor) for a in several]
    return _roll([tensor], tuple(zip(places, shifts, strict=True)))
