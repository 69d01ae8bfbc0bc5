"""Reverse mode: the transpose of a graph that is linear in some of its inputs.

A graph of tangents, y = A x, becomes the graph of cotangents x̄ = Aᵀ ȳ: every node hands the sum of
what its users gave it on to its operands. The rules say how each primitive is transposed; they
know nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from chainrule.autodiff.guard import Guarded, Linear, force, guard, inside, moved, total
from chainrule.autodiff.layout import transposed_view
from chainrule.errors import GradientError
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, dependents, substitute
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
from chainrule.ir.subscripts import Labels

Cotangents = dict[Node, "list[Linear]"]


def transpose(
    outputs: Sequence[Node], cotangents: Sequence[Node | None], inputs: Sequence[Node]
) -> list[Node | None]:
    """Give the cotangents of the inputs of a linear graph; ``None`` where nothing reaches one."""
    order, linear = dependents(outputs, inputs)
    table: Cotangents = {}
    for node, seed in zip(outputs, cotangents, strict=True):
        if seed is not None and node in linear:
            _give(table, node, seed)
    bundles: dict[Node, dict[int, Node]] = {}
    stop = set(inputs)
    for node in reversed(order):
        if node in stop:
            continue
        if node in bundles:
            _bundle_rule(node, bundles[node], linear, table)
        elif node in table:
            given = table.pop(node)
            cotangent = given[0] if len(given) == 1 else total(given)
            if isinstance(node.op, Project):
                results = bundles.setdefault(node.inputs[0], {})
                results[node.op.index] = force(cotangent)
            else:
                _rule(node, cotangent, linear, table)
    return [force(total(table[n])) if n in table else None for n in inputs]


def _give(table: Cotangents, node: Node, cotangent: Linear) -> None:
    table.setdefault(node, []).append(cotangent)


def _rule(node: Node, cotangent: Linear, linear: set[Node], table: Cotangents) -> None:
    op = node.op
    match op:
        case Map():
            _map(node, cotangent, linear, table)
        case Einsum():
            _einsum(node, op, cotangent, linear, table)
        case Add(signs=signs):
            for sign, operand in zip(signs, node.inputs, strict=True):
                if operand in linear:
                    given = cotangent if sign > 0 else inside(cotangent, build.negative)
                    _give(table, operand, given)
        case Select():
            mask, chosen, otherwise = node.inputs
            if chosen in linear:
                _give(table, chosen, guard(mask, cotangent))
            if otherwise in linear:
                _give(table, otherwise, guard(mask, cotangent, where=False))
        case Input() | Print():
            _give(table, node.inputs[0], cotangent)
        case View():
            _give(table, node.inputs[0], transposed_view(cotangent, op, node.inputs[0]))
        case Reshape():
            operand = node.inputs[0]
            _give(table, operand, moved(cotangent, lambda c: build.reshape(c, operand.shape)))
        case Accumulate(view=view):
            _give(table, node.inputs[0], build.view(force(cotangent), view.shape, view.axes))
        case Join(axis=axis):
            _join(node, axis, cotangent, linear, table)
        case Gather():
            operand, indices = node.inputs[0], node.inputs[1:]
            _give(table, operand, build.scatter(force(cotangent), indices, operand.shape))
        case Scatter():
            _give(table, node.inputs[0], build.gather(force(cotangent), node.inputs[1:]))
        case (
            Data() | Fill() | Iota() | Delta() | Random() | Reduce() | RoutineCall() | Project()
            | Block() | Loop() | Cond()
        ):  # fmt: skip
            raise GradientError(f"{type(op).__name__} is not linear and cannot be transposed")
        case _:
            assert_never(op)


def _map(node: Node, cotangent: Linear, linear: set[Node], table: Cotangents) -> None:
    op = node.op
    assert isinstance(op, Map)
    if op.record.name == "cast":
        operand = node.inputs[0]
        _give(table, operand, inside(cotangent, lambda c: build.cast(c, operand.dtype)))
    elif op.record.name == "divide" and node.inputs[1] not in linear:
        divisor = node.inputs[1]
        given = inside(cotangent, lambda c: build.apply("divide", c, divisor))
        _give(table, node.inputs[0], given)
    else:
        raise GradientError(f"{op.record.name} is not linear and cannot be transposed")


# ---------------------------------------------------------------- contraction


def _einsum(
    node: Node, op: Einsum, cotangent: Linear, linear: set[Node], table: Cotangents
) -> None:
    inputs, output = op.subscripts.inputs, op.subscripts.output
    if len(inputs) == 2 and inputs[0] == inputs[1] == output:
        _product(node, cotangent, linear, table)
        return
    for k, operand in enumerate(node.inputs):
        if operand not in linear:
            continue
        others = [
            (n, labels)
            for j, (n, labels) in enumerate(zip(node.inputs, inputs, strict=True))
            if j != k
        ]
        if isinstance(cotangent, Guarded) and inputs[k] == output:
            narrow = _einsum_cotangent(cotangent.node, output, others, operand, inputs[k])
            given: Linear = Guarded(cotangent.masks, narrow)
        elif isinstance(cotangent, Guarded) and not others and sorted(inputs[k]) == sorted(output):
            order = [output.index(label) for label in inputs[k]]
            given = moved(cotangent, partial(build.transpose, order=order))
        elif isinstance(cotangent, Guarded) and _is_pointwise(inputs, output):
            wide = Guarded(cotangent.masks, _times(cotangent.node, output, others))
            given = build.einsum((force(wide),), (output,), inputs[k])
        else:
            given = _einsum_cotangent(force(cotangent), output, others, operand, inputs[k])
        _give(table, operand, given)


def _is_pointwise(inputs: tuple[Labels, ...], output: Labels) -> bool:
    """Whether the contraction is a product with broadcasting, which can stay under a guard."""
    distinct = all(len(set(labels)) == len(labels) for labels in inputs)
    return distinct and {label for labels in inputs for label in labels} == set(output)


def _times(cotangent: Node, output: Labels, others: list[tuple[Node, Labels]]) -> Node:
    operands, labels = zip((cotangent, output), *others, strict=True)
    return build.einsum(operands, labels, output)


def _product(node: Node, cotangent: Linear, linear: set[Node], table: Cotangents) -> None:
    """The elementwise product of two factors, the most frequent contraction of all."""
    left, right = node.inputs
    operand, factor = (left, right) if left in linear else (right, left)
    if isinstance(cotangent, Guarded):
        made = Guarded(cotangent.masks, build.multiply(factor, cotangent.node))
        _give(table, operand, made)
    else:
        _give(table, operand, Node(node.op, (factor, cotangent), node.shape, node.dtype))


def _einsum_cotangent(
    cotangent: Node,
    output: tuple[int, ...],
    others: list[tuple[Node, tuple[int, ...]]],
    operand: Node,
    labels: tuple[int, ...],
) -> Node:
    """ct_k = Σ ct · (other factors); a repeated label is a diagonal, a missing one is repeated."""
    operands, subscripts = [cotangent, *(n for n, _ in others)], [output, *(s for _, s in others)]
    wanted: list[int] = []
    fresh = 1 + max((label for s in (*subscripts, labels) for label in s), default=0)
    for axis, label in enumerate(labels):
        if label in wanted:
            operands.append(build.delta(operand.shape[axis], operand.dtype))
            subscripts.append((label, fresh))
            wanted.append(fresh)
            fresh += 1
        else:
            wanted.append(label)
    known = {label for s in subscripts for label in s}
    present = tuple(label for label in wanted if label in known)
    if len(operands) == 1 and present == output:
        made = cotangent
    else:
        made = build.einsum(operands, tuple(subscripts), present)
    if len(present) == len(wanted):
        return made
    kept = [a for a, label in enumerate(wanted) if label in known]
    return build.expand(made, operand.shape, kept)


# ---------------------------------------------------------------- layout


def _join(node: Node, axis: int, cotangent: Linear, linear: set[Node], table: Cotangents) -> None:
    start = 0
    for operand in node.inputs:
        size = operand.shape[axis]
        if operand in linear:
            part = partial(build.slice_axis, axis=axis, start=start, size=size)
            _give(table, operand, moved(cotangent, part))
        start += size


# ---------------------------------------------------------------- bundles


def _bundle_rule(
    node: Node, results: dict[int, Node], linear: set[Node], table: Cotangents
) -> None:
    op = node.op
    if isinstance(op, RoutineCall):
        given = _routine(node, op, results, linear)
    elif isinstance(op, Block):
        given = _block(node, op, results, linear)
    elif isinstance(op, Loop):
        given = _loop(node, op, results, linear)
    else:
        assert isinstance(op, Cond)
        given = _cond(node, op, results, linear)
    for operand, cotangent in given:
        if cotangent is not None:
            _give(table, operand, cotangent)


Given = list[tuple[Node, "Node | None"]]


def _routine(node: Node, op: RoutineCall, results: dict[int, Node], linear: set[Node]) -> Given:
    routine = op.routine
    if routine.linear is None or routine.transpose is None:
        raise GradientError(f"{routine.name} is not linear and cannot be transposed")
    place = routine.linear
    if any(n in linear for k, n in enumerate(node.inputs) if k != place):
        raise GradientError(f"{routine.name} is not linear in all of its operands")
    made = routine.transpose(op.params, list(node.inputs), results[0])
    return [(node.inputs[place], made)]


def transposed_body(
    body: Graph, linear: Sequence[bool], given: Sequence[bool]
) -> tuple[Graph, list[bool]]:
    """The graph (other inputs, cotangents of the given outputs) → cotangents of the linear inputs.

    Also says which linear inputs get one.
    """
    fresh = [build.parameter(n.shape, n.dtype) for n in body.inputs]
    outputs = substitute(body.outputs, dict(zip(body.inputs, fresh, strict=True)))
    cotangents = [
        build.parameter(n.shape, n.dtype) if g else None
        for n, g in zip(outputs, given, strict=True)
    ]
    variables = [n for n, is_linear in zip(fresh, linear, strict=True) if is_linear]
    made = transpose(outputs, cotangents, variables)
    rest = [n for n, is_linear in zip(fresh, linear, strict=True) if not is_linear]
    inputs = (*rest, *(c for c in cotangents if c is not None))
    return Graph(inputs, tuple(m for m in made if m is not None)), [m is not None for m in made]


def _spread(operands: Sequence[Node], present: Sequence[bool], values: Sequence[Node]) -> Given:
    rest = iter(values)
    return [(n, next(rest) if p else None) for n, p in zip(operands, present, strict=True)]


def _block(node: Node, op: Block, results: dict[int, Node], linear: set[Node]) -> Given:
    active = [n in linear for n in node.inputs]
    given = [k in results for k in range(len(op.body.outputs))]
    body, present = transposed_body(op.body, active, given)
    rest = [n for n, a in zip(node.inputs, active, strict=True) if not a]
    cotangents = [results[k] for k in sorted(results)]
    made = build.block(f"{op.name}ᵀ", body, (*rest, *cotangents), barrier=op.barrier)
    return _spread([n for n in node.inputs if n in linear], present, made)


def _cond(node: Node, op: Cond, results: dict[int, Node], linear: set[Node]) -> Given:
    operands = node.inputs[1:]
    active = [n in linear for n in operands]
    given = [k in results for k in range(len(op.then.outputs))]
    variables = [n for n in operands if n in linear]
    branches = [
        _complete(transposed_body(body, active, given), variables)
        for body in (op.then, op.otherwise)
    ]
    rest = [n for n, a in zip(operands, active, strict=True) if not a]
    cotangents = [results[k] for k in sorted(results)]
    made = build.cond(node.inputs[0], branches[0], branches[1], (*rest, *cotangents))
    return list(zip(variables, made, strict=True))


def _complete(transposed: tuple[Graph, list[bool]], variables: Sequence[Node]) -> Graph:
    graph, present = transposed
    spread = _spread(variables, present, graph.outputs)
    return Graph(graph.inputs, tuple(c or build.zeros_like(n) for n, c in spread))


def _loop(node: Node, op: Loop, results: dict[int, Node], linear: set[Node]) -> Given:
    """Run the transposed body over the reversed steps; cotangents of constants add up on the way.

    The cotangent of a carry's history enters at the step at which it was saved.
    """
    first, last = op.constants, op.constants + op.carries
    active = [n in linear or first <= k < last for k, n in enumerate(node.inputs)]
    given = [k < op.carries or k in results for k in range(len(op.body.outputs))]
    body, present = transposed_body(op.body, active, given)
    saved = [k for k in range(op.carries) if op.carries + op.slices + k in results]
    iteration = _reversed_iteration(op, body, active, present, saved)
    inputs, types = node.inputs, build.loop_types(op)
    carries = [
        results.get(k) or build.fill(0, t.shape, t.dtype) for k, t in enumerate(types[: op.carries])
    ]
    sums = [build.zeros_like(n) for k, n in enumerate(inputs[:first]) if active[k]]
    constants = [n for k, n in enumerate(inputs[:first]) if not active[k]]
    slices = [n for k, n in enumerate(inputs) if k >= last and not active[k]]
    cotangents = [results[k] for k in sorted(results) if op.carries <= k]
    made = build.loop(
        iteration, constants, (*carries, *sums), (*slices, *cotangents), op.length, not op.reverse
    )
    sliced = [n for k, n in enumerate(inputs) if k >= last and active[k]]
    order = [*inputs[first:last], *(n for k, n in enumerate(inputs[:first]) if active[k]), *sliced]
    return list(zip(order, made[: len(order)], strict=True))


def _reversed_iteration(
    op: Loop, body: Graph, active: Sequence[bool], present: Sequence[bool], saved: Sequence[int]
) -> Graph:
    """(constants | cotangent carries, sums | slices, cotangent slices) → one step earlier."""
    first, last = op.constants, op.constants + op.carries
    variables = [k for k, a in enumerate(active) if a]
    rest_count = len(op.body.inputs) - len(variables)
    rest, cotangents = body.inputs[:rest_count], body.inputs[rest_count:]
    fixed = rest[: sum(not a for a in active[:first])]
    sliced = rest[len(fixed) :]
    made = iter(body.outputs)
    found = {k: next(made) for k, p in zip(variables, present, strict=True) if p}
    zero = {k: op.body.inputs[k] for k in variables}
    complete = {k: found.get(k) or build.zeros_like(zero[k]) for k in variables}
    histories = [build.parameter(zero[first + k].shape, zero[first + k].dtype) for k in saved]
    for k, history in zip(saved, histories, strict=True):
        complete[first + k] = build.add((complete[first + k], history))
    sums = [build.parameter(zero[k].shape, zero[k].dtype) for k in variables if k < first]
    added = [
        build.add((s, complete[k]))
        for s, k in zip(sums, [k for k in variables if k < first], strict=True)
    ]
    inputs = (
        *fixed, *cotangents[: op.carries], *sums, *sliced, *cotangents[op.carries :],
        *histories,
    )  # fmt: skip
    outputs = (
        *(complete[k] for k in range(first, last)), *added,
        *(complete[k] for k in variables if k >= last),
    )  # fmt: skip
    return Graph(inputs, outputs)
