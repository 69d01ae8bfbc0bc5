# ruff: noqa: ARG001 — every rule has the signature of its table
"""Least squares: lstsq, by LAPACK's gelsd; leading axes are batch axes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, register
from chainrule.ir.routines.matrices import converged, product, transposed

Array = np.ndarray


def _lstsq_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    (*batch, m, n), dtype = types[0]
    k = types[1].shape[-1]
    return Type((*batch, n, k), dtype), Type((*batch, min(m, n)), dtype)


def _lstsq_value(a: Array, b: Array, rtol: Array) -> tuple[Array, Array]:
    *batch, m, n = a.shape
    solution = np.zeros((*batch, n, b.shape[-1]), a.dtype)
    values = np.zeros((*batch, min(m, n)), a.dtype)
    if m and n:
        for index in np.ndindex(*batch):
            found = converged("lstsq", solve_finite, a[index], b[index], rtol[index])
            solution[index], values[index] = found[0], found[3]
    return solution, values


def solve_finite(a: Array, b: Array, rtol: Any) -> tuple[Array, Array, int, Array]:
    """The solution, sums of squares (at full rank of more rows), the rank, the singular values."""
    if not np.isfinite(np.add.reduce(a, None)) and not np.isfinite(a).all():
        raise np.linalg.LinAlgError  # LAPACK would write to the terminal
    return np.linalg.lstsq(a, b, rcond=None if rtol is None else float(rtol))


def _lstsq_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """With P = A⁺: dX = P (dB − dA X) + P Pᵀ dAᵀ (B − A X) + (I − P A) dAᵀ Pᵀ X, at constant rank.

    Source:  golub1973differentiation, eq. 4.12
    """
    a, b, rtol = inputs
    (x, _), (da, db, _) = outputs, tangents
    (p,) = build.routine("pinv", a, rtol)
    pt = transposed(p)
    moved = None if db is None else product(p, db)
    if da is None:
        return [moved, None]
    flipped = transposed(da)
    rest = build.subtract(b, product(a, x))
    turned = product(flipped, pt, x)
    terms = [
        product(p, da, x), product(p, pt, flipped, rest), turned, product(p, product(a, turned)),
    ]  # fmt: skip
    terms, signs = ([*terms, moved], (-1, 1, 1, -1, 1)) if moved else (terms, (-1, 1, 1, -1))
    values = build.routine("svd", a)
    u, vh = values[0], values[2]
    middle = product(transposed(u), da, transposed(vh))
    labels = tuple(range(middle.ndim - 1))
    ds = build.einsum((middle,), ((*labels, labels[-1]),), labels)
    return [build.add(terms, signs), ds]


LSTSQ: Final = register(Routine("lstsq", _lstsq_types, _lstsq_value, _lstsq_tangent, (2, 2, 0)))
