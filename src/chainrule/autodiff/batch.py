"""vmap: the graph that does for a stack of examples what a graph does for one.

A node that depends on a batched input gets the batch as its first axis; a node that does not stays
as it is. One rule per primitive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, ancestors, substitute
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Axis,
    Block,
    BlockTangent,
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
    Shape,
    View,
)  # fmt: skip

Batched = dict[Node, Node]
Bundles = dict[Node, "list[Node | None]"]


def batch(outputs: Sequence[Node], inputs: Mapping[Node, Node], size: int) -> list[Node]:
    """Give the outputs for a stack of ``size`` examples of some inputs; all have the batch axis."""
    table = propagate(outputs, inputs, size)
    return [table.get(n) or _repeat(n, size) for n in outputs]


def propagate(outputs: Sequence[Node], inputs: Mapping[Node, Node], size: int) -> Batched:
    """The batched node of every node that depends on a batched input."""
    table: Batched = dict(inputs)
    bundles: Bundles = {}
    if not table:
        return table
    since = min(n.serial for n in table)
    for node in ancestors(outputs, stop=inputs, since=since):
        if node in inputs:
            continue
        if isinstance(node.op, Project):
            made = bundles.get(node.inputs[0])
            found = made[node.op.index] if made else None
            if found is not None:
                table[node] = found
        elif not table.keys().isdisjoint(node.inputs):
            _rule(node, table, bundles, size)
    return table


def _repeat(node: Node, size: int) -> Node:
    return build.expand(node, (size, *node.shape), tuple(range(1, node.ndim + 1)))


def _all(node: Node, table: Batched, size: int) -> list[Node]:
    return [table.get(i) or _repeat(i, size) for i in node.inputs]


def _shifted(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    moved = (Axis(a.offset, tuple((o + 1, s) for o, s in a.terms)) for a in axes)
    return (Axis(0, ((0, 1),)), *moved)


def _with(node: Node, op: object, inputs: Sequence[Node], size: int) -> Node:
    return Node(op, tuple(inputs), (size, *node.shape), node.dtype)  # type: ignore[arg-type]


def _rule(node: Node, table: Batched, bundles: Bundles, size: int) -> None:
    op = node.op
    match op:
        case Map() | Select() | Add() | Random():
            table[node] = _with(node, op, _all(node, table, size), size)
        case Einsum():
            table[node] = _einsum(node, op, table)
        case Input():
            table[node] = build.alias(table[node.inputs[0]])
        case Print():
            first = table.get(node.inputs[0]) or _repeat(node.inputs[0], size)
            others = [table.get(i, i) for i in node.inputs[1:]]
            table[node] = _with(node, op, (first, *others), size)
        case Reduce(kind=kind, axes=axes):
            table[node] = build.reduce(kind, table[node.inputs[0]], tuple(a + 1 for a in axes))
        case Reshape(shape=shape):
            table[node] = build.reshape(table[node.inputs[0]], (size, *shape))
        case View(shape=shape, axes=axes):
            table[node] = build.view(table[node.inputs[0]], (size, *shape), _shifted(axes))
        case Accumulate(view=view, shape=shape):
            lifted = View((size, *view.shape), _shifted(view.axes))
            table[node] = build.accumulate(table[node.inputs[0]], lifted, (size, *shape))
        case Join(axis=axis):
            table[node] = build.join(_all(node, table, size), axis + 1)
        case Gather():
            table[node] = _gather(node, table, size)
        case Scatter(shape=shape):
            updates, *indices = _all(node, table, size)
            index = _batch_index(indices[0].shape, size)
            table[node] = build.scatter(updates, (index, *indices), (size, *shape))
        case RoutineCall(routine=routine, params=params):
            operands = _all(node, table, size)
            bundles[node] = list(build.routine(routine.name, *operands, params=params))
        case Block():
            bundles[node] = _block(node, op, table, size)
        case Loop():
            bundles[node] = _loop(node, op, table, size)
        case Cond():
            bundles[node] = _cond(node, op, table, size)
        case Data() | Fill() | Iota() | Delta() | Project():
            raise AssertionError(f"{op} has no batched operand")
        case _:
            assert_never(op)


def _einsum(node: Node, op: Einsum, table: Batched) -> Node:
    inputs, output = op.subscripts.inputs, op.subscripts.output
    fresh = 1 + max((label for labels in (*inputs, output) for label in labels), default=0)
    operands = [table.get(i, i) for i in node.inputs]
    labels = tuple(
        (fresh, *own) if i in table else own for i, own in zip(node.inputs, inputs, strict=True)
    )
    return build.einsum(operands, labels, (fresh, *output))


def _batch_index(shape: Shape, size: int) -> Node:
    return build.expand(build.iota(size), shape, (0,))


def _gather(node: Node, table: Batched, size: int) -> Node:
    operand, indices = node.inputs[0], node.inputs[1:]
    if operand not in table:
        return build.gather(operand, [table.get(i) or _repeat(i, size) for i in indices])
    stack = table[operand]
    if any(i in table for i in indices):
        batched = [table.get(i) or _repeat(i, size) for i in indices]
        return build.gather(stack, (_batch_index(batched[0].shape, size), *batched))
    count, lead = len(indices), indices[0].ndim
    behind = (*range(1, count + 1), 0, *range(count + 1, stack.ndim))
    read = build.gather(build.transpose(stack, behind), indices)
    return build.transpose(read, (lead, *range(lead), *range(lead + 1, read.ndim)))


# ---------------------------------------------------------------- structure


def batched_body(body: Graph, batched: Sequence[bool], size: int) -> tuple[Graph, list[bool]]:
    """The body for stacks of the batched inputs, and which outputs depend on one of them."""
    fresh = [
        build.parameter((size, *n.shape) if b else n.shape, n.dtype)
        for n, b in zip(body.inputs, batched, strict=True)
    ]
    single = [
        build.parameter(n.shape, n.dtype) if b else f
        for n, f, b in zip(body.inputs, fresh, batched, strict=True)
    ]
    outputs = substitute(body.outputs, dict(zip(body.inputs, single, strict=True)))
    stacks = {s: f for s, f, b in zip(single, fresh, batched, strict=True) if b}
    table = propagate(outputs, stacks, size)
    return Graph(tuple(fresh), tuple(table.get(n, n) for n in outputs)), [
        n in table for n in outputs
    ]


def _complete(graph: Graph, present: Sequence[bool], wanted: Sequence[bool], size: int) -> Graph:
    outputs = tuple(
        _repeat(n, size) if w and not p else n
        for n, p, w in zip(graph.outputs, present, wanted, strict=True)
    )
    return Graph(graph.inputs, outputs)


def _marked(made: Sequence[Node], batched: Sequence[bool], size: int) -> list[Node | None]:
    return [n if b else _repeat(n, size) for n, b in zip(made, batched, strict=True)]


def _block(node: Node, op: Block, table: Batched, size: int) -> list[Node | None]:
    batched = [i in table for i in node.inputs]
    body, present = batched_body(op.body, batched, size)
    tangent = None
    if op.tangent is not None:
        # A result that is the same for all may have a tangent that differs, as a rule likes.
        every = [True] * len(present)
        body, present = _complete(body, present, every, size), every
        tangent = _batched_rule(op.tangent, batched, present, size)
    operands = [table.get(i, i) for i in node.inputs]
    made = build.block(op.name, body, operands, tangent, op.barrier)
    return _marked(made, present, size)


def _batched_rule(
    rule: BlockTangent, batched: Sequence[bool], present: Sequence[bool], size: int
) -> BlockTangent:
    """A closed-form tangent rule for one example, made one for a stack."""

    def single(node: Node, is_batched: bool) -> Node:
        return build.parameter(node.shape[1:], node.dtype) if is_batched else node

    def apply(
        inputs: list[Node], outputs: list[Node], tangents: list[Node | None]
    ) -> list[Node | None]:
        one_in = [single(n, b) for n, b in zip(inputs, batched, strict=True)]
        one_out = [single(n, b) for n, b in zip(outputs, present, strict=True)]
        stacks = [
            _repeat(t, size) if t is not None and not b else t
            for t, b in zip(tangents, batched, strict=True)
        ]
        one_t = [None if t is None else build.parameter(t.shape[1:], t.dtype) for t in stacks]
        made = rule(one_in, one_out, list(one_t))
        table = {
            o: s
            for o, s in zip((*one_in, *one_out, *one_t), (*inputs, *outputs, *stacks), strict=True)
            if o is not None and s is not None and o is not s
        }
        results = [m for m in made if m is not None]
        rest = iter(batch(results, table, size))
        return [None if m is None else next(rest) for m in made]

    return apply


def _loop(node: Node, op: Loop, table: Batched, size: int) -> list[Node | None]:
    first, last = op.constants, op.constants + op.carries
    batched = [i in table for i in node.inputs]
    while True:  # a carry becomes batched when an iteration makes it so
        body, present = batched_body(op.body, batched, size)
        grown = [a or b for a, b in zip(batched[first:last], present[: op.carries], strict=True)]
        if grown == batched[first:last]:
            break
        batched[first:last] = grown
    body = _complete(body, present, [*grown, *present[op.carries :]], size)
    operands = [
        (table.get(i) or _repeat(i, size)) if b else i
        for i, b in zip(node.inputs, batched, strict=True)
    ]
    slices = [_second(n) if b else n for n, b in zip(operands[last:], batched[last:], strict=True)]
    made = build.loop(body, operands[:first], operands[first:last], slices, op.length, op.reverse)
    which = [*grown, *present[op.carries :], *grown]
    stacked = [*made[: op.carries], *(
        _second(n) if b else n
        for n, b in zip(made[op.carries :], which[op.carries :], strict=True)
    )]  # fmt: skip
    return _marked(stacked, which, size)


def _second(node: Node) -> Node:
    """Swap the time axis and the batch axis."""
    return build.transpose(node, (1, 0, *range(2, node.ndim)))


def _cond(node: Node, op: Cond, table: Batched, size: int) -> list[Node | None]:
    predicate, operands = node.inputs[0], node.inputs[1:]
    batched = [i in table for i in operands]
    then, in_then = batched_body(op.then, batched, size)
    otherwise, in_otherwise = batched_body(op.otherwise, batched, size)
    stacks = [table.get(i, i) for i in operands]
    everywhere = [True] * len(in_then)
    if predicate not in table:
        union = [a or b for a, b in zip(in_then, in_otherwise, strict=True)]
        branches = (
            _complete(then, in_then, union, size),
            _complete(otherwise, in_otherwise, union, size),
        )
        return _marked(build.cond(predicate, *branches, stacks), union, size)
    both = [
        substitute(
            _complete(g, p, everywhere, size).outputs, dict(zip(g.inputs, stacks, strict=True))
        )
        for g, p in ((then, in_then), (otherwise, in_otherwise))
    ]
    mask = table[predicate]
    return [
        build.select(build.expand(mask, a.shape, (0,)), a, b) for a, b in zip(*both, strict=True)
    ]
