"""Least squares and the spaces that belong to a matrix."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.errors import ShapeError
from chainrule.functions.decomposition import svd
from chainrule.functions.lift import Lifted, Operand, describe, known_array
from chainrule.functions.searching import known_value
from chainrule.functions.stacks import matrices, system
from chainrule.functions.systems import cutoff, matrix_rank, rank_node, rank_of
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.routines.factorization import SVD
from chainrule.ir.routines.least_squares import solve_finite
from chainrule.ir.routines.matrices import converged
from chainrule.ir.routines.spaces import null_basis, right_vectors
from chainrule.tensors import Tensor, of_value

__all__ = ["LstsqResult", "lstsq", "null_space", "orth", "projection"]


class LstsqResult(NamedTuple):
    """What lstsq gives."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _lstsq_nodes(a: Node, b: Node, rtol: Node, vector: bool) -> list[Node]:
    solution, values = build.routine("lstsq", a, b, rtol)
    rest = build.subtract(b, build.matmul(a, solution))
    labels = tuple(range(rest.ndim))
    squared = build.einsum((rest, rest), (labels, labels), (*labels[:-2], labels[-1]))
    rank = rank_node(values, rtol)
    if vector:
        solution = build.reshape(solution, solution.shape[:-1])
        squared = build.reshape(squared, squared.shape[:-1])
    return [solution, squared, rank, values]


_lstsq = Lifted(_lstsq_nodes)


def lstsq(x1: Operand, x2: Operand, /, *, rtol: Operand | None = None) -> LstsqResult:
    """Solve linear systems as well as possible: the shortest y for which ‖x1 y − x2‖ is smallest.

    y = x1⁺ x2

    x2 is one vector, or matrices with a column for each system; batch axes broadcast. ``residuals``
    are the sums of squares ‖x1 y − x2‖² of the columns, whatever the rank. Singular values up to
    rtol · max(s) count as 0; ``rtol`` is by default the larger of m and n, times the dtype's eps.
    The derivative is that among matrices of the same rank.

    Shapes:  x1: ... m n   x2: ... m k   →   ... n k, ... k, ..., ... p   where p = min(m, n)
             x1: ... m n   x2: m   →   ... n, ..., ..., ... p   where p = min(m, n)
    Raises:  ShapeError: x2 does not have as many rows as x1.
             ArgumentError: LAPACK does not converge, as for elements that are inf or nan.
    Source:  golub1973differentiation, eq. 4.12

    >>> lstsq(cr.tensor([[1.0], [1.0]]), cr.tensor([1.0, 3.0])).solution
    Tensor([2.])
    """
    a, b = known_array(x1), known_array(x2)
    if a is not None and b is not None and _is_number(rtol) and _fit(a, b):
        return _solved(a, b, rtol)
    left, right, vector = system("lstsq", x1, x2, square=False)
    return LstsqResult(*_lstsq([left, right, cutoff(left, rtol)], vector))


def _fit(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether these are one floating matrix, not empty, and right-hand sides for it."""
    alike = a.dtype is b.dtype and a.dtype.kind == "f" and a.size > 0
    return alike and a.ndim == 2 and b.ndim in (1, 2) and len(a) == len(b)


def _solved(a: np.ndarray, b: np.ndarray, rtol: Any) -> LstsqResult:
    """The same of one known matrix: LAPACK has all that is asked for, but the rest at low rank."""
    solution, squared, rank, values = converged("lstsq", solve_finite, a, b, rtol)
    if not squared.size:
        rest = b - a @ solution
        squared = np.vecdot(rest.T, rest.T)
    if b.ndim == 1:
        squared = squared.reshape(())
    found = (solution, squared, np.int64(rank), values)
    return LstsqResult(*(of_value(np.asarray(each)) for each in found))


def projection(x: Operand, /, *, rtol: Operand | None = None) -> Tensor:
    """Give the matrices that project orthogonally onto the spaces that the columns of x span.

    P = x x⁺ = U Uᵀ,   dP = (I − P) dx x⁺ + ((I − P) dx x⁺)ᵀ

    I − P projects onto what is orthogonal to all columns, and that of xᵀ onto the null space of x.
    The derivative is that among matrices of the same rank; repeated singular values do no harm.

    Shapes:  x: ... m n   →   ... m m
    Raises:  ShapeError: x has fewer than two axes.
    Source:  golub1973differentiation, eq. 4.11

    >>> projection(cr.tensor([[1.0], [1.0]]))
    Tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """
    tensor = matrices("projection", x)
    return _projection([tensor, cutoff(tensor, rtol)])


_projection = Lifted(lambda node, rtol: build.matmul(node, build.routine("pinv", node, rtol)[0]))


def _common_rank(name: str, tensor: Tensor, ranks: Tensor) -> int:
    """The rank of all matrices of a stack, given that of each; the values must be known."""
    known = known_value(name, ranks)
    if np.unique(known).size > 1:
        raise ShapeError(
            f"{name}: the matrices of the stack have ranks from {known.min()} to {known.max()}"
            f"\n\n    x  {describe(tensor)}\n\n"
            "  Their bases have different sizes; cr.linalg.projection has one for every rank."
        )
    return int(known.flat[0]) if known.size else 0


def _is_number(rtol: Operand | None) -> bool:
    return rtol is None or isinstance(rtol, int | float)


def _rank(values: np.ndarray, matrix: np.ndarray, rtol: Operand | None) -> int:
    """How many singular values of a known matrix are above rtol · max(s)."""
    limit = cutoff(of_value(matrix), rtol)._known()
    return int(np.count_nonzero(values > limit * values.max()))


def orth(x: Operand, /, *, rtol: Operand | None = None) -> Tensor:
    """Give an orthonormal basis of the space that the columns of a matrix span.

    y = U, the left singular vectors whose singular values are above rtol · max(s); k is the rank

    The shape depends on the rank, so it cannot be used under jit and vmap; all matrices of a stack
    must have the same. Vectors of a repeated singular value have no derivative; ``projection`` does
    not depend on the choice of a basis.

    Shapes:  x: ... m n   →   ... m k   where k = min(m, n)
    Raises:  ShapeError: matrices of a stack have different ranks.
             RecordingError: the values are not known.

    >>> cr.abs(orth(cr.tensor([[2.0, 2.0], [0.0, 0.0]])))
    Tensor([[1.],
            [0.]])
    """
    tensor = matrices("orth", x)
    value = known_array(tensor)
    if value is not None and value.ndim == 2 and value.size and _is_number(rtol):
        columns, values_, _ = SVD.value(value)
        return of_value(columns[:, : _rank(values_, value, rtol)])
    basis, values, _ = svd(tensor, full_matrices=False)
    rank = _common_rank("orth", tensor, rank_of([values, cutoff(tensor, rtol)]))
    return basis[..., :rank]


def null_space(x: Operand, /, *, rtol: Operand | None = None) -> Tensor:
    """Give an orthonormal basis of the vectors that a matrix maps to 0.

    x y = 0 and yᵀ y = I; the largest element of each vector is positive. With full rank there are
    as many vectors as columns too many.

    The shape depends on the rank, so it cannot be used under jit and vmap; all matrices of a stack
    must have the same. The basis has no derivative, since any other one would do as well.

    Shapes:  x: ... m m+k   →   ... m+k k
    Raises:  ShapeError: matrices of a stack have different ranks.
             RecordingError: the values are not known.
             GradientError: a derivative is asked for.

    >>> null_space(cr.tensor([[1.0, 0.0]]))
    Tensor([[0.],
            [1.]])
    """
    tensor = matrices("null_space", x)
    value = known_array(tensor)
    if value is not None and value.ndim == 2 and value.size and _is_number(rtol):
        values, vectors = right_vectors(value)
        return of_value(null_basis(vectors, _rank(values, value, rtol)))
    rank = _common_rank("null_space", tensor, matrix_rank(tensor, rtol=rtol))
    return _null_space([tensor], rank)


_null_space = Lifted(lambda node, rank: build.routine("null_space", node, params=(rank,))[0])
