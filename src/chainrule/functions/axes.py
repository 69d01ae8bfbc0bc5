"""Axis numbers and shapes as a user writes them, made plain: nonnegative, in range, ints."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex

from chainrule.errors import ArgumentError, AxisError, ShapeError
from chainrule.functions.lift import describe
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor

Axes = int | Sequence[int] | None

__all__: list[str] = []


def axis_of(name: str, axis: SupportsIndex, tensor: Tensor, extra: int = 0) -> int:
    """The axis counted from the front; ``extra`` is how many axes the result has more."""
    count = tensor.ndim + extra
    found = operator.index(axis)
    if not -count <= found < count:
        raise AxisError(
            f"{name}: there is no axis {found}\n\n    {describe(tensor)}\n\n  {_range(count)}"
        )
    return found % count


def axes_of(name: str, axes: Axes, tensor: Tensor, extra: int = 0) -> tuple[int, ...]:
    """The axes counted from the front, in the order given; None stands for all of them."""
    if axes is None:
        return tuple(range(tensor.ndim))
    if type(axes) is int:
        return (axis_of(name, axes, tensor, extra),)
    several = axes if isinstance(axes, Sequence) else (axes,)
    found = tuple(axis_of(name, a, tensor, extra) for a in several)
    if len(set(found)) < len(found):
        twice = next(a for k, a in enumerate(found) if a in found[:k])
        raise ShapeError(
            f"{name}: axis {twice} is given twice in {several}\n\n    {describe(tensor)}"
        )
    return found


def _range(count: int) -> str:
    if count == 0:
        return "It has no axes."
    if count == 1:
        return "The only axis is 0, or -1."
    return f"Axes are 0 to {count - 1}, or -{count} to -1 counted from the last."


def shape_of(name: str, shape: int | Sequence[int]) -> Shape:
    """A shape as a tuple of nonnegative ints; one int is a shape of one axis."""
    given = shape if type(shape) is tuple else _sizes(shape)
    for n in given:
        if type(n) is not int or n < 0:
            break
    else:
        return given
    sizes = tuple(operator.index(n) for n in given)
    if any(n < 0 for n in sizes):
        raise ShapeError(f"{name}: {list(sizes)} is no shape, since a size is negative")
    return sizes


def _sizes(shape: int | Sequence[int]) -> Shape:
    return tuple(shape) if isinstance(shape, Sequence) else (shape,)


def on_cpu(name: str, device: object) -> None:
    """Refuse a device other than the only one."""
    if device not in (None, "cpu"):
        raise ArgumentError(f"{name}: there is no device {device!r}; the only one is 'cpu'")
