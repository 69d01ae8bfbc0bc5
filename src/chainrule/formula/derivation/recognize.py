"""Recognizing what a program means before it is differentiated.

2 Σ log diag chol(A) is log det A: the sum of the logarithms of a Cholesky factor's diagonal is how
a log-determinant is computed, and its derivative is A⁻¹, which no rule for triangles would show.
"""

from __future__ import annotations

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum, Map, Project, RoutineCall, View

__all__ = ["factored_matrices", "recognized"]

Table = dict[Node, Node]


def recognized(graph: Graph) -> tuple[Graph, Table]:
    """The graph with log-determinants as such, and the node that stands for each."""
    done: Table = {}
    for node in graph.nodes():
        done[node] = _rebuilt(node, done, graph)
    return Graph(graph.inputs, tuple(done[n] for n in graph.outputs)), done


def factored_matrices(graph: Graph) -> list[Node]:
    """The inputs whose Cholesky factor is taken: they are symmetric and positive definite."""
    return [n.inputs[0] for n in graph.nodes() if _is_routine(n, "cholesky")]


def _rebuilt(node: Node, done: Table, graph: Graph) -> Node:
    if node in graph.inputs:
        return node
    matrix = _log_determinant(node)
    if matrix is not None:
        _, logarithm = build.routine("slogdet", done[matrix])
        return build.scale(logarithm, 0.5)
    inputs = tuple(done[i] for i in node.inputs)
    return node if inputs == node.inputs else Node(node.op, inputs, node.shape, node.dtype)


def _log_determinant(node: Node) -> Node | None:
    """A, if a node is Σ log diag chol(A)."""
    if node.shape or not isinstance(node.op, Einsum) or len(node.inputs) != 1:
        return None
    logarithm = node.inputs[0]
    if not (isinstance(logarithm.op, Map) and logarithm.op.record.name == "log"):
        return None
    diagonal = logarithm.inputs[0]
    if diagonal.ndim != 1 or not isinstance(diagonal.op, Einsum | View):
        return None
    factor = diagonal.inputs[0]
    if len(diagonal.inputs) != 1 or factor.ndim != 2 or not isinstance(factor.op, Project):
        return None
    bundle = factor.inputs[0]
    return bundle.inputs[0] if _is_routine(bundle, "cholesky") else None


def _is_routine(node: Node, name: str) -> bool:
    return isinstance(node.op, RoutineCall) and node.op.routine.name == name
