"""The beta distribution."""

from __future__ import annotations

from typing import Self, final

import numpy as np

from chainrule.functions.activations import sigmoid
from chainrule.functions.axes import shape_of
from chainrule.functions.comparison import equal
from chainrule.functions.elementary import digamma, lgamma, log
from chainrule.functions.elementwise import clip, where
from chainrule.functions.incomplete import betainc, betaincinv
from chainrule.functions.joining import stack
from chainrule.functions.lift import Operand, as_tensor, cast
from chainrule.ir.dtype import float64
from chainrule.probability.blocks import draws, in_blocks, surely_none
from chainrule.probability.dirichlet import most_likely_concentration
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.gamma import UNITS, log_gamma_draw, power_at_zero
from chainrule.probability.parameters import (
    INSIDE,
    POSITIVE,
    Parameter,
    data,
    narrowed,
    parameters,
    require,
    shares,
)
from chainrule.tensors import Tensor

__all__ = ["Beta"]


@final
class Beta(Distribution):
    """The beta distribution of shares between 0 and 1, with parameters α and β.

    p(x) = xᵅ⁻¹ (1 − x)ᵝ⁻¹ / B(α, β) for 0 ≤ x ≤ 1, else 0,   B(α, β) = Γ(α) Γ(β)/Γ(α + β)
    P(X ≤ x) = I(x; α, β), the regularized incomplete beta function
    E x = α/(α + β),   Var x = αβ / ((α + β)² (α + β + 1))
    H = log B(α, β) − (α − 1) ψ(α) − (β − 1) ψ(β) + (α + β − 2) ψ(α + β)
    x = y/(y + z),   y and z gamma numbers: derivatives flow to α and β
    fit: ψ(α) − ψ(α + β) = mean(log x),   ψ(β) − ψ(α + β) = mean(log(1 − x)), by Newton's method

    Raises:  ArgumentError: a parameter is not greater than 0; data reach 0 or 1, or there are none.
             ShapeError: the parameters do not broadcast.
    Source:  minka2000estimating

    >>> Beta(2.0, 1.0).density(tensor([0.5, 2.0]))
    Tensor([1., 0.])
    """

    alpha: Tensor
    beta: Tensor

    def __init__(self, alpha: Parameter, beta: Parameter) -> None:
        self.alpha, self.beta = parameters("Beta", alpha=alpha, beta=beta)
        require("Beta", POSITIVE, alpha=self.alpha, beta=self.beta)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.alpha.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give (α − 1) log x + (β − 1) log(1 − x) − log B(α, β), and −∞ outside of 0 to 1."""
        given = as_tensor(x, "Beta.log_density")
        terms = (self.alpha - 1) * log(given) + (self.beta - 1) * log(1 - given)
        value = terms - self.log_normalizer()
        for end, power in ((0.0, self.alpha - 1), (1.0, self.beta - 1)):
            if not surely_none(reached := equal(given, end)):
                value = where(reached, power_at_zero(power) - self.log_normalizer(), value)
        outside = (given < 0) | (given > 1)
        return value if surely_none(outside) else where(outside, -np.inf, value)

    def log_normalizer(self) -> Tensor:
        """Give log B(α, β)."""
        return lgamma(self.alpha) + lgamma(self.beta) - lgamma(self.alpha + self.beta)

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        return betainc(self.alpha, self.beta, clip(x, 0.0, 1.0))

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        return betaincinv(self.alpha, self.beta, p)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the parameters."""
        sizes = shape_of("Beta.sample", shape)
        return draws(_made, self, key, 2 * UNITS, sizes, self.shape, self.alpha.dtype)

    def mean(self) -> Tensor:
        """Give α/(α + β)."""
        return self.alpha / (self.alpha + self.beta)

    def variance(self) -> Tensor:
        """Give αβ / ((α + β)² (α + β + 1))."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total**2 * (total + 1))

    def entropy(self) -> Tensor:
        """Give log B(α, β) − (α − 1) ψ(α) − (β − 1) ψ(β) + (α + β − 2) ψ(α + β)."""
        alpha, beta = self.alpha, self.beta
        apart = (alpha - 1) * digamma(alpha) + (beta - 1) * digamma(beta)
        return self.log_normalizer() - apart + (alpha + beta - 2) * digamma(alpha + beta)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the beta distribution under which the rows of x are most likely."""
        rows = data("Beta.fit", INSIDE, x)
        share = shares("Beta.fit", rows, weights)
        wide = cast(rows, float64)
        both = stack([wide, 1 - wide], axis=-1)
        found = most_likely_concentration("Beta.fit", share, both)
        return cls(*narrowed(rows, found[..., 0], found[..., 1]))


def _made(p: Beta, *units: Tensor) -> Tensor:
    first = log_gamma_draw(p.alpha, *units[:UNITS])
    return sigmoid(first - log_gamma_draw(p.beta, *units[UNITS:]))
