"""Which axes of a result go with which axes of a value: the results there depend on nothing else.

y[…, n, …] depends on x[…, n, …] alone where every step from x to y keeps that axis: the batch axis
of a network, through its layers, its library routines and its loops. No formula is needed for that,
and the derivative then has a block for each n and zeros elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

from chainrule.algebra.picks import groups
from chainrule.ir.graph import Graph, Node, ancestors
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Block,
    Cond,
    Data,
    Einsum,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Print,
    Project,
    Reduce,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    Shape,
    View,
)

__all__ = ["Ties", "tied_axes"]

Pair = tuple[int, int]
Ties = frozenset[Pair] | None
"""Pairs of an axis and the axis of the value that it goes with; None where nothing depends."""

_NOTHING: Ties = frozenset()


def tied_axes(results: Sequence[Node], value: Node) -> list[Ties]:
    """The pairs (axis of the result, axis of the value) for each result."""
    same: Ties = frozenset((k, k) for k in range(value.ndim))
    return _through(results, {value: same}, value.serial)


def _through(results: Sequence[Node], seeds: Mapping[Node, Ties], since: int = -1) -> list[Ties]:
    table: dict[Node, Ties] = dict(seeds)
    bundles: dict[Node, list[Ties]] = {}
    for node in ancestors(results, stop=seeds, since=since):
        if node in table:
            continue
        if isinstance(node.op, Project):
            made = bundles.get(node.inputs[0])
            found = made[node.op.index] if made is not None else None
        elif all(table.get(i) is None for i in node.inputs):
            found = None
        elif isinstance(node.op, RoutineCall | Block | Loop | Cond):
            bundles[node] = _bundle(node, [table.get(i) for i in node.inputs])
            continue
        else:
            found = _rule(node, [table.get(i) for i in node.inputs])
        table[node] = found
    return [table.get(n) for n in results]


def _met(all_ties: Iterable[Ties]) -> Ties:
    """What holds for each of several operands."""
    return reduce(_both, all_ties, None)


def _both(a: Ties, b: Ties) -> Ties:
    return b if a is None else a if b is None else a & b


def _moved(ties: Ties, to: Mapping[int, int] | Callable[[int], int | None]) -> Ties:
    """The same under other numbers of axes; those that have none are lost."""
    if ties is None:
        return None
    where = to.get if isinstance(to, Mapping) else to
    return frozenset((new, key) for axis, key in ties if (new := where(axis)) is not None)


# ---------------------------------------------------------------- one rule for each primitive


def _rule(node: Node, ties: Sequence[Ties]) -> Ties:
    op = node.op
    match op:
        case Input() | Map() | Select() | Add() | Print():
            return _met(ties)
        case Einsum(subscripts=subscripts):
            places = {label: k for k, label in enumerate(subscripts.output)}
            return _met(
                _moved(t, {k: places[i] for k, i in enumerate(labels) if i in places})
                for t, labels in zip(ties, subscripts.inputs, strict=True)
            )
        case Reduce(axes=axes):
            kept = [k for k in range(node.inputs[0].ndim) if k not in axes]
            return _moved(ties[0], {axis: k for k, axis in enumerate(kept)})
        case Reshape():
            before = node.inputs[0].shape
            pairs = groups(tuple(map(str, before)), tuple(map(str, node.shape)))
            return _moved(ties[0], {a[0]: b[0] for a, b in pairs if len(a) == len(b) == 1})
        case View():
            return _moved(ties[0], _whole(op, node.inputs[0].shape))
        case Accumulate(view=view):
            turned = {o: a for a, o in _whole(view, node.shape).items()}
            return _moved(ties[0], turned)
        case Join(axis=axis):
            return _moved(_met(ties), lambda k: None if k == axis else k)
        case Gather():
            return _gather(node, ties)
        case Scatter():
            return _scatter(node, ties)
    return _NOTHING


def _whole(view: View, shape: Shape) -> dict[int, int]:
    """The axes of the operand that one axis of the result reads from beginning to end."""
    return {
        k: axis.terms[0][0]
        for k, axis in enumerate(view.axes)
        if axis.offset == 0 and len(axis.terms) == 1 and axis.terms[0][1] == 1
        and view.shape[axis.terms[0][0]] == shape[k]
    }  # fmt: skip


def _gather(node: Node, ties: Sequence[Ties]) -> Ties:
    _, *indices = node.inputs
    to = {k: k - len(indices) + indices[0].ndim for k in range(len(indices), node.inputs[0].ndim)}
    for k, index in enumerate(indices):
        counted = _counted(index, node.inputs[0].shape[k])
        if counted is not None:
            to[k] = counted
    return _moved(ties[0], to)


def _scatter(node: Node, ties: Sequence[Ties]) -> Ties:
    _, *indices = node.inputs
    to = {k - len(indices) + indices[0].ndim: k for k in range(len(indices), node.ndim)}
    for k, index in enumerate(indices):
        counted = _counted(index, node.shape[k])
        if counted is not None:
            to[counted] = k
    return _moved(ties[0], to)


def _counted(index: Node, size: int) -> int | None:
    """The axis along which integers are 0, 1, 2, …, as many as there are places."""
    place = 0
    moves = []
    while isinstance(index.op, View | Reshape | Input) and index.inputs:
        moves.append(index)
        index = index.inputs[0]
    counts = isinstance(index.op, Iota) or (
        isinstance(index.op, Data) and index.ndim == 1 and list(index.op.value) == list(range(size))
    )
    if not counts or index.shape != (size,):
        return None
    ties: Ties = frozenset({(place, 0)})
    for move in reversed(moves):
        ties = _rule(move, [ties])
    return next((axis for axis, _ in ties or ()), None)


# ---------------------------------------------------------------- bundles


def _bundle(node: Node, ties: list[Ties]) -> list[Ties]:
    op = node.op
    match op:
        case RoutineCall(routine=routine):
            batch = min(i.ndim - core for i, core in zip(node.inputs, routine.core, strict=False))
            found = _moved(_met(ties), lambda k: k if k < batch else None)
            count = len(routine.types(tuple(i.type for i in node.inputs), op.params))
            return [found] * count
        case Block(body=body):
            return _body(body, ties)
        case Cond(then=then, otherwise=otherwise):
            sides = (_body(body, ties[1:]) for body in (then, otherwise))
            return [_both(a, b) for a, b in zip(*sides, strict=True)]
        case Loop():
            return _loop(op, ties)
    raise AssertionError(op)


def _body(body: Graph, ties: Sequence[Ties]) -> list[Ties]:
    return _through(body.outputs, dict(zip(body.inputs, ties, strict=True)))


def _loop(op: Loop, ties: list[Ties]) -> list[Ties]:
    """The carries lose ties until an iteration keeps what they have; steps are no batch."""
    first, last = op.constants, op.constants + op.carries
    inner = [_moved(t, lambda k: k - 1 if k else None) for t in ties[last:]]
    carries = ties[first:last]
    while True:
        made = _body(op.body, [*ties[:first], *carries, *inner])
        grown = [_both(a, b) for a, b in zip(carries, made[: op.carries], strict=True)]
        if grown == carries:
            break
        carries = grown
    outer = [_moved(t, lambda k: k + 1) for t in (*made[op.carries :], *carries)]
    return [*carries, *outer]
