"""Newton's method for the loss of logistic and multinomial regression.

Each step solves ∇²L[V] = −∂L/∂W. While the Hessian is small, by Cholesky's method; otherwise by
conjugate gradients, only as exactly as the step deserves, preconditioned by the blocks of the
Hessian that lie within one class, from a part of the rows. At the start all these blocks are
equal, and they are made anew only when the search has come much nearer, and if there are so many
rows that this costs less than what it spares. A step is halved until the loss falls.

½⟨∂L, (∇²L)⁻¹ ∂L⟩ is how far the loss is above its minimum, up to third order. The search ends when
that is a small part of the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from chainrule.classical.inputs import Array
from chainrule.classical.softmax_loss import SoftmaxLoss

__all__: list[str] = []

_DENSE: Final = 400  # coefficients up to which the Hessian is factored
_BLOCKS: Final = 2500  # features up to which the blocks of one class are
_NEARER: Final = 1 / 20  # by which the excess of the loss falls before the blocks are made anew
_SETTLED: Final = 0.001  # relative excess of the loss below which blocks no longer change much
_WORTH: Final = 40  # products with the Hessian that new blocks may cost: about what they spare
_EXACT: Final = 1e-14  # relative excess of the loss that rounding leaves

Solve = Callable[[Array], Array]


class Minimum(NamedTuple):
    """Where the search ended: coefficients, loss, steps, and how far the loss may be too high."""

    coefficients: Array
    loss: float
    steps: int
    excess: float
    converged: bool


def minimize(loss: SoftmaxLoss, tolerance: float, most: int) -> Minimum:
    """Search for the coefficients of least loss, from 0."""
    w = np.zeros((loss.width + 1, loss.columns))
    scores = loss.scores(w)
    value = loss.value(scores, w)
    search = _Dense(loss) if w.size <= _DENSE and not loss.sparse else _Steered(loss)
    tolerance = _EXACT if isinstance(search, _Dense) else tolerance
    excess = value
    for step in range(most + 1):
        chance = loss.probabilities(scores)
        gradient = loss.gradient(chance, w)
        search.at(chance, excess / max(value, np.finfo(float).tiny))
        excess = search.excess(gradient)
        if excess <= tolerance * value or step == most:
            break
        direction = search.direction(gradient, excess, value, tolerance)
        moved = _line(loss, w, direction, scores, value, float((gradient * direction).sum()))
        if moved is None:  # rounding hides any further gain
            return Minimum(w, value, step, excess, True)
        w, scores, value = moved
    return Minimum(w, value, step, excess, excess <= tolerance * value)


def _line(
    loss: SoftmaxLoss, w: Array, direction: Array, scores: Array, value: float, slope: float
) -> tuple[Array, Array, float] | None:
    """The first of the steps 1, ½, ¼ … that lowers the loss about as its slope promises."""
    change, size = loss.scores(direction), 1.0
    for _ in range(40):
        new, shifted = w + size * direction, scores + size * change
        found = loss.value(shifted, new)
        if found <= value + 1e-4 * size * slope and found < value:
            return new, shifted, found
        size /= 2
    return None


class _Dense:
    """Steps by the whole Hessian."""

    def __init__(self, loss: SoftmaxLoss) -> None:
        self.loss = loss
        self.solve: Solve = np.copy

    def at(self, chance: Array, excess: float) -> None:
        """Factor the Hessian."""
        loss, k = self.loss, self.loss.columns
        rows = slice(0, loss.rows)
        blocks = [[loss.block(chance, i, j, rows, 1.0) for j in range(k)] for i in range(k)]
        hessian = np.block(blocks)
        if k > 1:  # a constant added to all scores changes nothing: hold it
            own = np.diagonal(hessian).reshape(k, -1).mean(axis=0)
            scale = np.where(own > 0, own, own.max() or 1.0)
            hessian += np.kron(np.ones((k, k)) / k, np.diag(scale))
        solve = _factored(hessian)
        self.solve = lambda g: solve(g.T.reshape(-1)).reshape(k, -1).T

    def excess(self, gradient: Array) -> float:
        """How far the loss is above its minimum."""
        return 0.5 * float((gradient * self.solve(gradient)).sum())

    def direction(self, gradient: Array, excess: float, value: float, tolerance: float) -> Array:
        """Newton's step."""
        return -self.solve(gradient)


class _Steered:
    """Steps by conjugate gradients."""

    def __init__(self, loss: SoftmaxLoss) -> None:
        self.loss = loss
        self.curved = np.zeros(0)
        self.blocks: list[Solve] = []
        self.inverse: Solve = self._by_blocks
        self.nearest = 1.0
        rows, width = self._rows_of_a_block(), loss.width
        blocks = loss.columns * (rows * width**2 + width**3 / 3)
        self.pays = blocks <= _WORTH * 4 * loss.rows * width * loss.columns

    def _rows_of_a_block(self) -> int:
        return int(min(self.loss.rows, max(3 * self.loss.width, 1000)))

    def at(self, chance: Array, excess: float) -> None:
        """Prepare products with the Hessian, and their preconditioner."""
        loss = self.loss
        self.curved = loss.curved(chance)
        if loss.sparse or loss.width > _BLOCKS:
            diagonal = loss.diagonal(chance)
            diagonal += 1e-6 * diagonal.max()
            self.inverse = lambda g: g / diagonal
        elif not self.blocks:
            self.blocks = [self._block(chance, 0)] * loss.columns
        elif self.pays and excess < self.nearest * _NEARER and self.nearest > _SETTLED:
            self.blocks = [self._block(chance, k) for k in range(loss.columns)]
            self.nearest = excess

    def _block(self, chance: Array, k: int) -> Solve:
        """The inverse of the block of one class, from a part of the rows."""
        every = max(1, self.loss.rows // self._rows_of_a_block())
        return _factored(
            self.loss.block(chance, k, k, slice(every // 2, None, every), float(every))
        )

    def _by_blocks(self, gradient: Array) -> Array:
        parts = [solve(gradient[:, k]) for k, solve in enumerate(self.blocks)]
        return np.stack(parts, axis=1)

    def excess(self, gradient: Array) -> float:
        """How far the loss is above its minimum, as the preconditioner sees it."""
        return 0.5 * float((gradient * self.inverse(gradient)).sum())

    def direction(self, gradient: Array, excess: float, value: float, tolerance: float) -> Array:
        """Part of Newton's step: until what is left is a small part of it, or tolerable."""
        forcing = min(0.25, (excess / value) ** 0.5)
        enough = max(forcing**2 * 2 * excess, 0.5 * tolerance * value)
        found = np.zeros_like(gradient)
        rest = -gradient
        near = self.inverse(rest)
        search, size = near, float((rest * near).sum())
        for _ in range(10 * gradient.size):
            image = self.loss.times_hessian(self.curved, search)
            curvature = float((search * image).sum())
            if curvature <= 0:  # rounding
                break
            step = size / curvature
            found += step * search
            rest -= step * image
            near = self.inverse(rest)
            size, before = float((rest * near).sum()), size
            if size <= enough:
                break
            search = near + (size / before) * search
        return found if found.any() else -self.inverse(gradient)


def _factored(matrix: Array) -> Solve:
    """The solver of a matrix that is positive definite up to rounding, which is added."""
    from scipy.linalg.blas import get_blas_funcs
    from scipy.linalg.lapack import get_lapack_funcs

    (factorize,) = get_lapack_funcs(("potrf",), (matrix,))
    diagonal = np.arange(len(matrix))
    own = matrix[diagonal, diagonal]  # each column has its own unit
    scale = np.where(own > 0, own, own.max(initial=0) or 1)
    lift = float(np.finfo(matrix.dtype).eps)
    while True:
        matrix[diagonal, diagonal] += (lift * scale).astype(matrix.dtype)
        factor, wrong = factorize(matrix, lower=1)
        if not wrong:
            break
        lift *= 100
    (divide,) = get_blas_funcs(("trsv",), (factor,))

    def solve(right: Array) -> Array:
        """One vector: LAPACK's solver, made for many, takes five times as long."""
        half = divide(factor, right.astype(factor.dtype), lower=1)
        return np.asarray(divide(factor, half, lower=1, trans=1), np.float64)

    return solve
