"""Tensors with elements put around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.joining import repeat_nodes
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, promoted
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis
from chainrule.tensors import Tensor

__all__ = ["pad"]

Widths = tuple[tuple[int, int], ...]


def _pad_nodes(x: Node, widths: Widths) -> Node:
    """Zeros around: a View that reads outside its operand."""
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    return build.view(x, shape, tuple(Axis(-a, ((k, 1),)) for k, (a, _) in enumerate(widths)))


def _framed_nodes(x: Node, number: Node, widths: Widths) -> Node:
    for axis, (before, after) in enumerate(widths):
        frame = [
            build.broadcast(number, (*x.shape[:axis], width, *x.shape[axis + 1 :]))
            for width in (before, after)
        ]
        x = _joined([frame[0], x, frame[1]], axis)
    return x


def _edge_nodes(x: Node, widths: Widths) -> Node:
    for axis, (before, after) in enumerate(widths):
        size = x.shape[axis]
        parts = [
            repeat_nodes(build.slice_axis(x, axis, start, 1), width, axis)
            for start, width in ((0, before), (size - 1, after))
        ]
        x = _joined([parts[0], x, parts[1]], axis)
    return x


def _reflect_nodes(x: Node, widths: Widths) -> Node:
    for axis, (before, after) in enumerate(widths):
        size = x.shape[axis]
        left = build.slice_axis(x, axis, before, before, -1)
        right = build.slice_axis(x, axis, size - 2, after, -1)
        x = _joined([left, x, right], axis)
    return x


def _joined(parts: Sequence[Node], axis: int) -> Node:
    return build.join([p for p in parts if p.shape[axis]] or parts[1:2], axis)


def _pad_kernel(node: Node, widths: Widths) -> Callable[[np.ndarray], np.ndarray]:
    """The same, every element of the result written once."""
    shape = tuple(n + a + b for n, (a, b) in zip(node.shape, widths, strict=True))
    inside = tuple(slice(a, a + n) for n, (a, _) in zip(node.shape, widths, strict=True))
    frame = [
        (*inside[:axis], beyond)
        for axis, place in enumerate(inside)
        for beyond in (slice(place.start), slice(place.stop, None))
    ]

    def padded(x: np.ndarray) -> np.ndarray:
        made = np.empty(shape, x.dtype)
        for part in frame:
            made[part] = 0
        made[inside] = x
        return made

    return padded


_pad = Lifted(_pad_nodes, _pad_kernel)
_framed = Lifted(_framed_nodes)
_edge = Lifted(_edge_nodes)
_reflect = Lifted(_reflect_nodes)


def pad(
    x: Operand,
    widths: int | Sequence[int] | Sequence[Sequence[int]],
    /,
    mode: Literal["constant", "reflect", "edge"] = "constant",
    value: Operand = 0,
) -> Tensor:
    """Put elements around a Tensor.

    ``widths`` is one number, one pair (before, after), or one pair for each axis. The new elements
    are ``value``, or those beside the edge in reverse ("reflect"), or that at the edge ("edge").

    Shapes:  x: m n   →   m+2·k n+2·k   for widths=k
             x: m n   →   m+a+b n+c+d   for widths=((a, b), (c, d))
    Raises:  ShapeError: there are not as many pairs as axes, or an axis is too short to reflect.
             ArgumentError: the mode is unknown, or a width is negative.

    >>> cr.pad(cr.tensor([1, 2, 3]), (1, 2))
    Tensor([0, 1, 2, 3, 0, 0])
    >>> cr.pad(cr.tensor([1, 2, 3]), 2, "reflect")
    Tensor([3, 2, 1, 2, 3, 2, 1])
    """
    tensor = as_tensor(x, "pad")
    pairs = _pairs(tensor, widths)
    if mode == "constant":
        number = as_tensor(value, "pad")
        if number._node is None and number.shape == () and not number._known():
            return _pad([tensor], pairs)
        return _framed(promoted("pad", tensor, value), pairs)
    if mode not in ("reflect", "edge"):
        raise ArgumentError(f"pad: the mode is 'constant', 'reflect' or 'edge', not {mode!r}")
    for axis, (size, pair) in enumerate(zip(tensor.shape, pairs, strict=True)):
        if max(pair) > (size - 1 if mode == "reflect" else max(pair) * size):
            raise ShapeError(
                f"pad: axis {axis} of size {size} is too short to {mode} {max(pair)} elements\n\n"
                f"    {describe(tensor)}"
            )
    return (_reflect if mode == "reflect" else _edge)([tensor], pairs)


def _pairs(tensor: Tensor, widths: Any) -> Widths:
    given = np.asarray(widths)
    if given.dtype.kind != "i" or given.shape not in ((), (1,), (2,), (1, 2), (tensor.ndim, 2)):
        raise ShapeError(
            f"pad: the widths {widths} are not one pair for each of {tensor.ndim} axes\n\n"
            f"    {describe(tensor)}"
        )
    if given.size and given.min() < 0:
        raise ArgumentError(f"pad: the width {given.min()} is negative; a slice cuts off elements")
    pairs = np.broadcast_to(given, (tensor.ndim, 2)).tolist()
    return tuple((before, after) for before, after in pairs)
