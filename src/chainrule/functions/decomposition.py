"""Matrix decompositions of stacks: cholesky, lu, qr, eigh, svd.

Vectors that belong to a repeated value can be turned freely within their space. They have no
derivative there, and asking for it raises GradientError; that of the values exists.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.errors import ArgumentError
from chainrule.functions.lift import Lifted, Operand
from chainrule.functions.stacks import matrices, squares
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor

__all__: list[str] = []


class EighResult(NamedTuple):
    """What eigh gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class LUResult(NamedTuple):
    """What lu gives."""

    P: Tensor
    L: Tensor
    U: Tensor


class QRResult(NamedTuple):
    """What qr gives."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What svd gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _cholesky_node(node: Node, upper: bool) -> Node:
    (factor,) = build.routine("cholesky", node)
    return build.swap_last(factor) if upper else factor


_cholesky = Lifted(_cholesky_node)


def cholesky(x: Operand, /, *, upper: bool = False) -> Tensor:
    """Factor a symmetric positive definite matrix into L Lᵀ with a lower triangular L.

    x = L Lᵀ, or x = Uᵀ U where ``upper`` is true

    The symmetric part (x + xᵀ)/2 is what is factored.

    Shapes:  x: ... n n   →   ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: a matrix is not positive definite.
    Cost:    n³/3 operations for each matrix.

    >>> cr.linalg.cholesky(cr.tensor([[4.0, 2.0], [2.0, 5.0]]))
    Tensor([[2., 0.],
            [1., 2.]])
    """
    return _cholesky([squares("cholesky", x)], upper)


_lu = Lifted(lambda node: build.routine("lu", node))


def lu(x: Operand, /) -> LUResult:
    """Factor matrices into a permutation, a lower and an upper triangle.

    x = P L U

    The diagonal of L is 1. P exchanges rows such that no element of L exceeds 1; it is constant
    where the factors have a derivative.

    Shapes:  x: ... m n   →   P: ... m m   L: ... m k   U: ... k n   where k = min(m, n)
    Raises:  ShapeError: x has fewer than two axes.
             GradientError: a derivative where a pivot is 0.
    Cost:    2/3·n³ operations for each square matrix.

    >>> cr.linalg.lu(cr.tensor([[2.0, 1.0], [4.0, 4.0]])).U
    Tensor([[ 4.,  4.],
            [ 0., -1.]])
    """
    return LUResult(*_lu([matrices("lu", x)]))


_eigh = Lifted(lambda node: build.routine("eigh", node))
_eigvalsh = Lifted(lambda node: build.routine("eigvalsh", node)[0])


def eigh(x: Operand, /) -> EighResult:
    """Decompose symmetric matrices into eigenvalues, in ascending order, and orthonormal vectors.

    x = V diag(λ) Vᵀ

    The symmetric part (x + xᵀ)/2 is what is decomposed. A derivative of the vectors of a repeated
    eigenvalue raises GradientError; that of the eigenvalues exists.

    Shapes:  x: ... n n   →   eigenvalues: ... n   eigenvectors: ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: LAPACK does not converge, as for elements that are inf or nan.

    >>> cr.linalg.eigh(cr.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    Tensor([1., 2.])
    """
    return EighResult(*_eigh([squares("eigh", x)]))


def eigvalsh(x: Operand, /) -> Tensor:
    """Give the eigenvalues of symmetric matrices in ascending order.

    dλᵢ = vᵢᵀ dx vᵢ

    Shapes:  x: ... n n   →   ... n
    Raises:  ShapeError: the matrices are not square.

    >>> cr.linalg.eigvalsh(cr.tensor([[2.0, 1.0], [1.0, 2.0]]))
    Tensor([1., 3.])
    """
    return _eigvalsh([squares("eigvalsh", x)])


def _completed(basis: Node, owner: str) -> Node:
    """Orthonormal columns and what they lack of a basis of the whole space."""
    m, k = basis.shape[-2:]
    if m == k:
        return basis
    (rest,) = build.routine("complement", basis, params=(owner,))
    return build.join((basis, rest), basis.ndim - 1)


def _qr_nodes(node: Node, complete: bool) -> list[Node]:
    q, r = build.routine("qr", node)
    (m, k), axis = q.shape[-2:], r.ndim - 2
    if not complete or m == k:
        return [q, r]
    below = build.fill(0, (*r.shape[:axis], m - k, r.shape[-1]), r.dtype)
    return [_completed(q, "qr"), build.join((r, below), axis)]


_qr = Lifted(_qr_nodes)


def qr(x: Operand, /, *, mode: Literal["reduced", "complete"] = "reduced") -> QRResult:
    """Factor matrices into orthonormal columns and an upper triangle.

    x = Q R, where Qᵀ Q = I

    With ``mode="complete"`` Q is square; its last columns have no derivative.

    Shapes:  x: ... m n   →   Q: ... m k   R: ... k n   where k = min(m, n)
             x: ... m n   →   Q: ... m m   R: ... m n   for mode="complete"
    Raises:  ShapeError: x has fewer than two axes. ArgumentError: there is no such mode.
             GradientError: a derivative where the first columns of a matrix depend on each other.

    >>> cr.abs(cr.linalg.qr(cr.tensor([[3.0], [4.0]])).R)
    Tensor([[5.]])
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"qr: mode is 'reduced' or 'complete', not {mode!r}")
    return QRResult(*_qr([matrices("qr", x)], mode == "complete"))


def _svd_nodes(node: Node, full: bool) -> list[Node]:
    u, s, vh = build.routine("svd", node)
    if not full:
        return [u, s, vh]
    right = build.swap_last(_completed(build.swap_last(vh), "svd"))
    return [_completed(u, "svd"), s, right if right.shape != vh.shape else vh]


_svd = Lifted(_svd_nodes)
_svdvals = Lifted(lambda node: build.routine("svdvals", node)[0])


def svd(x: Operand, /, *, full_matrices: bool = True) -> SVDResult:
    """Decompose matrices into singular values, in descending order, and singular vectors.

    x = U diag(s) Vᵀ

    With ``full_matrices`` U and V are square; the columns beyond the singular values have no
    derivative. That of the vectors of a repeated singular value raises GradientError.

    Shapes:  x: ... m n   →   U: ... m m   S: ... k   Vh: ... n n   where k = min(m, n)
             x: ... n+k n   →   U: ... n+k n   S: ... n   Vh: ... n n   for full_matrices=False
    Raises:  ShapeError: x has fewer than two axes.
             ArgumentError: LAPACK does not converge, as for elements that are inf or nan.

    >>> cr.linalg.svd(cr.tensor([[0.0, 2.0], [1.0, 0.0]])).S
    Tensor([2., 1.])
    """
    return SVDResult(*_svd([matrices("svd", x)], full_matrices))


def svdvals(x: Operand, /) -> Tensor:
    """Give the singular values of matrices in descending order.

    dsᵢ = uᵢᵀ dx vᵢ

    Shapes:  x: ... m n   →   ... k   where k = min(m, n)
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.linalg.svdvals(cr.tensor([[0.0, 2.0], [1.0, 0.0]]))
    Tensor([2., 1.])
    """
    return _svdvals([matrices("svdvals", x)])
