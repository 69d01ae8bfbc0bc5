"""A program in pieces: its values, each as a function of the values before it.

Values are what the user named, and unnamed ones at which a teacher would stop: what goes into an
activation, and what comes out of it. Each piece is a small graph of its own between fresh inputs,
so that its derivatives cost what the piece costs, however deep the program is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainrule.algebra.lower import result_of
from chainrule.algebra.signs import lowered
from chainrule.autodiff.linearize import linearize
from chainrule.autodiff.transpose import transpose
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, ancestors, substitute
from chainrule.ir.primitives import (
    Add,
    Block,
    Einsum,
    Fill,
    Input,
    Map,
    Project,
    Reshape,
    RoutineCall,
    View,
)

__all__ = ["DIRECTION", "Piece", "pieces"]

DIRECTION = "direction"
_ACTIVATIONS = frozenset({"relu", "tanh", "sigmoid", "softplus", "erf", "ndtr", "exp", "pow", "log",
                          "sin", "cos", "abs", "maximum"})  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A value as a function of earlier ones, in each recording.

    name     of the value
    uses     the names of the values and arguments that it reads
    outputs  its node in each recording
    inputs   for each of ``uses`` the fresh inputs
    """

    name: str
    uses: tuple[str, ...]
    outputs: tuple[Node, ...]
    inputs: Mapping[str, tuple[Node, ...]]

    def cotangents(self, uses: Sequence[str], incoming: str | None) -> dict[str, tuple[Node, ...]]:
        """What flows back to these inputs: in terms of ``incoming``, or of 1 at the end."""
        made: dict[str, list[Node]] = {name: [] for name in uses}
        for k, output in enumerate(self.outputs):
            at = [self.inputs[name][k] for name in uses]
            given = {n: build.parameter(n.shape, n.dtype) for n in at}
            seed = (
                build.fill(1, output.shape, output.dtype)
                if incoming is None
                else build.parameter(output.shape, output.dtype, incoming)
            )
            tangents = linearize([output], given)
            if tangents[0] is None:
                continue
            found = transpose([tangents[0]], [seed], list(given.values()))
            for name, node in zip(uses, found, strict=True):
                if node is not None:
                    made[name].append(node)
        return {name: tuple(nodes) for name, nodes in made.items() if nodes}

    def tangent(self, use: str) -> tuple[Node, ...]:
        """The tangent of the value in the direction of one input; empty if there is none."""
        made: list[Node] = []
        for k, output in enumerate(self.outputs):
            source = self.inputs[use][k]
            direction = build.parameter(source.shape, source.dtype, DIRECTION)
            (tangent,) = linearize([output], {source: direction})
            if tangent is None:
                return ()
            made.append(tangent)
        return tuple(made)


def pieces(graphs: Sequence[Graph], names: Mapping[Node, str], last: str) -> list[Piece]:
    """The pieces of a program recorded several times; ``last`` names its result."""
    orders = [g.nodes() for g in graphs]
    if any(len(order) != len(orders[0]) for order in orders):
        graphs, orders = graphs[:1], orders[:1]
    twins = {nodes[0]: nodes for nodes in zip(*orders, strict=True)}
    values = _values(graphs[0], names, last)
    made: list[Piece] = []
    for node, name in values.items():
        if not isinstance(node.op, Input):
            made.append(_piece(node, name, values, twins))
    return made


def _piece(
    node: Node, name: str, values: Mapping[Node, str], twins: Mapping[Node, tuple[Node, ...]]
) -> Piece:
    stop = [n for n in values if n is not node]
    used = [n for n in ancestors([node], stop) if n in values and n is not node]
    inputs = {values[n]: tuple(build.parameter(t.shape, t.dtype, values[n]) for t in twins[n])
              for n in used}  # fmt: skip
    outputs = tuple(
        substitute([output], {twins[n][k]: inputs[values[n]][k] for n in used})[0]
        for k, output in enumerate(twins[node])
    )
    return Piece(name, tuple(inputs), outputs, inputs)


def _values(graph: Graph, names: Mapping[Node, str], last: str) -> dict[Node, str]:
    """The nodes that are values, with their names, in the program's order."""
    (output,) = graph.outputs
    users: dict[Node, list[Node]] = {}
    for node in graph.nodes():
        for operand in node.inputs:
            users.setdefault(operand, []).append(node)
    results = {result_of(n): name for n, name in names.items() if isinstance(n.op, Project)}
    found: dict[Node, str] = {}
    number, taken = 0, set(names.values())
    moving = _moving(graph)
    for node in graph.nodes():
        name = names.get(node) or results.get(result_of(node))
        if node is output:
            found[node] = last
        elif name is not None and node.dtype.is_float | isinstance(node.op, Input):
            found[node] = name
        elif node in moving and _is_stop(node, users.get(node, [])):
            number += 1
            while (made := f"z{lowered(str(number))}") in taken:
                number += 1
            found[node] = made
    return found


def _moving(graph: Graph) -> set[Node]:
    """The nodes that depend on an argument."""
    moving = {n for n in graph.inputs if n.dtype.is_float}
    for node in graph.nodes():
        if node.dtype.is_float and any(i in moving for i in node.inputs):
            moving.add(node)
    return moving


def _is_stop(node: Node, users: Sequence[Node]) -> bool:
    """Whether a teacher would give a node a name.

    That is what goes into an activation, what comes out of it before the next product, a root,
    and whatever is used twice.
    """
    if len(set(users)) > 1 and node.ndim and not _is_moved(node):
        return True
    if _is_affine(node):
        met = any(_is_activation(u) or u.inputs.count(node) > 1 for u in users)
        return met and bool(node.ndim) and _contracts(node)
    if isinstance(node.op, Map) and node.op.record.name == "sqrt":
        return bool(node.ndim)
    if not _is_activation(node) or not node.ndim or _is_pow(node):
        return False
    return any(isinstance(u.op, Einsum) and len(u.inputs) > 1 and u.ndim for u in users)


def _is_affine(node: Node) -> bool:
    if isinstance(node.op, Map):
        return node.op.record.name == "divide" and isinstance(node.inputs[1].op, Fill)
    return isinstance(node.op, Einsum | Add | View | Reshape)


def _is_activation(node: Node) -> bool:
    if isinstance(node.op, Project):
        return isinstance(node.inputs[0].op, Block | RoutineCall)
    if isinstance(node.op, Block | RoutineCall):
        return True
    return isinstance(node.op, Map) and node.op.record.name in _ACTIVATIONS


def _is_moved(node: Node) -> bool:
    """Whether a node holds the numbers of another, in another place."""
    if isinstance(node.op, Einsum):
        return len(node.inputs) == 1 and node.ndim >= node.inputs[0].ndim
    return isinstance(node.op, View | Reshape)


def _is_pow(node: Node) -> bool:
    return isinstance(node.op, Map) and node.op.record.name in ("pow", "log", "exp", "abs")


def _contracts(node: Node) -> bool:
    """Whether an affine value has a product inside: what is only copied or moved needs no name."""
    pending, steps = [node], 0
    while pending and steps < 50:
        steps += 1
        current = pending.pop()
        if isinstance(current.op, Einsum) and len(current.inputs) > 1:
            return True
        if _is_affine(current):
            pending += current.inputs
    return False
