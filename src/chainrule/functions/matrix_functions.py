"""Functions of matrices, not of their elements: expm, sqrtm, logm, fractional_matrix_power."""

from __future__ import annotations

import math

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.errors import ArgumentError
from chainrule.functions.lift import Lifted, Operand
from chainrule.functions.stacks import squares
from chainrule.ir import build
from chainrule.tensors import Tensor

__all__ = ["expm", "fractional_matrix_power", "logm", "sqrtm"]

_expm = Lifted(lambda node: build.routine("expm", node)[0])
_symmetric = Lifted(
    lambda node, name, p: build.routine("symmetric_function", node, params=(name, p))[0],
)


def expm(x: Operand, /) -> Tensor:
    """Give the exponential of square matrices: the solution of dy/dt = x y at t = 1 from y = I.

    y = Σₖ xᵏ / k!,   dy = ∫₀¹ exp(tx) dx exp((1 − t)x) dt

    Shapes:  x: ... n n   →   ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: an element is inf or nan.
    Cost:    about 20·n³ operations for each matrix; a derivative eight times that.
    Source:  almohy2009computing

    >>> expm(cr.tensor([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[1., 1.],
            [0., 1.]])
    """
    return _expm([squares("expm", x)])


def sqrtm(x: Operand, /) -> Tensor:
    """Give the positive semidefinite square root of positive semidefinite matrices.

    y = V diag(√λ) Vᵀ, so that y y = x

    The symmetric part of x is what counts. Repeated eigenvalues have derivatives like others. An
    eigenvalue that is 0 up to rounding counts as 0; there, only directions that keep the null space
    have a derivative.

    Shapes:  x: ... n n   →   ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: an eigenvalue is negative.
             GradientError: a derivative at an eigenvalue 0, or beyond the second, is asked for.
    Cost:    about 13·n³ operations for each matrix; a second derivative n times that.
    Source:  higham2008functions, th. 3.11

    >>> sqrtm(cr.tensor([[4.0, 0.0], [0.0, 9.0]]))
    Tensor([[2., 0.],
            [0., 3.]])
    """
    return _symmetric([squares("sqrtm", x)], "sqrtm", 0.5)


def logm(x: Operand, /) -> Tensor:
    """Give the symmetric logarithm of positive definite matrices.

    y = V diag(log λ) Vᵀ, so that exp(y) = x

    The symmetric part of x is what counts. Repeated eigenvalues have derivatives like others.

    Shapes:  x: ... n n   →   ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: an eigenvalue is not positive.
             GradientError: a derivative beyond the second is asked for.
    Source:  higham2008functions, th. 3.11

    >>> logm(cr.eye(2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    return _symmetric([squares("logm", x)], "logm", None)


def fractional_matrix_power(x: Operand, exponent: float, /) -> Tensor:
    """Raise positive semidefinite matrices to any real power.

    y = V diag(λᵖ) Vᵀ

    The symmetric part of x is what counts. x to the power −½ whitens data whose covariance is x.
    A negative power needs a positive definite matrix.

    Shapes:  x: ... n n   →   ... n n   for exponent=-0.5
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: an eigenvalue is negative, or is 0 and the exponent negative; the
             exponent is not a finite number.
             GradientError: a derivative does not exist, or one beyond the second is asked for.
    Source:  higham2008functions, th. 3.11

    >>> fractional_matrix_power(cr.tensor([[4.0, 0.0], [0.0, 16.0]]), -0.5)
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    if not math.isfinite(exponent):
        raise ArgumentError(
            f"fractional_matrix_power: the exponent is a finite number, not {exponent}"
        )
    tensor = squares("fractional_matrix_power", x)
    return _symmetric([tensor], "fractional_matrix_power", float(exponent))
