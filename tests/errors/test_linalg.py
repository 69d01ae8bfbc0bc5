"""What linear algebra says about matrices that it cannot use, word for word."""

import math
from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import linalg
from chainrule.errors import ArgumentError, DTypeError, GradientError, ShapeError

I3 = cr.tensor(np.eye(3))
SINGULAR = cr.tensor([[1.0, 2.0], [2.0, 4.0]])
TALL = cr.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]])
STACK = cr.tensor(np.stack([np.eye(2), np.diag([1.0, -1.0])])[None])
ONES = cr.tensor(np.stack([np.eye(2), np.ones((2, 2))]))


def total(x: cr.Tensor) -> cr.Tensor:
    return cr.sum(x)


MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ArgumentError,
        lambda: linalg.cholesky(STACK),
        (
            "cholesky: matrix [0, 1] of the stack is not positive definite: its leading "
            "minor of order 2 is not positive\n"
            "\n"
            "    x  f64[1, 2, 2, 2]"
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.inv(ONES),
        (
            "inv: matrix [1] of the stack is singular\n"
            "\n"
            "    x  f64[2, 2, 2]\n"
            "\n"
            "  Its columns are linearly dependent; cr.linalg.pinv gives the least-squares "
            "solution."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.solve(SINGULAR, cr.ones(2)),
        (
            "solve: the matrix is singular\n"
            "\n"
            "    x  f64[2, 2]\n"
            "\n"
            "  Its columns are linearly dependent; cr.linalg.pinv gives the least-squares "
            "solution."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.matrix_power(SINGULAR, -1),
        (
            "inv: the matrix is singular\n"
            "\n"
            "    x  f64[2, 2]\n"
            "\n"
            "  Its columns are linearly dependent; cr.linalg.pinv gives the least-squares "
            "solution."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.solve_triangular(cr.tensor([[1.0, 0.0], [3.0, 0.0]]), cr.ones(2)),
        (
            "solve_triangular: the matrix is singular: element [1, 1] of its diagonal is 0\n"
            "\n"
            "    x  f64[2, 2]"
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.svd(cr.tensor(np.stack([np.eye(2), np.full((2, 2), math.nan)]))),
        ("svd: matrix [1] of the stack has elements that are inf or nan\n\n    x  f64[2, 2, 2]"),
    ),
    (
        ShapeError,
        lambda: linalg.inv(TALL),
        (
            "inv: the last two axes have sizes 3 and 2\n"
            "\n"
            "    x  f64[3, 2]\n"
            "\n"
            "  It is defined for square matrices."
        ),
    ),
    (ShapeError, lambda: linalg.det(cr.ones(2)), ("det: a matrix has two axes\n\n    x  f64[2]")),
    (
        ShapeError,
        lambda: linalg.solve(I3, cr.ones(2)),
        (
            "solve: the matrices have 3 rows and the right-hand side has 2 rows\n"
            "\n"
            "    x1  f64[3, 3]\n"
            "    x2  f64[2]\n"
            "\n"
            "  x2 is one vector, or a stack of matrices with a column for each system."
        ),
    ),
    (
        ShapeError,
        lambda: linalg.solve(cr.ones((2, 3, 3)), cr.ones((3, 3, 1))),
        (
            "solve: the batch axes [2] and [3] do not broadcast\n"
            "\n"
            "    x1  f64[2, 3, 3]\n"
            "    x2  f64[3, 3, 1]\n"
            "\n"
            "  Leading axes are aligned at their last one; there, sizes must be equal or 1."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.qr(TALL, mode="full"),
        "qr: mode is 'reduced' or 'complete', not 'full'",
    ),
    (
        ArgumentError,
        lambda: linalg.matrix_norm(TALL, ord=3),
        "matrix_norm: there is no norm 3; ord is one of fro, nuc, 1, -1, 2, -2, inf, -inf",
    ),
    (
        ShapeError,
        lambda: linalg.vector_norm(cr.ones(0), ord=math.inf),
        ("vector_norm: an empty axis has no largest or smallest element\n\n    x  f64[0]"),
    ),
    (
        ShapeError,
        lambda: linalg.cross(TALL, TALL),
        (
            "cross: axis -1 has sizes 2 and 2\n"
            "\n"
            "    x1  f64[3, 2]\n"
            "    x2  f64[3, 2]\n"
            "\n"
            "  The cross product is defined for vectors of three elements."
        ),
    ),
    (
        DTypeError,
        lambda: linalg.cross(I3 == 1, I3 == 0),
        (
            "cross: not defined for bool\n"
            "\n"
            "    bool[3, 3]\n"
            "    bool[3, 3]\n"
            "\n"
            '  x.astype("int64") makes numbers that can be added.'
        ),
    ),
    (
        ShapeError,
        lambda: linalg.trace(cr.ones(2)),
        ("trace: a matrix has two axes\n\n    x  f64[2]"),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.eigh(x).eigenvectors))(I3),
        (
            "eigh: eigenvalues 0 and 1 of the matrix are both 1, so their eigenvectors have "
            "no derivative\n"
            "\n"
            "  The eigenvectors of a repeated value can be turned freely within their space.\n"
            "  The eigenvalues themselves have derivatives, and so have, in reverse mode,\n"
            "  the eigenvectors of the others."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.svd(x).U))(I3),
        (
            "svd: singular values 0 and 1 of the matrix are both 1, so their singular "
            "vectors have no derivative\n"
            "\n"
            "  The singular vectors of a repeated value can be turned freely within their "
            "space.\n"
            "  The singular values themselves have derivatives, and so have, in reverse "
            "mode,\n"
            "  the singular vectors of the others."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.svd(x, full_matrices=False).U))(
            cr.tensor([[1.0, 0], [0, 0], [0, 0]])
        ),
        (
            "svd: singular value 1 of the matrix is 0, so its singular vectors have no "
            "derivative\n"
            "\n"
            "  They can be turned freely within the null space. The singular values "
            "themselves have\n"
            "  derivatives where the vectors' are not asked for."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.svd(x).U))(TALL),
        (
            "svd: the last columns of the whole U or Vh have no derivative\n"
            "\n"
            "  They are any orthonormal basis of the space that the other columns leave. Use "
            "full_matrices=False,\n"
            "  or I − Q Qᵀ of the reduced factor where that space is meant."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.qr(x, mode="complete").Q))(TALL),
        (
            "qr: the last columns of the whole Q have no derivative\n"
            "\n"
            "  They are any orthonormal basis of the space that the other columns leave. Use "
            'mode="reduced",\n'
            "  or I − Q Qᵀ of the reduced factor where that space is meant."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.qr(x).Q))(SINGULAR),
        (
            "qr: column 1 of the matrix depends on the columns before it, so Q and R have no "
            "derivative\n"
            "\n"
            "    R  f64[2, 2]\n"
            "\n"
            "  The factors of a matrix with dependent columns are not unique."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: linalg.slogdet(x).logabsdet)(SINGULAR),
        (
            "slogdet: the matrix is singular, so the logarithm of its determinant has no "
            "derivative\n"
            "\n"
            "    x  f64[2, 2]"
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.lu(x).U))(cr.tensor([[0.0, 0.0], [0.0, 1.0]])),
        (
            "lu: pivot 0 of the matrix is 0, so L and U have no derivative\n"
            "\n"
            "    U  f64[2, 2]\n"
            "\n"
            "  The factors of a matrix with dependent leading columns are not unique."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.eigvals(cr.tensor([[math.nan]])),
        "eigvals: the matrix has elements that are inf or nan\n\n    x  f64[1, 1]",
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.eig(x).eigenvectors.real))(I3),
        (
            "eig: eigenvalues 0 and 1 of the matrix are both 1, so their eigenvectors have no "
            "derivative\n"
            "\n"
            "  The eigenvectors of a repeated value can be turned freely within their space."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.eigvals(x).real))(
            cr.tensor([[1.0, 1.0], [0.0, 1.0]])
        ),
        (
            "eig: the matrix is defective: its eigenvectors do not span the space, so its "
            "eigenvalues and eigenvectors have no derivative"
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.expm(cr.tensor([[math.inf]])),
        "expm: the matrix has elements that are inf or nan\n\n    x  f64[1, 1]",
    ),
    (
        ArgumentError,
        lambda: linalg.sqrtm(STACK),
        (
            "sqrtm: matrix [0, 1] of the stack is not positive semidefinite: its eigenvalue 0 is "
            "-1\n\n    x  f64[1, 2, 2, 2]"
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.logm(SINGULAR),
        ("logm: the matrix is not positive definite: its eigenvalue 0 is 0\n\n    x  f64[2, 2]"),
    ),
    (
        ArgumentError,
        lambda: linalg.fractional_matrix_power(I3, math.nan),
        "fractional_matrix_power: the exponent is a finite number, not nan",
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.sqrtm(x)))(cr.tensor([[1.0, 0.0], [0.0, 0.0]])),
        (
            "sqrtm: the matrix has the eigenvalue 0, where the function has no derivative\n"
            "\n"
            "  A singular matrix has a derivative only in directions that keep its null space."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(cr.grad(cr.grad(lambda t: total(linalg.logm(I3 * t)))))(cr.tensor(2.0)),
        (
            "logm: derivatives beyond the second are not available\n"
            "\n"
            "  Where the eigenvalues are distinct, cr.linalg.eigh gives the function as "
            "V diag(f(λ)) Vᵀ, which has all of them."
        ),
    ),
    (
        ShapeError,
        lambda: linalg.lstsq(TALL, cr.ones(2)),
        (
            "lstsq: the matrices have 3 rows and the right-hand side has 2 rows\n"
            "\n"
            "    x1  f64[3, 2]\n"
            "    x2  f64[2]\n"
            "\n"
            "  x2 is one vector, or a stack of matrices with a column for each system."
        ),
    ),
    (
        ShapeError,
        lambda: linalg.lstsq(cr.ones(2), cr.ones(2)),
        "lstsq: a matrix has two axes\n\n    x1  f64[2]",
    ),
    (
        ArgumentError,
        lambda: linalg.lstsq(cr.tensor([[math.nan]]), cr.ones(1)),
        "lstsq: the matrix has elements that are inf or nan\n\n    x  f64[1, 1]",
    ),
    (
        ShapeError,
        lambda: linalg.orth(ONES),
        (
            "orth: the matrices of the stack have ranks from 1 to 2\n"
            "\n"
            "    x  f64[2, 2, 2]\n"
            "\n"
            "  Their bases have different sizes; cr.linalg.projection has one for every rank."
        ),
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: total(linalg.null_space(x)))(cr.ones((1, 2))),
        (
            "null_space: the basis has no derivative\n"
            "\n"
            "  It is any orthonormal basis of the null space. Use I − cr.linalg.projection(xᵀ) "
            "where that space\n"
            "  is meant."
        ),
    ),
    (
        ArgumentError,
        lambda: linalg.cond(I3, ord=3),
        "cond: there is no norm 3; ord is one of fro, nuc, 1, -1, 2, -2, inf, -inf",
    ),
    (
        ShapeError,
        lambda: linalg.cond(cr.ones((0, 0))),
        "cond: an empty matrix has no condition number\n\n    x  f64[0, 0]",
    ),
    (
        GradientError,
        lambda: cr.grad(lambda x: linalg.cond(x, ord=1))(SINGULAR),
        (
            "cond: the matrix is singular, so its condition number has no derivative\n"
            "\n"
            "    x  f64[2, 2]"
        ),
    ),
]


@pytest.mark.parametrize(("kind", "run", "text"), MESSAGES, ids=[m[2][:40] for m in MESSAGES])
def test_the_message_says(kind: type[Exception], run: Callable[[], object], text: str) -> None:
    with pytest.raises(kind) as raised:
        run()
    assert str(raised.value) == text
