# ruff: noqa: ARG001 — every rule has the signature of its table
"""Triangular factors with row exchanges: lu.

Values come from LAPACK through SciPy; leading axes are batch axes. Rows are exchanged as LAPACK
chooses; where two pivots are equally large, the factors jump, and the derivative is that of the
choice made.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, register
from chainrule.ir.routines.matrices import (
    first_columns,
    first_rows,
    product,
    transposed,
    weighted,
)  # fmt: skip

Array = np.ndarray


def _lu_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    (*batch, m, n), dtype = types[0]
    k = min(m, n)
    shapes = ((*batch, m, m), (*batch, m, k), (*batch, k, n))
    return tuple(Type(shape, dtype) for shape in shapes)


def _lu_value(a: Array) -> tuple[Array, Array, Array]:
    from scipy.linalg import lu

    if not a.size:
        (p, lower, upper) = (np.empty(t.shape, a.dtype) for t in _lu_types((_type(a),), ()))
        p[...], lower[...] = np.eye(*p.shape[-2:]), np.eye(*lower.shape[-2:])
        return p, lower, upper
    rows, lower, upper = lu(a, p_indices=True, check_finite=False)
    return np.eye(a.shape[-2], dtype=a.dtype)[rows], lower, upper


def _type(a: Array) -> Type:
    return build.data(a).type


def _lu_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """With Φ = L₁⁻¹ (Pᵀ dA)₁₁ U₁⁻¹ of the leading k×k blocks, dL = L tril₋(Φ), dU = triu(Φ) U.

    Where the matrix is tall, dL = Pᵀ dA U⁻¹ − L triu(Φ); where it is wide,
    dU = L⁻¹ Pᵀ dA − tril₋(Φ) U.
    """
    (p, lower, upper), (da,) = outputs, tangents
    assert da is not None
    m, n = inputs[0].shape[-2:]
    k = min(m, n)
    moved = product(transposed(p), da)
    left = _divided(first_rows(lower, k), first_rows(moved, k), lower=True)
    phi = _right_divided(first_columns(left, k), first_columns(upper, k))
    below, above = np.tril(np.ones((k, k)), -1), np.triu(np.ones((k, k)))
    strict, rest = weighted(phi, below), weighted(phi, above)
    if m > n:
        dl = build.subtract(_right_divided(moved, upper), product(lower, rest))
        return [None, dl, product(rest, upper)]
    return [None, product(lower, strict), build.subtract(left, product(strict, upper))]


def _divided(triangle: Node, x: Node, lower: bool, adjoint: bool = False) -> Node:
    return build.routine("triangular_solve", triangle, x, params=(lower, adjoint, "lu"))[0]


def _right_divided(x: Node, upper: Node) -> Node:
    """X U⁻¹."""
    return transposed(_divided(upper, transposed(x), lower=False, adjoint=True))


LU: Final = register(Routine("lu", _lu_types, _lu_value, _lu_tangent, (2,)))
