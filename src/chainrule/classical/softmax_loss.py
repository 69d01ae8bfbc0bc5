"""The loss of logistic and multinomial regression, and its Hessian as a product with a direction.

L(W, b) = Σᵢ wᵢ (log Σₖ exp sᵢₖ − sᵢ,yᵢ) + ½ α ‖W‖²,   S = XW + b
∂L/∂W = Xᵀ G + αW with G = w ⊙ (P − Y)
∇²L[V] = Xᵀ (w ⊙ (P ⊙ A − P ⊙ (P ⊙ A) 𝟏𝟏ᵀ)) + αV with A = XV + v

The Hessian of K classes has (Kd)² numbers; a product with it takes two matrix products. Two classes
need one score, the other's being 0: then P = σ(s) and the middle factor is P(1 − P).

Products with the Hessian only steer the search, so they are taken in float32. Losses and gradients
are taken in the precision of the data and added in float64. Probabilities below 1e−12 are 0 there:
the products of smaller ones are denormal numbers, at which a processor is twenty times slower.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.inputs import Array

__all__: list[str] = []

_NOTHING: Final = 1e-12
_ROWS: Final = 2**19  # numbers that both matrix products of the Hessian find in the cache
_NARROW: Final = 2**18  # numbers of data for which float32 would save nothing
_LANES: Final = 16  # matrix products with so many columns are faster than with a few less


class SoftmaxLoss:
    """The loss of some data. Coefficients are a matrix with a row for each feature and one for b.

    ``scores`` are S with the coefficients' own number of columns: K, or 1 for two classes.
    """

    def __init__(
        self,
        x: Any,
        index: Array,
        classes: int,
        weight: Array | None,
        alpha: float,
        intercept: bool,
    ) -> None:
        self.columns = 1 if classes == 2 else classes
        self.index, self.weight, self.alpha, self.intercept = index, weight, alpha, intercept
        if inputs.is_sparse(x) and x.shape[0] * x.shape[1] <= _NARROW:
            x = x.toarray()
        self.sparse = inputs.is_sparse(x)
        wide = np.float32 if not self.sparse and x.dtype == np.float32 else np.float64
        if not self.sparse and x.dtype.kind in "biu" and x.dtype.itemsize <= 2:
            wide = np.float32  # which holds these integers exactly
        self.x = x.astype(wide, copy=False)
        small = self.sparse or x.shape[0] * x.shape[1] <= _NARROW
        self.fast = self.x if small else self.x.astype(np.float32, copy=False)
        self.rows, self.width = x.shape

    # ------------------------------------------------------------ values

    def scores(self, coefficients: Array) -> Array:
        """S = XW + b."""
        product = self.x @ _padded(coefficients[:-1].astype(self.x.dtype))
        scores: Array = product[:, : self.columns] + coefficients[-1]
        return scores

    def value(self, scores: Array, coefficients: Array) -> float:
        """L, by the scores that the coefficients give."""
        each = self._surprise(scores)
        data = float(each.sum() if self.weight is None else each @ self.weight)
        return data + 0.5 * self.alpha * float((coefficients[:-1] ** 2).sum())

    def _surprise(self, scores: Array) -> Array:
        """−log p of each row's class."""
        if self.columns == 1:
            each: Array = np.logaddexp(0, np.where(self.index == 1, -scores[:, 0], scores[:, 0]))
            return each
        top = scores.max(axis=1)
        total = np.exp(scores - top[:, None]).sum(axis=1)
        each = np.log(total) + top - scores[np.arange(self.rows), self.index]
        return each

    def probabilities(self, scores: Array) -> Array:
        """P, in float64."""
        if self.columns == 1:
            sigmoid: Array = np.exp(-np.logaddexp(0, -scores))
            return sigmoid
        found: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
        return found

    def gradient(self, chance: Array, coefficients: Array) -> Array:
        """∂L/∂(W, b)."""
        error = chance.copy()
        if self.columns == 1:
            error[:, 0] -= self.index
        else:
            error[np.arange(self.rows), self.index] -= 1
        if self.weight is not None:
            error *= self.weight[:, None]
        narrow = _padded(error.astype(self.x.dtype))
        found = np.zeros((narrow.shape[1], self.width + 1))
        for part in self._parts():
            found[:, :-1] += self._turned_product(self.x, part, narrow[part])
        if self.intercept:
            found[: self.columns, -1] = error.sum(axis=0)
        gradient = np.ascontiguousarray(found[: self.columns].T)
        gradient[:-1] += self.alpha * coefficients[:-1]
        return gradient

    # ------------------------------------------------------------ second derivatives

    def curved(self, chance: Array) -> Array:
        """P as products with the Hessian want it: padded, narrow, and without denormal numbers."""
        return _padded(np.where(chance > _NOTHING, chance, 0).astype(self.fast.dtype))

    def times_hessian(self, curved: Array, direction: Array) -> Array:
        """∇²L[V], for a direction of the shape of the coefficients."""
        v = _padded(direction.astype(self.fast.dtype))
        found = np.zeros((v.shape[1], self.width + 1))
        for part in self._parts():
            chunk, p = (self.fast if self.sparse else self.fast[part]), curved[part]
            image = chunk @ v[:-1]
            image += v[-1]
            image *= p
            image -= p * (image if self.columns == 1 else image.sum(axis=1, keepdims=True))
            if self.weight is not None:
                image *= self.weight[part, None].astype(image.dtype)
            found[:, :-1] += self._turned_product(self.fast, part, image)
            if self.intercept:
                found[:, -1] += image.sum(axis=0)
        product = np.ascontiguousarray(found[: self.columns].T)
        product[:-1] += self.alpha * direction[:-1]
        return product

    def _turned_product(self, x: Any, part: slice, columns: Array) -> Array:
        """columnsᵀ X of a part of the rows: the order that reads dense rows as they lie."""
        if self.sparse:
            return np.asarray((x.T @ columns).T)
        product: Array = np.ascontiguousarray(columns.T) @ x[part]
        return product

    def block(self, chance: Array, k: int, other: int, rows: slice, factor: float) -> Array:
        """The block of the Hessian between two classes, from a part of the rows, by a factor."""
        p = chance[rows, k]
        own = p * (1 - p) if k == other else p * chance[rows, other]
        own = own if self.weight is None else own * self.weight[rows]
        root = np.sqrt(np.where(own > _NOTHING, own * factor, 0)).astype(self.fast.dtype)[:, None]
        size, x = self.width + 1, self.fast[rows] * root
        block = np.zeros((size, size), x.dtype)
        block[:-1, :-1] = x.T @ x
        if self.intercept:
            block[-1, :-1] = block[:-1, -1] = (x.T @ root)[:, 0]
            block[-1, -1] = (root * root).sum()
        if k != other:
            return -block
        block[np.arange(size - 1), np.arange(size - 1)] += x.dtype.type(self.alpha)
        return block

    def diagonal(self, chance: Array) -> Array:
        """The diagonal of the Hessian, of the shape of the coefficients."""
        curve = chance * (1 - chance)
        if self.weight is not None:
            curve = curve * self.weight[:, None]
        found = np.zeros((self.width + 1, self.columns))
        for part in self._parts():
            chunk = self.fast.multiply(self.fast) if self.sparse else self.fast[part] ** 2
            found[:-1] += chunk.T @ curve[part].astype(self.fast.dtype)
        found[:-1] += self.alpha
        if self.intercept:
            found[-1] = curve.sum(axis=0)
        return found

    def _parts(self) -> list[slice]:
        if self.sparse:
            return [slice(0, self.rows)]
        step = max(64, _ROWS // self.width)
        return [slice(first, first + step) for first in range(0, self.rows, step)]


def _padded(columns: Array) -> Array:
    """Zero columns beside a few, up to a number at which matrix products are fast."""
    count = columns.shape[1]
    more = -count % _LANES
    if not 4 < count < 128 or not more:
        return np.ascontiguousarray(columns)
    out = np.zeros((len(columns), count + more), columns.dtype)
    out[:, :count] = columns
    return out
