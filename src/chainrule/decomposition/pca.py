"""Principal component analysis: exact, randomized, and of data larger than memory."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from chainrule.decomposition.components import PrincipalComponents, with_signs
from chainrule.decomposition.leading import leading_eigenpairs
from chainrule.decomposition.rows import Array, Rows, rows_of
from chainrule.decomposition.scatter import moments
from chainrule.decomposition.sketch import sketch
from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor, of_value

__all__ = ["pca"]

Method = Literal["auto", "covariance", "svd", "randomized"]
_METHODS = ("auto", "covariance", "svd", "randomized")
_SMALL = 2**18  # numbers, of which a singular value decomposition takes no time worth saving


class _Spectrum(NamedTuple):
    """The leading part of a spectrum: singular values squared, and directions as rows."""

    mean: Array
    total: float
    squares: Array
    rows: Array


def pca(
    x: Any,
    k: float | None = None,
    *,
    method: Method = "auto",
    whiten: bool = False,
    seed: int = 0,
    oversampling: int | None = None,
    passes: int = 2,
) -> PrincipalComponents:
    """Find the orthonormal directions in which the rows of data vary most.

    Σ = (X − μ)ᵀ(X − μ) / (n − 1) = Wᵀ diag(λ) W,   λ₁ ≥ λ₂ ≥ …

    ``k`` is the number of components; a fraction between 0 and 1 asks for as many as explain that
    part of the variance, None for all that have any. Only that part of the spectrum is computed.

    method      way
    auto        svd for small data, else covariance
    covariance  eigenvectors of XᵀX, or of XXᵀ where there are fewer rows than columns
    svd         singular vectors of X, in memory; small variances keep all their digits
    randomized  a sketch of k + ``oversampling`` columns (by default max(k, 10)), in so many
                ``passes`` over the rows; each further one makes it more accurate

    x may be an array, a mapped file, a Tensor or a Dask array; it is read in chunks, once for the
    covariance of rows that outnumber the columns. Integers of 8 bits are added exactly. Data of
    float32 are multiplied in float32 and added in float64, the results are float32.

    Raises:  ShapeError: x is not a matrix, or has fewer than two rows.
             DTypeError: x does not hold real numbers.
             ArgumentError: k exceeds the rank of the centered data; there is no variance; an
             element is inf or nan; another argument cannot be meant.
             CapacityError: the covariance would not fit in memory.
    Cost:    n·d² operations for the covariance, 4·n·d·k for each pass of the randomized way.
    Source:  hotelling1933analysis; halko2011finding, alg. 5.5

    >>> found = pca(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.1]]), 0.9)
    >>> found.components.shape, round(found.explained_variance_ratio.item(), 4)
    ((1, 2), 1.0)
    """
    if method not in _METHODS:
        raise ArgumentError(f"pca: method is one of {', '.join(_METHODS)}, not {method!r}")
    rows = rows_of("pca", x)
    k = _checked_count(rows, k, method)
    if method == "auto":
        method = "svd" if rows.count * rows.width <= _SMALL else "covariance"
    if method == "randomized":
        count = int(k or 0)
        oversampling = max(count, 10) if oversampling is None else oversampling
        _check_sketch(oversampling, passes)
        found = sketch(rows, count, oversampling, passes, seed)
        spectrum = _Spectrum(found.mean, found.trace, found.values, found.vectors.T)
    elif method == "svd":
        spectrum = _by_svd(rows)
    else:
        spectrum = _by_covariance(rows, k)
    return _finish(rows, spectrum, k, whiten, squared=method != "svd")


# ---------------------------------------------------------------- ways


def _by_svd(rows: Rows) -> _Spectrum:
    from scipy.linalg import svd

    centered, mean = _centered(rows)
    _, s, vh = svd(centered, full_matrices=False, overwrite_a=True, check_finite=False)
    with np.errstate(over="ignore"):
        squares = s.astype(np.float64) ** 2
    return _Spectrum(mean, float(squares.sum()), squares, vh)


def _centered(rows: Rows) -> tuple[Array, Array]:
    """The data minus their mean, as floats in memory."""
    data = np.concatenate([chunk.astype(rows.result) for chunk in rows.chunks()])
    with np.errstate(all="ignore"):
        mean = data.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        rows.refuse_non_finite()
    data -= mean.astype(data.dtype)
    return data, mean


def _by_covariance(rows: Rows, k: float | None) -> _Spectrum:
    if rows.count < rows.width:
        centered, mean = _centered(rows)
        gram = np.asarray(centered @ centered.T, np.float64)
        total = float(np.trace(gram))
        values, vectors = _enough(gram, k, total)
        lengths = np.sqrt(np.clip(values, np.finfo(float).tiny, None))
        directions = (vectors / lengths).T.astype(centered.dtype) @ centered
        return _Spectrum(mean, total, values, directions)
    mean, scatter = moments(rows)
    total = float(np.trace(scatter))
    values, vectors = _enough(scatter, k, total)
    return _Spectrum(mean, total, values, vectors.T)


def _enough(matrix: Array, k: float | None, total: float) -> tuple[Array, Array]:
    """As many eigenpairs as k asks for; of a fraction, ever more until they explain it."""
    size = len(matrix)
    if k is None:
        return leading_eigenpairs(matrix, size)
    if isinstance(k, int):
        return leading_eigenpairs(matrix, k)
    count = min(32, size)
    while True:
        values, vectors = leading_eigenpairs(matrix, count)
        if count == size or values.sum() >= k * total:
            return values, vectors
        count = min(2 * count, size) if 8 * count < size else size


# ---------------------------------------------------------------- results


def _finish(
    rows: Rows, spectrum: _Spectrum, k: float | None, whiten: bool, squared: bool
) -> PrincipalComponents:
    mean, total, squares, directions = spectrum
    if not np.isfinite(total):
        rows.refuse_non_finite()
    rank = _rank(rows, squares, squared)
    if not rank or total <= 0:
        rows.refuse_no_variance()
    count = _count(squares, k, total, rank)
    if count > rank:
        raise ArgumentError(
            f"pca: {count} components are asked for, and the centered data have rank {rank}\n\n"
            f"{rows.describe()}\n\n  k=None gives all components that have a variance."
        )
    kind = rows.result
    squares = np.clip(squares[:count], 0, None)
    if squares[0] / (rows.count - 1) > np.finfo(kind).max:
        rows.refuse_non_finite()
    if squares[-1] / (rows.count - 1) < np.finfo(kind).tiny:
        rows.refuse_no_variance()
    return PrincipalComponents(
        _tensor(mean, kind),
        _tensor(with_signs(directions[:count]), kind),
        _tensor(squares / (rows.count - 1), kind),
        _tensor(squares / total, kind),
        _tensor(np.sqrt(squares), kind),
        whiten,
    )


def _tensor(array: Array, kind: np.dtype) -> Tensor:
    return of_value(np.ascontiguousarray(array, kind))


def _rank(rows: Rows, squares: Array, squared: bool) -> int:
    """How many values are not 0 up to the rounding of the way in which they were found."""
    if not len(squares):
        return 0
    exact = rows.exact or rows.work == np.float64
    eps = float(np.finfo(np.float64 if exact else np.float32).eps)
    noise = 8 * eps * np.sqrt(min(rows.count, rows.width))
    limit = noise if squared else noise**2
    return int(np.count_nonzero(squares > limit * squares[0]))


def _count(squares: Array, k: float | None, total: float, rank: int) -> int:
    if k is None:
        return rank
    if isinstance(k, int):
        return k
    reached = np.cumsum(squares) >= k * total * (1 - 1e-12)
    return min(int(np.argmax(reached)) + 1 if reached.any() else rank, rank)


# ---------------------------------------------------------------- arguments


def _checked_count(rows: Rows, k: Any, method: Method) -> float | None:
    """k as an int, a float or None."""
    if method == "randomized" and not isinstance(k, int | np.integer):
        raise ArgumentError(
            f"pca: k is the number of components for a randomized sketch, not {k!r}"
        )
    if k is None:
        return None
    most = min(rows.count - 1, rows.width)
    if isinstance(k, bool) or not isinstance(k, int | float | np.integer | np.floating):
        raise ArgumentError(f"pca: k is a number of components or a fraction, not {k!r}")
    if isinstance(k, int | np.integer) and not 1 <= k <= most:
        raise ArgumentError(
            f"pca: {k} components are asked for; there can be 1 to {most}\n\n{rows.describe()}\n\n"
            "  The centered data have a rank of at most the number of columns, and of rows less 1."
        )
    if isinstance(k, float | np.floating) and not 0 < k < 1:
        raise ArgumentError(
            f"pca: k is {k}; a fraction of the variance lies between 0 and 1, and a number of "
            "components is an int"
        )
    return int(k) if isinstance(k, int | np.integer) else float(k)


def _check_sketch(oversampling: int, passes: int) -> None:
    if oversampling < 0:
        raise ArgumentError(f"pca: oversampling is 0 or more, not {oversampling}")
    if passes < 1:
        raise ArgumentError(f"pca: passes is 1 or more, not {passes}")
