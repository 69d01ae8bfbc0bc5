"""Copies: an operand with its zeros around it, or laid out along the lanes, in scratch.

What is read through windows beyond an array's edge is zero. The part of an array that a row of
the kernel needs is copied once, with a frame of zeros, and then every window lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Load

__all__ = ["Axis", "Frame", "frame_of"]


class Axis(NamedTuple):
    """An axis of a frame: place t holds the elements where Σ step · variable = low + gap · t.

    stride   of the array, in elements
    begin    the first place that exists in the array, and the end; the others are zero
    """

    steps: tuple[tuple[int, int], ...]
    stride: int
    low: int
    gap: int
    size: int
    begin: int
    end: int


class Frame(NamedTuple):
    """What of an array some variables reach, zeros included, as a dense array."""

    axes: tuple[Axis, ...]

    @property
    def elements(self) -> int:
        """How many it has."""
        return math.prod(axis.size for axis in self.axes)

    @property
    def is_whole(self) -> bool:
        """Whether there are no zeros."""
        return all(axis.begin == 0 and axis.end == axis.size for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """Elements from place to place of each axis."""
        return tuple(math.prod(a.size for a in self.axes[k + 1 :]) for k in range(len(self.axes)))

    def form(self) -> Affine:
        """Where in the frame an element is read."""
        made = Affine(0)
        for axis, stride in zip(self.axes, self.strides, strict=True):
            steps = tuple(sorted((v, c // axis.gap * stride) for v, c in axis.steps))
            made = made.plus(Affine(-axis.low // axis.gap * stride, steps))
        return made

    def source(self, load: Load) -> tuple[Affine, tuple[int, ...]]:
        """Where in the array the place 0 of all axes would be, and the strides of the axes."""
        used = {v for axis in self.axes for v, _ in axis.steps}
        flat = load.flat
        fixed = Affine(flat.constant, tuple((v, c) for v, c in flat.terms if v not in used))
        fixed = fixed.shifted(sum(axis.stride * axis.low for axis in self.axes))
        return fixed, tuple(axis.stride * axis.gap for axis in self.axes)


def frame_of(load: Load, extents: Mapping[int, int]) -> Frame | None:
    """The frame that some variables reach, whose extents these are, or None.

    Guards on other variables, or on none of the axes, have no frame.
    """
    by_stride: dict[int, list[tuple[int, int]]] = {}
    strides = _strides(load.source.shape)
    for v, c in load.flat.terms:
        if v in extents:
            stride = max(s for s in strides if c % s == 0)
            by_stride.setdefault(stride, []).append((v, c // stride))
    limits: dict[int, tuple[int, int]] = {}
    for guard in load.guards:
        for stride, steps in by_stride.items():
            if tuple(sorted(steps)) == guard.form.terms:
                low, high = limits.get(stride, (-(1 << 62), 1 << 62))
                begin = -guard.form.constant
                limits[stride] = max(low, begin), min(high, begin + guard.size)
                break
        else:
            return None
    return Frame(tuple(
        _axis(stride, by_stride[stride], limits.get(stride), extents)
        for stride in sorted(by_stride, reverse=True)
    ))  # fmt: skip


def _strides(shape: Sequence[int]) -> list[int]:
    made = [1]
    for size in reversed(shape[1:]):
        made.append(made[-1] * size)
    return made


def _axis(
    stride: int,
    steps: list[tuple[int, int]],
    limits: tuple[int, int] | None,
    extents: Mapping[int, int],
) -> Axis:
    low = sum(min(c * (extents[v] - 1), 0) for v, c in steps)
    high = sum(max(c * (extents[v] - 1), 0) for v, c in steps)
    gap = math.gcd(*(c for _, c in steps))
    size = (high - low) // gap + 1
    begin, end = 0, size
    if limits is not None:
        begin = min(max(-((low - limits[0]) // gap), 0), size)
        end = max(min((limits[1] - 1 - low) // gap + 1, size), begin)
    return Axis(tuple(steps), stride, low, gap, size, begin, end)
