"""Recognizing what a program means before it is differentiated.

2 Σ log diag chol(A) is log det A: the sum of the logarithms of a Cholesky factor's diagonal is how
a log-determinant is computed, and its derivative is A⁻¹, which no rule for triangles would show.
Likewise ‖L⁻¹r‖² is rᵀA⁻¹r where A = LLᵀ, for one r or for rows of them.
Products, maxima and minima get the derivatives of the textbook: Πx ⊘ x, which is undefined where an
element is 0, and [x = max x], which leaves ties out. Programs are differentiated in forms that are
right there too.
"""

from __future__ import annotations

import numpy as np

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Data,
    Delta,
    Einsum,
    Fill,
    Map,
    Project,
    Reduce,
    RoutineCall,
    View,
)

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
    quadratic = _mahalanobis(node)
    if quadratic is not None:
        return _quadratic_form(done[quadratic[0]], done[quadratic[1]], quadratic[2])
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


def _quadratic_form(matrix: Node, residual: Node, number: float) -> Node:
    """c · rᵀA⁻¹r, of each row of r if there are rows."""
    if residual.ndim == 1:
        column = build.reshape(residual, (*residual.shape, 1))
        (solved,) = build.routine("solve", matrix, column)
        flat = build.reshape(solved, residual.shape)
    else:
        (solved,) = build.routine("solve", matrix, build.swap_last(residual))
        flat = build.swap_last(solved)
    form = build.sum_(build.multiply(residual, flat), (residual.ndim - 1,))
    return build.scale(form, number)


def _is_routine(node: Node, name: str) -> bool:
    return isinstance(node.op, RoutineCall) and node.op.routine.name == name


def _mahalanobis(node: Node) -> tuple[Node, Node, float] | None:
    """c · ‖L⁻¹r‖² with A = LLᵀ, as a Gaussian density has it, or that of rows: A, r and c."""
    if not isinstance(node.op, Einsum) or node.ndim > 1:
        return None
    number, squared = 1.0, None
    every = (*node.op.subscripts.output, node.ndim)  # the axis of r is summed over
    for operand, labels in zip(node.inputs, node.op.subscripts.inputs, strict=True):
        if not set(labels) <= set(every):
            return None
        constant = _constant(operand)
        if constant is not None:
            number *= constant
        elif labels != every or squared not in (None, operand):
            return None
        else:
            squared = operand
    twice = [n for n in node.inputs if n is squared]
    if squared is None:
        return None
    whitened = _square_root(squared) if len(twice) == 1 else squared
    found = None if whitened is None else _whitened(whitened)
    return None if found is None else (*found, number)


def _constant(node: Node) -> float | None:
    """The number that is everywhere in an array."""
    if isinstance(node.op, Fill):
        return float(node.op.value)
    if isinstance(node.op, Data) and node.op.value.size:
        values = node.op.value
        return float(values.flat[0]) if (values == values.flat[0]).all() else None
    return None


def _square_root(node: Node) -> Node | None:
    """z, if a node is z ⊙ z."""
    if not isinstance(node.op, Einsum) or len(node.inputs) != 2:
        return None
    subscripts = node.op.subscripts
    alike = all(labels == subscripts.output for labels in subscripts.inputs)
    return node.inputs[0] if alike and node.inputs[0] is node.inputs[1] else None


def _whitened(node: Node) -> tuple[Node, Node] | None:
    """A and r, if a node is L⁻¹r with A = LLᵀ, or has such rows."""
    if not isinstance(node.op, Einsum) or len(node.inputs) != 2:
        return None
    turned = next((n for n in node.inputs if _is_solved(n)), None)
    residual = next((n for n in node.inputs if n is not turned), None)
    if turned is None or residual is None or residual.ndim != node.ndim:
        return None
    subscripts = dict(zip(node.inputs, node.op.subscripts.inputs, strict=True))
    *rows, summed = subscripts[residual]
    if tuple(rows) != node.op.subscripts.output[:-1] or summed in rows:
        return None
    inverse = turned.inputs[0] if isinstance(turned.op, View) else turned
    place = subscripts[turned].index(summed) if summed in subscripts[turned] else -1
    columns = 0 if isinstance(turned.op, View) else 1
    if isinstance(turned.op, View) and [a.terms for a in turned.op.axes] != [((1, 1),), ((0, 1),)]:
        return None
    solve = inverse.inputs[0]
    if place != columns or not isinstance(solve.op, RoutineCall):
        return None
    if solve.op.params[:2] != (True, False):
        return None
    factor, unit = solve.inputs
    bundle = factor.inputs[0] if isinstance(factor.op, Project) else factor
    if not _is_routine(bundle, "cholesky") or not _is_identity(unit):
        return None
    return bundle.inputs[0], residual


def _is_solved(node: Node) -> bool:
    """Whether a node is the solution for a triangular matrix, or its transpose."""
    inverse = node.inputs[0] if isinstance(node.op, View) else node
    found = isinstance(inverse.op, Project) and _is_routine(inverse.inputs[0], "triangular_solve")
    return found and node.ndim == 2


def _is_identity(node: Node) -> bool:
    if isinstance(node.op, Delta):
        return True
    return isinstance(node.op, Data) and np.array_equal(node.op.value, np.eye(len(node.op.value)))
