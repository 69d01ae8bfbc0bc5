"""The largest eigenvalues of a symmetric matrix, without the rest of its spectrum."""

from __future__ import annotations

import numpy as np

from chainrule.decomposition.rows import Array

__all__: list[str] = []

_SMALL = 256  # up to this size the whole tridiagonal form costs less than Lanczos steps


def leading_eigenpairs(matrix: Array, count: int) -> tuple[Array, Array]:
    """The largest eigenvalues, in descending order, and their vectors as columns.

    Only the lower triangle of the matrix is read. A few of many come from Lanczos steps, checked by
    a Cholesky factor; otherwise LAPACK computes the part of the spectrum that is wanted.
    """
    n = len(matrix)
    found = _lanczos(matrix, count) if n > _SMALL and 8 * count <= n else None
    return found or _direct(matrix, count)


def _direct(matrix: Array, count: int) -> tuple[Array, Array]:
    from scipy.linalg import eigh

    n = len(matrix)
    values, vectors = eigh(
        matrix, lower=True, subset_by_index=[n - count, n - 1], check_finite=False
    )
    return values[::-1], vectors[:, ::-1]


def _lanczos(matrix: Array, count: int) -> tuple[Array, Array] | None:
    from scipy.linalg.blas import dsymv
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    n = len(matrix)
    product = LinearOperator((n, n), lambda v: dsymv(1.0, matrix, v, lower=1), dtype=np.float64)
    start = np.random.Generator(np.random.Philox(0)).standard_normal(n)
    try:
        values, vectors = eigsh(product, count, which="LA", v0=start)
    except ArpackError:
        return None
    order = np.argsort(-values, kind="stable")
    values, vectors = values[order], np.asfortranarray(vectors[:, order])
    return (values, vectors) if _is_complete(matrix, values, vectors) else None


def _is_complete(matrix: Array, values: Array, vectors: Array) -> bool:
    """Whether no other eigenvalue is larger than the smallest of these.

    Lanczos steps can miss a copy of a repeated eigenvalue. With μ a little above the smallest one,
    μI − (A − VΛVᵀ) has a Cholesky factor exactly if nothing larger was missed.
    """
    from scipy.linalg.blas import dsyrk
    from scipy.linalg.lapack import dpotrf

    if values[-1] <= 0:
        return False
    rest = np.array(matrix, order="F")
    np.negative(rest, out=rest)
    rest = dsyrk(1.0, vectors * np.sqrt(values), beta=1.0, c=rest, overwrite_c=1, lower=1)
    rest[np.diag_indices(len(rest))] += values[-1] + 1e-9 * values[0]
    return bool(dpotrf(rest, lower=1, overwrite_a=1, clean=0)[1] == 0)
