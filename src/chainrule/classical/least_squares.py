"""Penalized least squares in closed form, by the cheapest way that keeps the digits.

minimize Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ − b‖² + Σₒ αₒ ‖Bₒ‖²

The intercept b is not penalized: it is what centering takes away. With more rows than columns the
normal equations (XᵀX + αI) B = XᵀY are gathered in chunks and solved by Cholesky's method; with
fewer, (XXᵀ + αI) C = Y and B = XᵀC. Squaring X squares its condition, so one step of refinement
follows, and where the condition is bad, the singular values of X are taken instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from chainrule.classical.inputs import Array, chunks

__all__: list[str] = []

_WORST: Final = 1e-9  # reciprocal condition of a squared matrix that one refinement mends


class Centered(NamedTuple):
    """Rows x and targets y (a matrix), weights, and the means that are taken away."""

    x: Array
    y: Array
    weight: Array | None
    x_mean: Array
    y_mean: Array

    def parts(self) -> Iterator[tuple[slice, Array]]:
        """Centered rows in chunks, multiplied by the roots of their weights."""
        for part, raw in chunks(self.x):
            chunk = raw - self.x_mean
            if self.weight is not None:
                chunk *= np.sqrt(self.weight[part])[:, None]
            yield part, chunk

    def targets(self) -> Array:
        """Centered targets, multiplied by the roots of the weights."""
        found: Array = self.y - self.y_mean
        return found if self.weight is None else found * np.sqrt(self.weight)[:, None]

    def whole(self) -> Array:
        """All centered rows, in memory."""
        out = np.empty(self.x.shape)
        for part, chunk in self.parts():
            out[part] = chunk
        return out


def centered(x: Array, y: Array, weight: Array | None, intercept: bool) -> Centered:
    """Rows and targets about their weighted means, or about 0 without an intercept."""
    if not intercept:
        return Centered(x, y, weight, np.zeros(x.shape[1]), np.zeros(y.shape[1]))
    share = np.full(len(x), 1 / len(x)) if weight is None else weight / weight.sum()
    mean = np.zeros(x.shape[1])
    for part, raw in chunks(x):
        mean += share[part] @ raw.astype(np.float64, copy=False)
    return Centered(x, y, weight, mean, share @ y)


class Solution(NamedTuple):
    """The coefficients, a column for each output, and the rank of X where it was found."""

    coefficients: Array
    rank: int


def solve(data: Centered, penalties: Array) -> Solution:
    """The coefficients of each output with its penalty; the shortest where several are best."""
    n, d = data.x.shape
    if (penalties == penalties[0]).all():
        found = _primal(data, penalties[0]) if n >= d else _dual(data, penalties[0])
        if found is not None:
            return Solution(found, min(n, d))
    return by_singular_values(data, penalties)


def _primal(data: Centered, penalty: float) -> Array | None:
    from scipy.linalg.blas import dsyrk

    d = data.x.shape[1]
    gram, moment, y = np.zeros((d, d), order="F"), np.zeros((d, data.y.shape[1])), data.targets()
    for part, chunk in data.parts():
        gram = dsyrk(1.0, chunk.T, beta=1.0, c=gram, overwrite_c=1, lower=1)
        moment += chunk.T @ y[part]
    factor = _factor(gram, penalty)
    if factor is None:
        return None
    found: Array = _solved(factor, moment)
    rest = -penalty * found
    for part, chunk in data.parts():
        rest += chunk.T @ (y[part] - chunk @ found)
    refined: Array = found + _solved(factor, rest)
    return refined


def _dual(data: Centered, penalty: float) -> Array | None:
    from scipy.linalg.blas import dsyrk

    if penalty == 0:  # centered rows depend on each other
        return None
    x, y = data.whole(), data.targets()
    factor = _factor(dsyrk(1.0, x, lower=1), penalty)
    if factor is None:
        return None
    dual = _solved(factor, y)
    dual += _solved(factor, y - penalty * dual - x @ (x.T @ dual))
    found: Array = x.T @ dual
    return found


def _factor(gram: Array, penalty: float) -> Array | None:
    """The Cholesky factor of gram + penalty I, unless its condition is bad."""
    from scipy.linalg.lapack import dpocon, dpotrf

    size = np.arange(len(gram))
    gram[size, size] += penalty
    norm = np.linalg.norm(np.tril(gram) + np.tril(gram, -1).T, 1)
    factor, wrong = dpotrf(gram, lower=1, overwrite_a=1)
    if wrong or not 0 < norm < np.inf or dpocon(factor, norm, uplo="L")[0] < _WORST:
        return None
    return np.asarray(factor)


def _solved(factor: Array, right: Array) -> Array:
    from scipy.linalg import cho_solve

    found: Array = cho_solve((factor, True), right, check_finite=False)
    return found


def by_singular_values(data: Centered, penalties: Array) -> Solution:
    """B = V diag(s/(s² + α)) UᵀY; singular values that are 0 up to rounding are left out."""
    from scipy.linalg import svd

    x = data.whole()
    u, s, vh = svd(x, full_matrices=False, overwrite_a=True, check_finite=False)
    rank = int((s > s[0] * max(x.shape) * np.finfo(float).eps).sum()) if s[0] > 0 else 0
    u, s, vh = u[:, :rank], s[:rank, None], vh[:rank]
    return Solution(vh.T @ (s / (s**2 + penalties) * (u.T @ data.targets())), rank)
