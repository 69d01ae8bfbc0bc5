"""Masks: where relu(x) is known, x > 0 is read off it, so that x need not be kept.

relu(x) > 0   ⇔   x > 0        (for NaN, neither)
"""

from __future__ import annotations

from chainrule.ir.graph import Graph, Node, with_inputs
from chainrule.ir.primitives import Fill, Map
from chainrule.passes.rewrite import rewrite, with_bodies


def masks(graph: Graph) -> Graph:
    """Give a graph in which the derivative of relu needs its result only."""
    known: dict[Node, Node] = {}

    def rule(node: Node, _: Node) -> Node:
        node = with_bodies(node, masks)
        match node.op:
            case Map(record=record) if record.name == "relu":
                known[node.inputs[0]] = node
            case Map(record=record) if record.name == "greater":
                x, other = node.inputs
                if x in known and isinstance(other.op, Fill) and other.op.value == 0:
                    return with_inputs(node, (known[x], other))
        return node

    return rewrite(graph, rule)
