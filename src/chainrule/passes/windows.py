"""Windows: what windows spread is gathered instead.

The derivative of a convolution by its input multiplies each place's cotangent by the kernel and
adds the products up where their windows lie: an Accumulate of a contraction that is as large as all
windows together. Solved for the place, i = o + d·k + offset, it is a convolution again:

Σ_{o,k: o + d·k + offset = i} w[k] c[o]   =   Σ_k w[k] c[i − offset − d·k]

Windows that lie side by side, as those of pooling do, give each place exactly one element: then the
result is the operand with its axes reordered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Accumulate, Axis, Einsum, Shape
from chainrule.ir.subscripts import Labels
from chainrule.passes.rewrite import rewrite, with_bodies

__all__ = ["LAID_OUT", "Windowed", "convolved", "gather_windows"]

_MOST: Final = 2  # times the multiplications
LAID_OUT: Final = 8  # times the elements, which the reference runtime lays out block by block


class Windowed(NamedTuple):
    """An axis over which windows are spread, i = o + d·k + offset: the labels of o and k."""

    place: int
    kernel: int
    offset: int
    dilation: int


def gather_windows(graph: Graph) -> Graph:
    """Give a graph whose windows of step 1, or side by side, are gathered."""

    def rule(node: Node, _: Node) -> Node:
        node = with_bodies(node, gather_windows)
        if isinstance(node.op, Accumulate):
            return _tiled(node, node.op) or _gathered(node, node.op) or node
        return node

    return rewrite(graph, rule)


def _tiled(node: Node, op: Accumulate) -> Node | None:
    """What windows spread that lie side by side, without overlaps and gaps: its axes reordered."""
    operand = node.inputs[0]
    order: list[int] = []
    for axis, size in zip(op.view.axes, node.shape, strict=True):
        step = 1
        own: list[int] = []
        for o, by in sorted(axis.terms, key=lambda term: term[1]):
            if by != step:
                return None
            step *= operand.shape[o]
            own.insert(0, o)
        if step != size or axis.offset:
            return None
        order += own
    if sorted(order) != list(range(operand.ndim)):
        return None
    shape = tuple(operand.shape[o] for o in order)
    axes = tuple(Axis(0, ((order.index(o), 1),)) for o in range(operand.ndim))
    return build.reshape(build.view(operand, shape, axes), node.shape)


def _gathered(node: Node, op: Accumulate) -> Node | None:
    spread = node.inputs[0]
    if not isinstance(spread.op, Einsum) or len(spread.inputs) != 2 or not node.dtype.is_float:
        return None
    left, right = spread.op.subscripts.inputs
    output = spread.op.subscripts.output
    if any(len(set(labels)) < len(labels) for labels in (left, right)):
        return None
    made: list[tuple[int, Callable[[], Node]]] = []
    for kernel, places, order in ((left, right, (0, 1)), (right, left, (1, 0))):
        found = _windowed(op, output, kernel, places, spread.shape, node.shape)
        if found is not None:
            factor, given = (spread.inputs[k] for k in order)
            sizes = _sizes(found, node, factor, kernel, given, places)
            read = {*places, *(w.kernel for w in found if w)}
            if math.prod(sizes[n] for n in read) <= LAID_OUT * math.prod(spread.shape):
                give = partial(convolved, node.shape, op, found, factor, kernel, given, places)
                made.append((math.prod(sizes.values()), partial(give, output)))
    return min(made, key=lambda m: m[0])[1]() if made else None


def _windowed(
    op: Accumulate,
    output: Labels,
    kernel: Labels,
    places: Labels,
    spread: tuple[int, ...],
    shape: tuple[int, ...],
) -> list[Windowed | None] | None:
    """For each axis of the result its windows, or ``None`` for one that is only moved."""
    found: list[Windowed | None] = []
    used: set[int] = set()
    for axis, size in zip(op.view.axes, shape, strict=True):
        labels = [output[o] for o, _ in axis.terms]
        if not used.isdisjoint(labels) or len(set(labels)) < len(labels):
            return None
        used.update(labels)
        steps = dict(zip(labels, (step for _, step in axis.terms), strict=True))
        if len(labels) == 1:
            whole = spread[axis.terms[0][0]] == size
            if not whole or axis.offset or steps[labels[0]] != 1:
                return None
            found.append(None)
            continue
        at = [n for n in labels if n in places and n not in kernel and steps[n] == 1]
        by = [n for n in labels if n in kernel and n not in places]
        if len(labels) != 2 or len(at) != 1 or len(by) != 1:
            return None
        found.append(Windowed(at[0], by[0], axis.offset, steps[by[0]]))
    places_before = math.prod(spread[output.index(w.place)] for w in found if w)
    places_after = math.prod(n for n, w in zip(shape, found, strict=True) if w)
    cheap = places_after <= _MOST * places_before
    return found if any(found) and cheap else None


def _sizes(
    found: list[Windowed | None],
    node: Node,
    factor: Node,
    kernel: Labels,
    given: Node,
    places: Labels,
) -> dict[int, int]:
    """The extents of all labels of the convolution."""
    sizes = dict(zip((*kernel, *places), (*factor.shape, *given.shape), strict=True))
    return sizes | {w.place: n for w, n in zip(found, node.shape, strict=True) if w}


def convolved(
    shape: Shape,
    op: Accumulate,
    found: list[Windowed | None],
    factor: Node,
    kernel: Labels,
    given: Node,
    places: Labels,
    output: Labels,
) -> Node:
    """The convolution of this shape that gathers what windows spread."""
    by_place = {w.place: (w, n) for w, n in zip(found, shape, strict=True) if w}
    inner = tuple(w.kernel for w in found if w)
    sizes = dict(zip(kernel, factor.shape, strict=True))
    reach = [by_place[n][1] if n in by_place else size
             for n, size in zip(places, given.shape, strict=True)]  # fmt: skip
    reach += [sizes[n] for n in inner]
    axes = []
    for k, label in enumerate(places):
        if label in by_place:
            windows = by_place[label][0]
            second = (len(places) + inner.index(windows.kernel), -windows.dilation)
            axes.append(Axis(-windows.offset, ((k, 1), second)))
        else:
            axes.append(Axis(0, ((k, 1),)))
    read = build.view(given, tuple(reach), tuple(axes))
    wanted = tuple(
        w.place if w else output[axis.terms[0][0]]
        for w, axis in zip(found, op.view.axes, strict=True)
    )
    return build.einsum((factor, read), (kernel, (*places, *inner)), wanted)
