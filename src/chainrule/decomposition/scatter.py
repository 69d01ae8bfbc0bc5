"""The scatter matrix Σₙ (xₙ − μ)(xₙ − μ)ᵀ, in one pass over the rows.

Numbers of 8 bits: a product of two differences from a whole number is a whole number, and float32
adds whole numbers without rounding up to 2²⁴. By the Cauchy–Schwarz inequality no sum of products
exceeds the largest sum of squares of a column; before that reaches 2²⁴, the sums move to float64.
So the result is exact, at the speed of float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainrule.decomposition.rows import Array, Centering, Rows
from chainrule.errors import CapacityError

__all__: list[str] = []

_EXACT = 2.0**24
_ROWS = 4096  # of other data in float32 before their sums move to float64
_LARGEST = 2**33  # bytes of a scatter matrix


class Moments(NamedTuple):
    """The mean of the rows and their scatter, of which only the lower triangle counts."""

    mean: Array
    scatter: Array


class ScatterSum:
    """A sum of CᵀC over chunks C, in a narrow accumulator that is emptied into a wide one."""

    def __init__(self, rows: Rows) -> None:
        d = rows.width
        self._exact, self._is_wide = rows.exact, rows.work == np.float64
        self._wide = np.zeros((d, d), order="F")
        self._narrow = self._wide if self._is_wide else np.zeros((d, d), np.float32, order="F")
        self._rows, self._squares = 0, np.zeros(d)

    def add(self, chunk: Array) -> None:
        """Add CᵀC."""
        from scipy.linalg.blas import dsyrk, ssyrk

        if self._is_wide:
            dsyrk(1.0, chunk.T, beta=1.0, c=self._wide, overwrite_c=1, lower=1)
            return
        if self._exact:
            squares = np.einsum("ij,ij->j", chunk, chunk)
            if squares.max() >= _EXACT:  # differences above 128, as of data that are sorted
                self.add(chunk[: len(chunk) // 2])
                self.add(chunk[len(chunk) // 2 :])
                return
            self._empty_if((self._squares + squares).max() >= _EXACT)
            self._squares += squares
        else:
            self._empty_if(self._rows + len(chunk) > _ROWS)
        beta = 1.0 if self._rows else 0.0
        ssyrk(1.0, chunk.T, beta=beta, c=self._narrow, overwrite_c=1, lower=1)
        self._rows += len(chunk)

    def _empty_if(self, full: bool) -> None:
        """Move the sums to float64, column by column below the diagonal."""
        if self._is_wide or not full or not self._rows:
            return
        step = max(1, 2**20 // len(self._wide))
        for k in range(0, len(self._wide), step):
            self._wide[k:, k : k + step] += self._narrow[k:, k : k + step]
        self._rows, self._squares = 0, np.zeros(len(self._wide))

    def total(self) -> Array:
        """The sum so far; only the lower triangle counts."""
        self._empty_if(full=True)
        return self._wide


def moments(rows: Rows) -> Moments:
    """The mean and the scatter of rows."""
    from scipy.linalg.blas import dsyr

    if 8 * rows.width**2 > _LARGEST:
        raise CapacityError(
            f"{rows.name}: the covariance of {rows.width} columns takes "
            f"{8 * rows.width**2 / 2**30:.0f} GiB\n\n{rows.describe()}\n\n"
            '  method="randomized" does not need it.'
        )
    centering, total, sums = Centering(rows), ScatterSum(rows), np.zeros(rows.width)
    for chunk in centering.chunks():
        sums += chunk.sum(axis=0, dtype=np.float64)
        total.add(chunk)
    if not np.isfinite(sums).all():
        rows.refuse_non_finite()
    offset = sums / rows.count
    scatter = dsyr(-float(rows.count), offset, a=total.total(), overwrite_a=1, lower=1)
    if not np.isfinite(np.trace(scatter)):
        rows.refuse_non_finite()
    return Moments(centering.shift + offset, scatter)
