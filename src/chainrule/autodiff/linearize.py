"""Forward mode: the tangents of nodes, written in primitives that are linear in the tangents.

    y = f(x₁, …, xₙ)   ⇒   dy = Σₖ ∂f/∂xₖ dxₖ

One rule per primitive stands here; reverse mode is the transpose of what these rules emit, so the
two cannot disagree [griewank2008evaluating]. ``None`` is the tangent that is zero everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import assert_never

from chainrule.autodiff.guard import Guarded, Linear, force, guard, inside, total
from chainrule.autodiff.partials import Times, times
from chainrule.errors import GradientError
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, ancestors, substitute
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Block,
    Cond,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Print,
    Project,
    Random,
    Reduce,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    View,
)  # fmt: skip
from chainrule.ir.scalar import ZERO

Tangents = dict[Node, Linear]
Bundles = dict[Node, "list[Node | None]"]


def linearize(outputs: Sequence[Node], tangents: Mapping[Node, Node]) -> list[Node | None]:
    """Give the tangent of each output for these tangents of some nodes it depends on.

    Cost: a constant number of nodes for each node on a path from a given node to an output.
    """
    table: Tangents = dict(tangents)
    propagate(outputs, table)
    found = [table.get(n) for n in outputs]
    return [None if t is None else force(t) for t in found]


def propagate(outputs: Sequence[Node], table: Tangents) -> None:
    """Add to the table the tangent of every node between its nodes and the outputs."""
    if not table:
        return
    bundles: Bundles = {}
    given = set(table)
    since = min(n.serial for n in table)
    for node in ancestors(outputs, stop=given, since=since):
        if node in given:
            continue
        if isinstance(node.op, Project):
            made = bundles.get(node.inputs[0])
            tangent: Linear | None = made[node.op.index] if made else None
        elif not table.keys().isdisjoint(node.inputs):
            tangent = _rule(node, table, bundles)
        else:
            continue
        if tangent is not None and node.dtype.is_float:
            table[node] = tangent


def _rule(node: Node, table: Tangents, bundles: Bundles) -> Linear | None:
    op = node.op
    match op:
        case Map():
            return _map(node, op, table)
        case Einsum():
            return _einsum(node, op, table)
        case Add(signs=signs):
            return _add(node, signs, table)
        case Select():
            return _select(node, table)
        case Input():
            return table[node.inputs[0]]
        case View() | Reshape() | Accumulate() | Gather() | Scatter():
            return _linear_in_first(node, table)
        case Reduce():
            return _reduce(node, op, table)
        case Join():
            parts = [_node(table, i) or build.zeros_like(i) for i in node.inputs]
            return build.join(parts, op.axis)
        case RoutineCall():
            bundles[node] = _routine(node, op, table)
        case Block():
            bundles[node] = _block(node, op, table)
        case Loop():
            bundles[node] = _loop(node, op, table)
        case Cond():
            bundles[node] = _cond(node, op, table)
        case Print():
            return table.get(node.inputs[0])
        case Data() | Fill() | Iota() | Delta() | Random() | Project():
            return None
        case _:
            assert_never(op)
    return None


def _node(table: Tangents, node: Node) -> Node | None:
    tangent = table.get(node)
    return None if tangent is None else force(tangent)


# ---------------------------------------------------------------- pointwise


def _map(node: Node, op: Map, table: Tangents) -> Linear | None:
    if op.record.partials is None or not node.dtype.is_float:
        return None
    terms: list[Linear] = []
    for k, operand in enumerate(node.inputs):
        tangent = table.get(operand)
        rule = _partial_rule(op, k)
        if tangent is not None and rule is not None:
            terms.append(rule(node, tangent))
    return total(terms) if terms else None


@lru_cache(maxsize=4096)
def _partial_rule(op: Map, k: int) -> Times | None:
    """How the tangent of operand k enters: through the function itself, or through its partial."""
    if k in op.record.linear:
        return lambda node, tangent: inside(tangent, lambda t: _replace(node, k, t))
    partial = op.record.partial(k, op.params)
    return None if partial == ZERO else times(partial)


def _replace(node: Node, k: int, tangent: Node) -> Node:
    inputs = (*node.inputs[:k], tangent, *node.inputs[k + 1 :])
    return Node(node.op, inputs, node.shape, node.dtype)


def _add(node: Node, signs: tuple[int, ...], table: Tangents) -> Linear:
    found = [(s, table[i]) for s, i in zip(signs, node.inputs, strict=True) if i in table]
    return total([t for _, t in found], tuple(s for s, _ in found))


def _select(node: Node, table: Tangents) -> Linear | None:
    mask, chosen, otherwise = (node.inputs[0], *(table.get(i) for i in node.inputs[1:]))
    if otherwise is None:
        return None if chosen is None else guard(mask, chosen)
    if chosen is None:
        return guard(mask, otherwise, where=False)
    return build.select(mask, force(chosen), force(otherwise))


# ---------------------------------------------------------------- contraction


def _einsum(node: Node, op: Einsum, table: Tangents) -> Linear:
    terms: list[Linear] = []
    for k, operand in enumerate(node.inputs):
        tangent = table.get(operand)
        if tangent is None:
            continue
        if isinstance(tangent, Guarded) and op.subscripts.inputs[k] == op.subscripts.output:
            terms.append(inside(tangent, lambda t, k=k: _replace(node, k, t)))  # type: ignore[misc]
        else:
            terms.append(_replace(node, k, force(tangent)))
    return total(terms)


def _reduce(node: Node, op: Reduce, table: Tangents) -> Node | None:
    operand = node.inputs[0]
    match op.kind:
        case "max" | "min":
            tangent = _node(table, operand)
            assert tangent is not None
            return _extremum(node, op, tangent)
        case "prod":
            product = product_by_halving(operand, op.axes)
            return linearize([product], {operand: force(table[operand])})[0]
        case "any" | "all" | "argmax" | "argmin":
            return None
        case _:
            assert_never(op.kind)


def _extremum(node: Node, op: Reduce, tangent: Node) -> Node:
    """The mean of the tangents at the places where the extremum is attained."""
    operand = node.inputs[0]
    kept = tuple(a for a in range(operand.ndim) if a not in op.axes)
    attained = build.apply("equal", operand, build.expand(node, operand.shape, kept))
    weight = build.cast(attained, operand.dtype)
    labels = tuple(range(operand.ndim))
    weighted = build.einsum((weight, tangent), (labels, labels), kept)
    return build.apply("divide", weighted, build.sum_(weight, op.axes))


def product_by_halving(node: Node, axes: tuple[int, ...]) -> Node:
    """The product over these axes as log₂ n elementwise products: exact at zeros too."""
    for axis in sorted(axes, reverse=True):
        size = node.shape[axis]
        if size == 0:
            shape = (*node.shape[:axis], *node.shape[axis + 1 :])
            node = build.fill(1, shape, node.dtype)
            continue
        while size > 1:
            half = size // 2
            left = build.slice_axis(node, axis, 0, half)
            right = build.slice_axis(node, axis, half, half)
            rest = [build.slice_axis(node, axis, 2 * half, 1)] if size % 2 else []
            node = build.join([build.multiply(left, right), *rest], axis)
            size = half + size % 2
        node = build.reshape(node, (*node.shape[:axis], *node.shape[axis + 1 :]))
    return node


# ---------------------------------------------------------------- layout, indices, library


def _linear_in_first(node: Node, table: Tangents) -> Node | None:
    tangent = _node(table, node.inputs[0])
    if tangent is None:
        return None
    return Node(node.op, (tangent, *node.inputs[1:]), node.shape, node.dtype)


def outputs_of(bundle: Node, types: Sequence[Node]) -> list[Node]:
    """Fresh Projects of every result of a bundle."""
    return [build.project(bundle, k, n.type) for k, n in enumerate(types)]


def _routine(node: Node, op: RoutineCall, table: Tangents) -> list[Node | None]:
    routine = op.routine
    types = routine.types(tuple(i.type for i in node.inputs), op.params)
    outputs = [build.project(node, k, t) for k, t in enumerate(types)]
    tangents = [_node(table, i) for i in node.inputs]
    result: list[Node | None] = [None] * len(outputs)
    if routine.linear is not None and (direction := tangents[routine.linear]) is not None:
        inputs = list(node.inputs)
        inputs[routine.linear] = direction
        result = list(build.routine(routine.name, *inputs, params=op.params))
        tangents[routine.linear] = None
    if routine.tangent is None or all(t is None for t in tangents):
        if routine.linear is None and any(t.dtype.is_float for t in types):
            raise GradientError(f"{routine.name} has no derivative")
        return result
    rest = routine.tangent(op.params, list(node.inputs), outputs, tangents)
    return [_sum_or_none(a, b) for a, b in zip(result, rest, strict=True)]


def _sum_or_none(a: Node | None, b: Node | None) -> Node | None:
    if a is None or b is None:
        return a if b is None else b
    return build.add((a, b))


# ---------------------------------------------------------------- structure


def tangent_body(body: Graph, active: Sequence[bool]) -> tuple[Graph, list[bool]]:
    """The graph (inputs, tangents of the active inputs) → tangents, and which outputs have one.

    It computes again what it needs of the body itself.
    """
    fresh = [build.parameter(n.shape, n.dtype) for n in body.inputs]
    outputs = substitute(body.outputs, dict(zip(body.inputs, fresh, strict=True)))
    directions = {
        n: build.parameter(n.shape, n.dtype) for n, a in zip(fresh, active, strict=True) if a
    }
    tangents = linearize(outputs, directions)
    known = tuple(t for t in tangents if t is not None)
    graph = Graph((*fresh, *directions.values()), known)
    return graph, [t is not None for t in tangents]


def _spread(values: Sequence[Node], present: Sequence[bool]) -> list[Node | None]:
    rest = iter(values)
    return [next(rest) if p else None for p in present]


def _block(node: Node, op: Block, table: Tangents) -> list[Node | None]:
    tangents = [_node(table, i) for i in node.inputs]
    if op.tangent is not None:
        outputs = outputs_of(node, op.body.outputs)
        return op.tangent(list(node.inputs), outputs, tangents)
    if op.barrier:
        graph, present = tangent_body(op.body, [t is not None for t in tangents])
        known = [t for t in tangents if t is not None]
        made = build.block(f"d{op.name}", graph, (*node.inputs, *known), barrier=True)
        return _spread(made, present)
    inlined = substitute(op.body.outputs, dict(zip(op.body.inputs, node.inputs, strict=True)))
    seeds = {i: t for i, t in zip(node.inputs, tangents, strict=True) if t is not None}
    return linearize(inlined, seeds)


def _loop(node: Node, op: Loop, table: Tangents) -> list[Node | None]:
    tangents = [_node(table, i) for i in node.inputs]
    first, last = op.constants, op.constants + op.carries
    active = [t is not None for t in tangents]
    while True:  # a carry becomes active when an iteration gives it a tangent
        graph, present = tangent_body(op.body, active)
        grown = [a or p for a, p in zip(active[first:last], present[: op.carries], strict=True)]
        if grown == active[first:last]:
            break
        active[first:last] = grown
    read = set(graph.nodes())
    past = [k for k in range(op.carries) if graph.inputs[first + k] in read]
    body = _tangent_iteration(op, graph, active, present, past)
    types = build.loop_types(op)
    behind = op.carries + op.slices
    histories = [build.project(node, behind + k, types[behind + k]) for k in past]
    constants = [*node.inputs[:first], *(t for t in tangents[:first] if t is not None)]
    carries = [
        tangents[k] or build.zeros_like(node.inputs[k]) for k in range(first, last) if active[k]
    ]
    slices = [*node.inputs[last:], *histories, *(t for t in tangents[last:] if t is not None)]
    made = build.loop(body, constants, carries, slices, op.length, op.reverse)
    return _spread(made, [*active[first:last], *present[op.carries :], *active[first:last]])


def _tangent_iteration(
    op: Loop, graph: Graph, active: Sequence[bool], present: Sequence[bool], past: Sequence[int]
) -> Graph:
    """The tangent body as a Loop's: the carries it reads come in as slices."""
    count = len(op.body.inputs)
    first, last = op.constants, op.constants + op.carries
    primal, directions = graph.inputs[:count], _spread(graph.inputs[count:], active)
    known = [d for d in directions[:first] if d is not None]
    carried = [d for d in directions[first:last] if d is not None]
    sliced = [d for d in directions[last:] if d is not None]
    inputs = (
        *primal[:first], *known, *carried,
        *primal[last:], *(primal[first + k] for k in past), *sliced,
    )  # fmt: skip
    outputs = _spread(graph.outputs, present)
    carries = [
        t or build.fill(0, op.body.inputs[k].shape, op.body.inputs[k].dtype)
        for k, t in zip(range(first, last), outputs[: op.carries], strict=True)
        if active[k]
    ]
    return Graph(inputs, (*carries, *(t for t in outputs[op.carries :] if t is not None)))


def _cond(node: Node, op: Cond, table: Tangents) -> list[Node | None]:
    operands = node.inputs[1:]
    tangents = [_node(table, i) for i in operands]
    active = [t is not None for t in tangents]
    then, in_then = tangent_body(op.then, active)
    otherwise, in_otherwise = tangent_body(op.otherwise, active)
    union = [a or b for a, b in zip(in_then, in_otherwise, strict=True)]
    types = op.then.outputs
    known = [t for t in tangents if t is not None]
    made = build.cond(
        node.inputs[0],
        _complete(then, in_then, union, types),
        _complete(otherwise, in_otherwise, union, types),
        (*operands, *known),
    )
    return _spread(made, union)


def _complete(
    graph: Graph, present: Sequence[bool], union: Sequence[bool], types: Sequence[Node]
) -> Graph:
    """Give a branch zeros for the tangents that only the other branch has."""
    found = _spread(graph.outputs, present)
    outputs = [
        t or build.zeros_like(like)
        for t, like, wanted in zip(found, types, union, strict=True)
        if wanted
    ]
    return Graph(graph.inputs, tuple(outputs))
