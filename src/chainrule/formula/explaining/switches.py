"""Switches: the nodes of a program that are smooth in pieces, and what decides between these.

relu, abs, sign, clip, maximum, minimum, ``where`` and the largest of several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, ancestors, substitute
from chainrule.ir.primitives import Block, Fill, Map, Project, Reduce, Select

__all__ = ["HALF", "Switch", "comparisons", "opened", "relation", "switches"]

HALF = Fraction(1, 2)
_SLOPES: Mapping[str, Sequence[tuple[int, tuple[Fraction | int, ...]]]] = {
    "relu": [(-1, (0, 1, 0))],
    "abs": [(-1, (-1, 1, 0))],
    "sign": [(-1, (0, 0, 0))],
    "maximum": [(1, (0, 1, HALF))],
    "minimum": [(1, (1, 0, HALF))],
    "clip": [(1, (0, 1, 1)), (2, (1, 0, 1))],
}
"""For each function that is smooth in pieces: which operand the first one is compared with (−1 is
zero), and the derivative by the first one on the left, on the right, and where they are equal."""

_HOLDS_ABOVE = {"greater": True, "greater_equal": True, "less": False, "less_equal": False}


@dataclass(frozen=True, eq=False)
class Switch:
    """A node that is smooth in pieces, which meet where two values are equal.

    node    the node; its operation says what is done there
    name    the name of the function
    left    the value that is compared, which depends on the variable
    right   what it is compared with; None is zero, or the other elements of a Reduce
    slopes  the derivative by ``left``: on its left, on its right and at the kink, where known
    above   of a choice by a comparison, whether the first branch is taken where left > right
    """

    node: Node
    name: str
    left: Node
    right: Node | None
    slopes: tuple[Fraction | int, ...] = ()
    above: bool = False

    @property
    def chooses(self) -> bool:
        """Whether the largest or smallest of several is chosen, which ties make ambiguous."""
        return self.name in ("max", "min", "argmax", "argmin")


def switches(graph: Graph, variable: Node) -> list[Switch]:
    """The switches between a variable and the outputs of a program, those in its blocks too."""
    nodes = opened(graph)
    moving = {variable}
    for node in sorted(nodes, key=lambda n: n.serial):
        if not moving.isdisjoint(node.inputs) and node not in graph.inputs:
            moving.add(node)
    return [s for node in nodes if node in moving for s in _switches(node, moving)]


def opened(graph: Graph) -> list[Node]:
    """The nodes of a program, and of its blocks with their operands put in."""
    nodes = graph.nodes()
    seen = set(nodes)
    for node in nodes:
        if isinstance(node.op, Block) and node.op.tangent is None:
            body = node.op.body
            inside = substitute(body.outputs, dict(zip(body.inputs, node.inputs, strict=True)))
            new = [n for n in ancestors(inside, stop=node.inputs) if n not in seen]
            seen.update(new)
            nodes += new
    return nodes


def _switches(node: Node, moving: set[Node]) -> list[Switch]:
    match node.op:
        case Map(record=record) if record.name in _SLOPES and node.inputs[0] in moving:
            found = []
            for place, slopes in _SLOPES[record.name]:
                other = None if place < 0 else node.inputs[place]
                if not (record.name == "clip" and other is not None and _is_open(other)):
                    found.append(Switch(node, record.name, node.inputs[0], other, slopes))
            return found
        case Map(record=record) if record.name in ("maximum", "minimum"):
            (_, slopes) = _SLOPES[record.name][0]
            return [Switch(node, record.name, node.inputs[1], node.inputs[0], slopes)]
        case Reduce(kind="max" | "min" | "argmax" | "argmin" as kind):
            return [Switch(node, kind, node.inputs[0], None)]
        case Project():  # of a max or min with the derivative of the textbook
            op = node.inputs[0].op
            if isinstance(op, Block) and op.name in ("max", "min"):
                return [Switch(node, op.name, node.inputs[0].inputs[0], None)]
        case Select() if node.dtype.is_float:
            return [s for c in comparisons(node.inputs[0]) for s in _chosen(node, c, moving)]
    return []


def _is_open(bound: Node) -> bool:
    """Whether a bound of clip is the largest or smallest number there is: none was given."""
    return isinstance(bound.op, Fill) and abs(float(bound.op.value)) > 1e300


def comparisons(mask: Node) -> list[Node]:
    """The comparisons from which a mask is made."""
    return [
        n
        for n in ancestors([mask])
        if isinstance(n.op, Map) and n.op.record.name in _HOLDS_ABOVE and n.inputs[0].dtype.is_float
    ]


def _chosen(node: Node, comparison: Node, moving: set[Node]) -> list[Switch]:
    first, second = comparison.inputs
    above = _HOLDS_ABOVE[relation(comparison)]
    if first not in moving:
        first, second, above = second, first, not above
    if first not in moving:
        return []
    inner = first.op
    if isinstance(inner, Map) and inner.record.name == "abs" and isinstance(second.op, Fill):
        least = build.fill(-float(second.op.value), second.shape, second.dtype)
        (first,) = first.inputs  # |x| = c is x = c and x = −c
        return [
            Switch(node, "where", first, second, above=above),
            Switch(node, "where", first, least, above=not above),
        ]
    return [Switch(node, "where", first, second, above=above)]


def relation(comparison: Node) -> str:
    """The name of a comparison."""
    assert isinstance(comparison.op, Map)
    return comparison.op.record.name
