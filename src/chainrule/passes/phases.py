"""Phases: what windows spread by longer steps is gathered, one remainder of the place at a time.

The places i = s·o + d·k + offset with i = s·j + r, of one phase r, are reached only by every s-th
element of the kernel. With d·k₀ + offset = r − s·q and k = k₀ + s·m they are a convolution:

Σ_{o,k: s·o + d·k + offset = s·j + r} w[k] c[o]   =   Σ_m w[k₀ + s·m] c[j + q − d·m]

So nothing is multiplied by zeros. The phases lie in turn, which is a reshape.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Final, NamedTuple

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Accumulate, Axis, Einsum
from chainrule.ir.subscripts import Labels
from chainrule.passes.rewrite import rewrite, with_bodies
from chainrule.passes.windows import LAID_OUT, Windowed, convolved

__all__ = ["gather_phases"]

_PHASES: Final = 9  # more convolutions than that are not worth it


class Stepped(NamedTuple):
    """An axis over which windows are spread: labels of place and kernel, and i = s·o + d·k + f."""

    place: int
    kernel: int
    step: int
    dilation: int
    offset: int


def gather_phases(graph: Graph) -> Graph:
    """Give a graph whose windows of longer steps are gathered."""

    def rule(node: Node, _: Node) -> Node:
        node = with_bodies(node, gather_phases)
        if isinstance(node.op, Accumulate):
            return _gathered(node, node.op) or node
        return node

    return rewrite(graph, rule)


def _gathered(node: Node, op: Accumulate) -> Node | None:
    spread = node.inputs[0]
    if not isinstance(spread.op, Einsum) or len(spread.inputs) != 2 or not node.dtype.is_float:
        return None
    left, right = spread.op.subscripts.inputs
    output = spread.op.subscripts.output
    if any(len(set(labels)) < len(labels) for labels in (left, right)) or 0 in node.shape:
        return None
    for kernel, places, order in ((left, right, (0, 1)), (right, left, (1, 0))):
        found = _stepped(op, output, kernel, places, spread.shape, node.shape)
        if found is not None and _is_cheap(found, places, spread):
            factor, given = (spread.inputs[k] for k in order)
            return _in_turn(node, op, found, (factor, kernel), (given, places), output)
    return None


def _stepped(
    op: Accumulate,
    output: Labels,
    kernel: Labels,
    places: Labels,
    spread: tuple[int, ...],
    shape: tuple[int, ...],
) -> list[Stepped | None] | None:
    """For each axis of the result its windows, or ``None`` for one that is only moved."""
    found: list[Stepped | None] = []
    used: list[int] = []
    for axis, size in zip(op.view.axes, shape, strict=True):
        steps = {output[o]: step for o, step in axis.terms}
        used += [output[o] for o, _ in axis.terms]
        if len(axis.terms) == 1 and axis.terms[0][1] == 1 and not axis.offset:
            if spread[axis.terms[0][0]] != size:
                return None
            found.append(None)
            continue
        at = [n for n in steps if n in places and n not in kernel]
        by = [n for n in steps if n in kernel and n not in places]
        if len(steps) != 2 or len(at) != 1 or len(by) != 1:
            return None
        if min(steps.values()) < 1 or math.gcd(*steps.values()) > 1:
            return None
        found.append(Stepped(at[0], by[0], steps[at[0]], steps[by[0]], axis.offset))
    phases = math.prod(w.step for w in found if w)
    few = 1 < phases <= _PHASES
    return found if few and len(set(used)) == len(used) else None


def _is_cheap(found: list[Stepped | None], places: Labels, spread: Node) -> bool:
    """Whether the windows of the cotangent are not many more elements than what is spread."""
    op = spread.op
    assert isinstance(op, Einsum)
    sizes: dict[int, int] = {}
    for operand, labels in zip(spread.inputs, op.subscripts.inputs, strict=True):
        sizes |= dict(zip(labels, operand.shape, strict=True))
    read = {*places, *(w.kernel for w in found if w)}
    return math.prod(sizes[n] for n in read) <= LAID_OUT * math.prod(spread.shape)


def _in_turn(
    node: Node,
    op: Accumulate,
    found: list[Stepped | None],
    factor: tuple[Node, Labels],
    given: tuple[Node, Labels],
    output: Labels,
) -> Node:
    """The phases as axes of their own beside those of the places, and these as one."""
    steps = [w.step if w else 1 for w in found]
    whole = tuple(-(-n // s) for n, s in zip(node.shape, steps, strict=True))
    apart = tuple(size for n in whole for size in (n, 1))
    axes = tuple(Axis(0, ((2 * k, 1),)) for k in range(len(whole)))
    made = {}
    for phase in product(*map(range, steps)):
        one = _phase(whole, op, found, phase, factor, given, output)
        made[phase] = build.view(one, apart, axes)
    for k in reversed(range(len(steps))):
        made = {
            phase: build.join([made[*phase, r] for r in range(steps[k])], 2 * k + 1)
            for phase in product(*map(range, steps[:k]))
        }
    long = tuple(n * s for n, s in zip(whole, steps, strict=True))
    kept = tuple(Axis(0, ((k, 1),)) for k in range(len(long)))
    return build.view(build.reshape(made[()], long), node.shape, kept)


def _phase(
    shape: tuple[int, ...],
    op: Accumulate,
    found: list[Stepped | None],
    phase: tuple[int, ...],
    factor: tuple[Node, Labels],
    given: tuple[Node, Labels],
    output: Labels,
) -> Node:
    node, labels = factor
    sizes = list(node.shape)
    axes = [Axis(0, ((k, 1),)) for k in range(node.ndim)]
    windows: list[Windowed | None] = []
    for w, r in zip(found, phase, strict=True):
        if w is None:
            windows.append(None)
            continue
        k = labels.index(w.kernel)
        first = next(n for n in range(w.step) if (r - w.offset - w.dilation * n) % w.step == 0)
        sizes[k] = max(-(-(sizes[k] - first) // w.step), 0)
        axes[k] = Axis(first, ((k, w.step),))
        ahead = (r - w.offset - w.dilation * first) // w.step
        windows.append(Windowed(w.place, w.kernel, -ahead, w.dilation))
    if 0 in sizes:
        return build.fill(0, shape, node.dtype)
    part = build.view(node, tuple(sizes), tuple(axes))
    return convolved(shape, op, windows, part, labels, *given, output)
