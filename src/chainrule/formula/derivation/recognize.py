"""Recognizing what a program means before it is differentiated.

2 Σ log diag chol(A) is log det A: the sum of the logarithms of a Cholesky factor's diagonal is how
a log-determinant is computed, and its derivative is A⁻¹, which no rule for triangles would show.
Products, maxima and minima get the derivatives of the textbook: Πx ⊘ x, which is undefined where an
element is 0, and [x = max x], which leaves ties out. Programs are differentiated in forms that are
right there too.
"""

from __future__ import annotations

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum, Map, Project, Reduce, RoutineCall, View

__all__ = ["factored_matrices", "recognized"]

Table = dict[Node, Node]


def recognized(graph: Graph) -> tuple[Graph, Table]:
    """The graph with log-determinants and extrema as such, and the node that stands for each."""
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
    if isinstance(node.op, Reduce) and node.dtype.is_float and node.op.kind in _REDUCTIONS:
        return _reduction(inputs[0], node.op)
    return node if inputs == node.inputs else Node(node.op, inputs, node.shape, node.dtype)


_REDUCTIONS = ("prod", "max", "min")


def _reduction(operand: Node, op: Reduce) -> Node:
    """A product or an extremum with the derivative of the textbook."""
    kept = tuple(a for a in range(operand.ndim) if a not in op.axes)

    def tangent(
        inputs: list[Node], results: list[Node], tangents: list[Node | None]
    ) -> list[Node | None]:
        (x,), (y,), (dx,) = inputs, results, tangents
        if dx is None:
            return [None]
        if op.kind == "prod":
            return [build.multiply(y, build.sum_(build.apply("divide", dx, x), op.axes))]
        mask = _attained(x, build.expand(y, x.shape, kept))
        return [build.sum_(build.multiply(mask, dx), op.axes)]

    x = build.parameter(operand.shape, operand.dtype)
    body = Graph((x,), (build.reduce(op.kind, x, op.axes),))
    (made,) = build.block(op.kind, body, (operand,), tangent)
    return made


def _attained(x: Node, extremum: Node) -> Node:
    """[x = m] as a block, which lowering knows from an equality that holds by chance."""
    a, b = (build.parameter(n.shape, n.dtype) for n in (x, extremum))
    equal = build.cast(build.apply("equal", a, b), x.dtype)
    (made,) = build.block("attained", Graph((a, b), (equal,)), (x, extremum))
    return made


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
