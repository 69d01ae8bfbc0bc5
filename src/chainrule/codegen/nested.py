"""Nested programs: Loop and Cond as machine code around the program of their body.

A body has a table of its own. Its constants stay where they are; a slice is an address that moves
with the loop; a carry has two places, from one of which a turn reads while it writes to the other,
or one if it can be changed in place (``carries.py``). The last of them is where the result belongs.
The first turn reads a carry where the operand lies, so that nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.table import FIRST, STATUS
from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.outline import Body
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Axis, Cond, Data, Loop, View

__all__ = ["Around", "Room", "emit_cond", "emit_loop", "error_in", "rooms", "with_own_outputs"]


class Room(NamedTuple):
    """Memory that a nested program needs while it runs: what for, and how many bytes."""

    name: object
    size: int


class Around(NamedTuple):
    """The function at whose end a nested program runs.

    head   body to a table for it: arena, status and constants are filled in
    """

    b: Builder
    team: Value
    table: Value
    head: Callable[[Body], Value]


def error_in(b: Builder, table: Value) -> Value:
    """The error that was written, or 0."""
    return b.load("i64", b.load("ptr", b.offset(table, STATUS, "ptr")))


def with_own_outputs(graph: Graph) -> Graph:
    """A graph whose outputs are values that it makes itself, each another one."""
    seen: set[Node] = set(graph.inputs)
    outputs = []
    for node in graph.outputs:
        made = _copy(node) if node in seen or isinstance(node.op, Data) else node
        seen.add(made)
        outputs.append(made)
    return Graph(graph.inputs, tuple(outputs))


def _copy(node: Node) -> Node:
    axes = tuple(Axis(0, ((k, 1),)) for k in range(node.ndim))
    return Node(View(node.shape, axes), (node,), node.shape, node.dtype)


def rooms(op: Loop | Cond, bodies: Sequence[Body], read: set[int]) -> list[Room]:
    """The memory that the nested program needs besides its operands and results."""
    found = [Room("arena", max((b.arena for b in bodies), default=0))]
    if isinstance(op, Loop):
        for k, node in enumerate(op.body.outputs[: op.carries]):
            sides = {0} if k in bodies[0].in_place else {0, 1}
            if k in read:
                sides.discard(_final_side(op, bodies[0], k))
            found += [Room((k, side), node.nbytes) for side in sorted(sides)]
        rest = op.body.outputs[op.carries :]
        found += [
            Room(("slice", k), n.nbytes) for k, n in enumerate(rest) if op.carries + k not in read
        ]
    else:
        found += [
            Room(("result", k), n.nbytes) for k, n in enumerate(op.then.outputs) if k not in read
        ]
    return found


def _final_side(op: Loop, body: Body, carry: int) -> int:
    """In which of a carry's places the loop ends."""
    return 0 if carry in body.in_place else op.length % 2


def _set(b: Builder, table: Value, entry: int, value: Value) -> None:
    b.store(value, b.offset(table, entry, "ptr"))


def _set_all(
    b: Builder,
    table: Value,
    entry: Mapping[Node, int],
    nodes: Sequence[Node],
    values: Sequence[Value],
) -> None:
    for node, value in zip(nodes, values, strict=True):
        _set(b, table, entry[node], value)


def _copied(b: Builder, source: Value, target: Value, node: Node) -> None:
    if node.nbytes:
        size = constant("i64", node.nbytes)
        b.call("llvm.memcpy.p0.p0.i64", "void", target, source, size, constant("i1", False))


def _entry(body: Body) -> dict[Node, int]:
    return {node: FIRST + k for k, node in enumerate(body.entries)}


def emit_cond(
    bodies: tuple[Body, Body],
    operands: Sequence[Value],
    results: Sequence[Value],
    around: Around,
) -> None:
    """Write the choice between two bodies."""
    predicate, *given = operands
    b = around.b
    chosen = b.icmp("ne", b.load("i8", predicate), 0)
    for body, mask in zip(
        bodies, (chosen, b.binary("xor", chosen, constant("i1", True))), strict=True
    ):
        with b.when(mask):
            own, entry = around.head(body), _entry(body)
            _set_all(b, own, entry, body.graph.inputs, given)
            _set_all(b, own, entry, body.graph.outputs, results)
            b.call(body.name, "void", around.team, own)


def emit_loop(
    op: Loop,
    body: Body,
    operands: Sequence[Value],
    results: Mapping[int, Value],
    room: Mapping[object, Value],
    around: Around,
) -> None:
    """Write a loop over a body; it ends early after an error."""
    b, graph, entry = around.b, body.graph, _entry(body)
    own = around.head(body)
    first, last = op.constants, op.constants + op.carries
    _set_all(b, own, entry, graph.inputs[:first], operands[:first])
    carried = graph.inputs[first:last]
    sides = [_sides(op, body, k, results, room) for k in range(op.carries)]
    if not op.length:
        for node, pointer, (_, place) in zip(carried, operands[first:last], sides, strict=True):
            _copied(b, pointer, place, node)
    state = b.local("i64")
    b.store(constant("i64", 0), state)
    begin = zip(operands[first:last], sides, strict=True)
    places = [place for given, pair in begin for place in (given, *pair)]
    with b.loop(0, op.length, carried=places) as turn:
        error = b.load("i64", state)
        at = b.sub(constant("i64", op.length - 1), turn.index) if op.reverse else turn.index
        for k, node in enumerate(carried):
            here, there, _ = turn.carried[3 * k : 3 * k + 3]
            history = results.get(op.carries + op.slices + k)
            if history is not None:
                _copied(b, here, b.offset(history, b.mul(at, node.nbytes), "i8"), node)
            _set(b, own, entry[node], here)
            _set(b, own, entry[graph.outputs[k]], there)
        for node, pointer in zip(graph.inputs[last:], operands[last:], strict=True):
            _set(b, own, entry[node], b.offset(pointer, b.mul(at, node.nbytes), "i8"))
        for k, node in enumerate(graph.outputs[op.carries :]):
            made = results.get(op.carries + k)
            moved = made and b.offset(made, b.mul(at, node.nbytes), "i8")
            _set(b, own, entry[node], moved or room["slice", k])
        with b.when(b.icmp("eq", error, 0)):
            b.call(body.name, "void", around.team, own)
            b.store(error_in(b, around.table), state)
        turn.next(*[turn.carried[k + (1, 1, -1)[k % 3]] for k in range(len(places))])


def _sides(
    op: Loop, body: Body, carry: int, results: Mapping[int, Value], room: Mapping[object, Value]
) -> tuple[Value, Value]:
    """The places to which a carry is written in turn."""
    end = _final_side(op, body, carry)
    even, odd = (
        results[carry] if carry in results and side == end else room.get((carry, side))
        for side in range(2)
    )
    assert even is not None
    return odd or even, even
