"""Sliding windows: strides, padding and dilation as a user writes them, and their View."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.lift import describe
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, Shape, View
from chainrule.ir.record import Record
from chainrule.tensors import Tensor

__all__: list[str] = []

Sizes = int | Sequence[int]
Padding = str | int | Sequence[int | Sequence[int]]


class Windows(Record):
    """Windows over the last axes of an array: hashable, with everything static worked out."""

    sizes: Shape
    strides: Shape
    padding: tuple[tuple[int, int], ...]
    dilations: Shape
    counts: Shape

    @property
    def padded(self) -> bool:
        """Whether a window may reach outside of the array."""
        return any(low or high for low, high in self.padding)


def windows_of(
    name: str, x: Tensor, sizes: Shape, stride: Sizes, padding: Padding, dilation: Sizes
) -> Windows:
    """Work out the windows of these sizes over the last axes of x, and check that there is one."""
    rank = len(sizes)
    strides = per_axis(name, "stride", stride, rank)
    dilations = per_axis(name, "dilation", dilation, rank)
    spatial = x.shape[x.ndim - rank :]
    reach = tuple(d * (k - 1) + 1 for k, d in zip(sizes, dilations, strict=True))
    pads = _padding(name, padding, spatial, reach, strides)
    counts = []
    for axis, (n, r, s, (low, high)) in enumerate(zip(spatial, reach, strides, pads, strict=True)):
        if low + n + high < r:
            raise ShapeError(
                f"{name}: a window reaches over {r} elements and spatial axis {axis} has "
                f"{low + n + high}\n\n    x   {describe(x)}\n\n"
                f"  {low} + {n} + {high} elements with padding, window {sizes[axis]}, "
                f"dilation {dilations[axis]}."
            )
        counts.append((low + n + high - r) // s + 1)
    return Windows(sizes, strides, pads, dilations, tuple(counts))


def per_axis(name: str, what: str, value: Sizes, rank: int, least: int = 1) -> Shape:
    """One int for each spatial axis; a single int stands for all of them."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    found = tuple(operator.index(v) for v in given)
    if len(found) != rank or any(v < least for v in found):
        kind = "a positive int" if least else "a nonnegative int"
        raise ArgumentError(
            f"{name}: {what} is {value}; it is {kind}, or one for each of the {rank} spatial axes"
        )
    return found


def _padding(
    name: str, padding: Padding, spatial: Shape, reach: Shape, strides: Shape
) -> tuple[tuple[int, int], ...]:
    if padding == "valid":
        return ((0, 0),) * len(spatial)
    if padding == "same":
        totals = [
            max((-(-n // s) - 1) * s + r - n, 0)
            for n, r, s in zip(spatial, reach, strides, strict=True)
        ]
        return tuple((total // 2, total - total // 2) for total in totals)
    try:
        if isinstance(padding, Sequence) and not isinstance(padding, str):
            found = tuple(_pair(p) for p in padding)
        else:
            found = (_pair(padding),) * len(spatial)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = ()
    if len(found) != len(spatial) or any(p < 0 for pair in found for p in pair):
        raise ArgumentError(
            f'{name}: padding is {padding!r}; it is "same", "valid", one int, or for each of the '
            f"{len(spatial)} spatial axes an int or a pair (before, after), none negative"
        )
    return found


def _pair(value: SupportsIndex | Sequence[int]) -> tuple[int, int]:
    if isinstance(value, Sequence):
        low, high = value
        return operator.index(low), operator.index(high)
    return operator.index(value), operator.index(value)


def window_view(shape: Shape, windows: Windows, order: str) -> View:
    """The View that reads the windows of an array of this shape: zeros outside of it.

    ``order`` names the groups of axes of the result: ``"l"`` the leading axes of the array, or
    ``"n"`` and ``"c"`` for the first of them and the others; ``"o"`` the place of the window,
    ``"k"`` the place in it.
    """
    rank = len(windows.sizes)
    lead = len(shape) - rank
    groups = {"l": shape[:lead], "n": shape[:1], "c": shape[1:lead]}
    groups |= {"o": windows.counts, "k": windows.sizes}
    start: dict[str, int] = {}
    target: Shape = ()
    for group in order:
        start[group] = len(target)
        target += groups[group]
    leading = [start[g] + a for g in "lnc" if g in start for a in range(len(groups[g]))]
    axes = [Axis(0, ((a, 1),)) for a in leading]
    for a in range(rank):
        place = (start["o"] + a, windows.strides[a])
        inside = (start["k"] + a, windows.dilations[a])
        axes.append(Axis(-windows.padding[a][0], (place, inside)))
    return View(target, tuple(axes))


def view_windows(node: Node, windows: Windows, order: str) -> Node:
    """The windows as one array, laid out as ``window_view`` says."""
    view = window_view(node.shape, windows, order)
    return build.view(node, view.shape, view.axes)
