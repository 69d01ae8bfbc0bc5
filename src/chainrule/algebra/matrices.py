"""Matrices as polys: transposes, inverses, determinants, and the routines that give them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.algebra.combine import add, einsum, grouped, lone, power, ungrouped
from chainrule.algebra.index import (
    Atom,
    Factor,
    Poly,
    Term,
    atom_poly,
    normal,
)
from chainrule.algebra.scalars import function

__all__: list[str] = []


def routine(name: str, operands: list[Poly], params: tuple[Any, ...]) -> list[Poly] | None:
    """The results of a library routine that mathematics has signs for, or None."""
    if name == "argsort":
        return [_order(ungrouped(operands[0]), bool(params and params[0]))]
    matrix = ungrouped(operands[0]) if operands else None
    if matrix is None or matrix.rank != 2:
        return None
    match name:
        case "inv":
            return [inverse(matrix)]
        case "solve":
            right = operands[1]
            left = (0, matrix.rank)
            other = (matrix.rank, *range(1, right.rank))
            return [einsum([_maybe_transposed(inverse(matrix), params), grouped(right)],
                           (left, other), tuple(range(right.rank)), right.dims)]  # fmt: skip
        case "det":
            return [determinant(matrix)]
        case "cofactor":
            flipped = transposed(inverse(matrix))
            return [einsum([determinant(matrix), flipped], ((), (0, 1)), (0, 1), flipped.dims)]
        case "cofactor_tangent":
            return [_cofactor_tangent(matrix, operands[1])]
        case "slogdet":
            value = determinant(matrix)
            return [function("sign", [value], ()), function("log|·|", [value], ())]
    return None


def _order(x: Poly, descending: bool) -> Poly:
    """The indices that sort the last axis; those of −x sort it downward."""
    source = add([(Fraction(-1), x)]) if descending else x
    return atom_poly(Atom("argsort", (), (source,), x.dims))


def _cofactor_tangent(matrix: Poly, direction: Poly) -> Poly:
    """det A · (tr(A⁻¹ dA) A⁻ᵀ − A⁻ᵀ dAᵀ A⁻ᵀ), the derivative of det A · A⁻ᵀ."""
    factors = [determinant(matrix), inverse(matrix), inverse(matrix), direction]
    traced = einsum(factors, ((), (1, 0), (2, 3), (3, 2)), (0, 1), matrix.dims)
    crossed = einsum(factors, ((), (2, 0), (1, 3), (3, 2)), (0, 1), matrix.dims)
    return add([(Fraction(1), traced), (Fraction(-1), crossed)])


def _maybe_transposed(poly: Poly, params: tuple[Any, ...]) -> Poly:
    return transposed(poly) if params and params[0] is True else poly


_DIAGONALS = (0, -1, 1, -2, 2)


def triangle(values: Sequence[Any]) -> tuple[str, int] | None:
    """What triangle of ones these arrays are: ("tril", −1) lies below the main diagonal."""
    if any(v.ndim != 2 for v in values):
        return None
    for k in _DIAGONALS:
        for name, half in (("tril", np.tril), ("triu", np.triu)):
            if all(np.array_equal(v, half(np.ones(v.shape), k)) for v in values):
                return name, k
    return None


def is_symmetric(poly: Poly) -> bool:
    """Whether a matrix is its own transpose; diag(u) is, on whichever side u is read."""
    return _on_diagonal(poly) == _on_diagonal(transposed(poly))


def _on_diagonal(poly: Poly) -> Poly:
    """A matrix whose terms with δ read everything else at the rows."""
    terms = []
    for term in poly.terms:
        tied = any(f.atom.head == "delta" and set(f.labels) == {0, 1} for f in term.factors)
        terms.append(Term(term.coefficient, tuple(
            Factor(f.atom, tuple(0 if i == 1 else i for i in f.labels), f.power)
            if tied and f.atom.head != "delta" else f
            for f in term.factors
        )))  # fmt: skip
    return normal(terms, range(poly.rank), poly.dims)


def transposed(poly: Poly) -> Poly:
    """The matrix with its axes exchanged."""
    fresh = itertools.count(2)
    return normal(poly.at((1, 0), fresh), (0, 1), poly.dims[::-1])


def inverse(matrix: Poly) -> Poly:
    """A⁻¹, symmetric if A is; the inverse of an inverse is the matrix itself."""
    factor = lone(matrix)
    if factor is not None and factor.atom.head == "inverse":
        inner = factor.atom.args[0]
        return inner if factor.labels == (0, 1) else transposed(inner)
    flipped = transposed(matrix)
    dims = matrix.dims[::-1]
    if flipped == matrix:
        return atom_poly(Atom("inverse", (), (matrix,), dims, symmetric=True))
    if flipped.key < matrix.key:  # (Aᵀ)⁻¹ is the transpose of the same atom as A⁻¹
        return transposed(atom_poly(Atom("inverse", (), (flipped,), dims[::-1])))
    return atom_poly(Atom("inverse", (), (matrix,), dims))


def determinant(matrix: Poly) -> Poly:
    """det A, with det A⁻¹ = 1/det A and det Aᵀ = det A."""
    factor = lone(matrix)
    if factor is not None and factor.atom.head == "inverse":
        return power(determinant(factor.atom.args[0]), Fraction(-1))
    flipped = transposed(matrix)
    chosen = min(matrix, flipped, key=lambda p: p.key)
    return atom_poly(Atom("det", (), (chosen,)))
