"""Densities where they are positive: a branch of −∞ or NaN is not taken at the points of interest.

A log-density is ``where(x in the support, formula, −∞)``. A function that is finite where we look
takes the other branch there, and so does every other ``where`` with the same mask.
"""

from __future__ import annotations

import math

from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Fill, Map, Select

__all__ = ["inside"]


def inside(graph: Graph) -> tuple[Graph, dict[Node, Node]]:
    """The graph at points where its result is finite, and the node that stands for each."""
    known = _masks(graph)
    done: dict[Node, Node] = {}
    for node in graph.nodes():
        inputs = tuple(done[n] for n in node.inputs)
        if isinstance(node.op, Select) and node not in graph.inputs and node.inputs[0] in known:
            done[node] = inputs[1] if known[node.inputs[0]] else inputs[2]
        else:
            same = inputs == node.inputs or node in graph.inputs
            done[node] = node if same else Node(node.op, inputs, node.shape, node.dtype)
    return Graph(graph.inputs, tuple(done[n] for n in graph.outputs)), done


def _masks(graph: Graph) -> dict[Node, bool]:
    """The masks of branches that are not finite, with the value that avoids these."""
    known: dict[Node, bool] = {}
    for node in graph.nodes():
        if isinstance(node.op, Select) and node not in graph.inputs:
            mask, chosen, otherwise = node.inputs
            if _is_infinite(chosen) != _is_infinite(otherwise):
                known.setdefault(mask, _is_infinite(otherwise))
    pending = list(known)
    while pending:  # what follows for the parts of a mask: a or b is false if both are
        mask = pending.pop()
        name = mask.op.record.name if isinstance(mask.op, Map) else ""
        if name in ("bitwise_invert", "logical_not"):
            parts, value = mask.inputs, not known[mask]
        elif (name in ("bitwise_or", "logical_or") and not known[mask]) or (
            name in ("bitwise_and", "logical_and") and known[mask]
        ):
            parts, value = mask.inputs, known[mask]
        else:
            continue
        for part in parts:
            if part not in known:
                known[part] = value
                pending.append(part)
    return known


def _is_infinite(node: Node) -> bool:
    return isinstance(node.op, Fill) and not math.isfinite(float(node.op.value))
