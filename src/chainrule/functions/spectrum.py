"""Eigenvalues and eigenvectors of any square matrices, which are complex numbers in pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.functions.lift import Lifted, Operand
from chainrule.functions.stacks import squares
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.routines.matrices import converged
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_values

__all__ = ["ComplexParts", "EigResult", "eig", "eigvals"]


class ComplexParts(NamedTuple):
    """Complex numbers as two Tensors of one shape."""

    real: Tensor
    imag: Tensor


class EigResult(NamedTuple):
    """What eig gives."""

    eigenvalues: ComplexParts
    eigenvectors: ComplexParts


def _parts(node: Node, axis: int) -> list[Node]:
    shape = (*node.shape[:axis], *node.shape[axis + 1 :])
    return [build.reshape(build.slice_axis(node, axis, k, 1), shape) for k in (0, 1)]


def _eig_nodes(node: Node) -> list[Node]:
    values, vectors, _ = build.routine("eig", node)
    axis = node.ndim - 2
    return [*_parts(values, axis), *_parts(vectors, axis)]


_eig = Lifted(_eig_nodes)
_eigvals = Lifted(lambda node: _eig_nodes(node)[:2])


def eig(x: Operand, /) -> EigResult:
    """Decompose square matrices into complex eigenvalues and eigenvectors of length 1.

    x V = V diag(λ),   dλ = diag(V⁻¹ dx V)

    Both are given as real and imaginary parts, in the order in which LAPACK finds them; complex
    ones come in conjugate pairs. The largest element of a complex eigenvector is real. Where
    eigenvectors do not span the space, nothing has a derivative; nor have the vectors of a repeated
    eigenvalue. ``eigh`` is for symmetric matrices.

    Shapes:  x: ... n n   →   λ: ... n, ... n   V: ... n n, ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: LAPACK does not converge, as for elements that are inf or nan.
             GradientError: a derivative that does not exist is asked for.
    Source:  boeddeker2017computation

    >>> eig(cr.tensor([[0.0, -2.0], [2.0, 0.0]])).eigenvalues.imag
    Tensor([ 2., -2.])
    """
    real, imag, *vectors = _eig([squares("eig", x)])
    return EigResult(ComplexParts(real, imag), ComplexParts(*vectors))


def eigvals(x: Operand, /) -> ComplexParts:
    """Give the complex eigenvalues of square matrices, as real and imaginary parts.

    dλ = diag(V⁻¹ dx V)

    They come in the order in which LAPACK finds them. A single one of several equal eigenvalues
    has the derivative along the eigenvector that LAPACK chose.

    Shapes:  x: ... n n   →   ... n, ... n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: LAPACK does not converge, as for elements that are inf or nan.
             GradientError: a derivative where the eigenvectors do not span the space.

    >>> eigvals(cr.tensor([[0.0, -2.0], [2.0, 0.0]])).imag
    Tensor([ 2., -2.])
    """
    tensor = squares("eigvals", x)
    if tensor._value is None:
        return ComplexParts(*_eigvals([tensor]))
    found = quiet_call(converged, "eigvals", np.linalg.eigvals, tensor._value)
    parts = (np.ascontiguousarray(part, tensor._value.dtype) for part in (found.real, found.imag))
    return ComplexParts(*of_values(parts))
