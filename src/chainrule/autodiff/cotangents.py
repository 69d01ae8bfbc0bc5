"""The cotangent of every node: what δ stands for in formulas, and what flows back in pictures.

n̄ = ∂y/∂n is the derivative by a zero that is added to n.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.autodiff.linearize import linearize
from chainrule.autodiff.transpose import transpose
from chainrule.ir import build
from chainrule.ir.dtype import BUNDLE
from chainrule.ir.graph import Graph, Node


def cotangents(graph: Graph, seeds: Sequence[Node | None]) -> dict[Node, Node]:
    """Give the cotangent of every floating-point node that the seeded outputs depend on."""
    added: dict[Node, Node] = {}
    done: dict[Node, Node] = {}
    for node in graph.nodes():
        moved = node if node in graph.inputs else _moved(node, done)
        if node.dtype.is_float and node.dtype is not BUNDLE:
            added[node] = build.alias(build.zeros_like(node))
            moved = build.add((moved, added[node]))
        done[node] = moved
    directions = {zero: build.parameter(zero.shape, zero.dtype) for zero in added.values()}
    tangents = linearize([done[n] for n in graph.outputs], directions)
    pairs = [(t, s) for t, s in zip(tangents, seeds, strict=True) if t is not None]
    made = transpose([t for t, _ in pairs], [s for _, s in pairs], list(directions.values()))
    return {n: c for n, c in zip(added, made, strict=True) if c is not None}


def _moved(node: Node, done: dict[Node, Node]) -> Node:
    inputs = tuple(done[i] for i in node.inputs)
    return node if inputs == node.inputs else Node(node.op, inputs, node.shape, node.dtype)
