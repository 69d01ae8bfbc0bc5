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

Table = dict[Node, Node]


def cotangents(graph: Graph, seeds: Sequence[Node | None]) -> Table:
    """Give the cotangent of every floating-point node that the seeded outputs depend on."""
    return with_stand_ins(graph, seeds)[0]


def with_stand_ins(graph: Graph, seeds: Sequence[Node | None]) -> tuple[Table, Table]:
    """Give the cotangents, and for each node the one that stands for it in them: n + 0."""
    added: Table = {}
    done: Table = {}
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
    return {n: c for n, c in zip(added, made, strict=True) if c is not None}, done


def _moved(node: Node, done: Table) -> Node:
    inputs = tuple(done[i] for i in node.inputs)
    return node if inputs == node.inputs else Node(node.op, inputs, node.shape, node.dtype)
