"""The largest eigenvalues of a scatter matrix from a few passes over the rows, without the matrix.

A pass multiplies S = Σₙ (xₙ − μ)(xₙ − μ)ᵀ with a thin matrix Q, chunk by chunk: S Q = Σ Cᵀ(C Q).
The first Q is random, each further one an orthonormal basis of the product. The last pass gives
the Nyström approximation (SQ)(QᵀSQ)⁻¹(SQ)ᵀ ≈ S, whose eigenvalues and vectors are those wanted.

Source:  halko2011finding, alg. 5.5
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainrule.decomposition.rows import Array, Centering, Rows

__all__: list[str] = []


class Sketch(NamedTuple):
    """What a few passes say: the mean, the trace of the scatter, its leading eigenpairs."""

    mean: Array
    trace: float
    values: Array
    vectors: Array


def sketch(rows: Rows, count: int, oversampling: int, passes: int, seed: int) -> Sketch:
    """The leading eigenpairs of the scatter of rows, in so many passes."""
    from scipy.linalg import qr

    size = min(count + oversampling, rows.width, rows.count)
    generator = np.random.Generator(np.random.Philox(seed))
    basis = qr(generator.standard_normal((rows.width, size)), mode="economic")[0]
    centering = Centering(rows)
    offset, trace, product = _pass(rows, centering, basis)
    for _ in range(passes - 1):
        basis = qr(product, mode="economic")[0]
        offset, trace, product = _pass(rows, centering, basis)
    values, vectors = _nystrom(basis, product, float(np.finfo(rows.work).eps))
    return Sketch(centering.shift + offset, trace, values[:count], vectors[:, :count])


def _pass(rows: Rows, centering: Centering, basis: Array) -> tuple[Array, float, Array]:
    """The mean beside the shift, the trace of the scatter, and the scatter times the basis."""
    sums, squares, total = np.zeros(rows.width), 0.0, np.zeros(basis.shape)
    narrow = basis.astype(rows.work)
    for chunk in centering.chunks():
        sums += chunk.sum(axis=0, dtype=np.float64)
        squares += float(np.vecdot(chunk, chunk).sum(dtype=np.float64))
        total += chunk.T @ (chunk @ narrow)
    if not (np.isfinite(sums).all() and np.isfinite(squares) and np.isfinite(total).all()):
        rows.refuse_non_finite()
    offset = sums / rows.count
    total -= rows.count * np.outer(offset, offset @ basis)
    return offset, squares - rows.count * float(offset @ offset), total


def _nystrom(basis: Array, product: Array, eps: float) -> tuple[Array, Array]:
    """Eigenvalues and vectors of the Nyström approximation, in descending order.

    A small multiple of I, taken off again at the end, makes the factor exist.
    """
    from scipy.linalg import eigh, svd

    size = float(np.linalg.norm(product))
    shift = np.sqrt(len(basis)) * eps * size
    shifted = product + shift * basis
    core = basis.T @ shifted
    spectrum, turn = eigh((core + core.T) / 2)
    kept = np.clip(spectrum, max(shift, np.finfo(float).tiny), None)
    half = (shifted @ turn) / np.sqrt(kept)
    vectors, singular, _ = svd(half, full_matrices=False)
    return np.clip(singular**2 - shift, 0, None), vectors
