"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self, final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.functions.axes import shape_of
from chainrule.functions.comparison import equal, isfinite, isnan
from chainrule.functions.creation import ones_like
from chainrule.functions.elementary import digamma, exp, lgamma, log
from chainrule.functions.elementwise import abs, clip, where
from chainrule.functions.lift import Operand, as_tensor, cast, describe
from chainrule.functions.linear import matmul, vecdot
from chainrule.functions.reduction import sum
from chainrule.functions.softmax import softmax
from chainrule.ir.dtype import float64
from chainrule.nn.module import Module
from chainrule.probability.blocks import draws, in_blocks, known_alike, surely_none
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.gamma import UNITS, log_gamma_draw, power_at_zero, trigamma
from chainrule.probability.parameters import (
    INSIDE,
    POSITIVE,
    Parameter,
    average,
    data,
    kept,
    narrowed,
    parameter,
    require,
    shares,
)
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value

__all__ = ["Dirichlet", "most_likely_concentration"]

Array = np.ndarray[Any, Any]

_STEPS: Final = 30
_LARGE: Final = 1e9  # from here on digammas differ by rounding, and moments are as good
_ROUNDED: Final = 1e-30  # variances, by squares of the mean, that rounding of the mean leaves
_TOLERANCE: Final = {"float32": 1e-4, "float64": 1e-8}


def most_likely_concentration(owner: str, share: Tensor, rows: Tensor) -> Tensor:
    """Solve ψ(αₖ) − ψ(Σ α) = mean(log xₖ) by Newton's method in log α.

    The Hessian diag(q) + z 1 1ᵀ is inverted in closed form. Steps in the logarithm, at most by a
    factor of e, keep α positive and cannot overshoot far.
    """
    target = average(share, log(rows))
    mean = average(share, rows)
    spread = sum(average(share, (rows - mean) ** 2), axis=-1, keepdims=True)
    seen = where(spread > _ROUNDED * sum(mean * mean, axis=-1, keepdims=True), spread, 0.0)
    require(owner, POSITIVE, **{"variance(x)": seen})
    ratio = sum(mean * (1 - mean), axis=-1, keepdims=True) / spread
    require(owner, POSITIVE, **{"mean(x) (1 − mean(x)) / variance(x) − 1": ratio - 1})
    alpha = mean * (ratio - 1)
    for _ in range(_STEPS):
        total = sum(alpha, axis=-1, keepdims=True)
        gradient = digamma(total) - digamma(alpha) + target
        slopes = -trigamma(alpha)
        common = trigamma(total)
        part = sum(gradient / slopes, axis=-1, keepdims=True)
        shift = part / (1 / common + sum(1 / slopes, axis=-1, keepdims=True))
        step = -(gradient - shift) / slopes
        alpha = alpha * exp(clip(step / alpha, -1.0, 1.0))
    return where(ratio > _LARGE, mean * (ratio - 1), alpha)


def _dot(x: Tensor, factors: Tensor) -> Tensor:
    """The sums over the last axis, by a matrix product where all rows have the same factors."""
    return matmul(x, factors) if factors.ndim == 1 and x.ndim > 1 else vecdot(x, factors)


@final
class Dirichlet(Distribution):
    """The Dirichlet distribution of probabilities of k classes, with concentrations α.

    p(x) = Γ(α₀)/∏ₖ Γ(αₖ) · ∏ₖ xₖ^(αₖ − 1) where xₖ ≥ 0 and Σ x = 1, else 0,   α₀ = Σₖ αₖ
    E x = α/α₀,   Var xₖ = αₖ (α₀ − αₖ)/(α₀² (α₀ + 1))
    H = Σₖ log Γ(αₖ) − log Γ(α₀) + (α₀ − k) ψ(α₀) − Σₖ (αₖ − 1) ψ(αₖ)
    x = y/Σ y,   yₖ gamma numbers: derivatives flow to α
    fit: ψ(αₖ) − ψ(α₀) = mean(log xₖ) by Newton's method

    The last axis counts the classes. The density is that of all classes but one.

    Raises:  ArgumentError: a concentration is not greater than 0; data reach 0 or 1, or none.
             ShapeError: the concentration has no axis, or a draw another number of classes.
    Source:  minka2000estimating, sec. 1

    >>> Dirichlet([1.0, 1.0, 1.0]).density(tensor([0.2, 0.3, 0.5]))
    Tensor(2.)
    """

    event_axes: ClassVar[int] = 1
    concentration: Tensor

    def __init__(self, concentration: Parameter) -> None:
        self.concentration = parameter(concentration, "Dirichlet")
        if not self.concentration.ndim or not self.concentration.shape[-1]:
            raise ShapeError(
                "Dirichlet: the last axis of the concentration counts the classes, of which there "
                f"is one at least\n\n    concentration   {describe(self.concentration)}"
            )
        require("Dirichlet", POSITIVE, concentration=self.concentration)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters, without the axis of classes."""
        return self.concentration.shape[:-1]

    def _draw_shape(self) -> tuple[int, ...]:
        return self.concentration.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give Σₖ (αₖ − 1) log xₖ − log B(α), and −∞ for what are no probabilities."""
        given = as_tensor(x, "Dirichlet.log_density")
        if given.shape[-1:] != self.concentration.shape[-1:]:
            raise ShapeError(
                "Dirichlet.log_density: x has another number of classes\n\n"
                f"    x               {describe(given)}\n"
                f"    concentration   {describe(self.concentration)}"
            )
        return self._prepared().log_density(given)

    def _prepared(self) -> _Powers:
        return kept(self, "_kept", self._make_powers)

    def _make_powers(self) -> _Powers:
        powers = self.concentration - 1
        return _Powers(powers, ones_like(powers), self.log_normalizer())

    def log_normalizer(self) -> Tensor:
        """Give log B(α) = Σₖ log Γ(αₖ) − log Γ(α₀)."""
        return sum(lgamma(self.concentration), axis=-1) - lgamma(self._total())

    def _total(self) -> Tensor:
        return sum(self.concentration, axis=-1)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw probabilities; derivatives flow to the concentration."""
        sizes, alpha = shape_of("Dirichlet.sample", shape), self.concentration
        return draws(_made, alpha, key, UNITS, sizes, alpha.shape, alpha.dtype)

    def mean(self) -> Tensor:
        """Give α/α₀."""
        return self.concentration / self._total()[..., None]

    def variance(self) -> Tensor:
        """Give the variance of each probability, αₖ (α₀ − αₖ)/(α₀² (α₀ + 1))."""
        total = self._total()[..., None]
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def entropy(self) -> Tensor:
        """Give log B(α) + (α₀ − k) ψ(α₀) − Σₖ (αₖ − 1) ψ(αₖ)."""
        alpha, total = self.concentration, self._total()
        apart = sum((alpha - 1) * digamma(alpha), axis=-1)
        return self.log_normalizer() + (total - alpha.shape[-1]) * digamma(total) - apart

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the Dirichlet distribution under which the rows of x are most likely."""
        rows = data("Dirichlet.fit", INSIDE, x, 2)
        share = shares("Dirichlet.fit", rows, weights)
        found = most_likely_concentration("Dirichlet.fit", share, cast(rows, float64))
        return cls(*narrowed(rows, found))


class _Powers(Module):
    """What a Dirichlet distribution makes of its concentrations, for many densities.

    powers          α − 1
    ones            for the sum of shares as a product
    log_normalizer  log B(α)
    """

    powers: Tensor
    ones: Tensor
    log_normalizer: Tensor

    def log_density(self, x: Tensor) -> Tensor:
        """Σₖ (αₖ − 1) log xₖ − log B(α), and −∞ for what are no probabilities."""
        known = known_alike(x, self.powers, self.ones, self.log_normalizer)
        if known is not None and known[1].ndim == 1 < known[0].ndim:
            found = quiet_call(_inside, *known)
            if found is not None:
                return of_value(found)
        logs = log(x)
        value, total = _dot(logs, self.powers), _dot(x, self.ones)
        outside = abs(total - 1) > _TOLERANCE.get(x.dtype.name, 1e-8)
        if not surely_none(~isfinite(value)):  # somewhere a share is 0, negative or NaN
            terms = where(equal(x, 0.0), power_at_zero(self.powers), logs * self.powers)
            value = sum(terms, axis=-1)
            outside = outside | (isnan(value) & ~isnan(total))  # a logarithm of a negative number
        value = value - self.log_normalizer
        return value if surely_none(outside) else where(outside, -np.inf, value)


def _inside(x: Array, powers: Array, ones: Array, log_normalizer: Array) -> Array | None:
    """The log densities of one distribution; None where x are no shares.

    A row for each class is multiplied several times as fast as a few numbers for each draw.
    """
    rows = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
    value, total = np.matmul(powers, np.log(rows)), np.matmul(ones, rows)
    outside = np.abs(total - 1) > _TOLERANCE.get(x.dtype.name, 1e-8)
    if outside.any() or not np.isfinite(value).all():
        return None
    return np.subtract(value, log_normalizer).reshape(x.shape[:-1])


def _made(concentration: Tensor, *units: Tensor) -> Tensor:
    return softmax(log_gamma_draw(concentration, *units))
