"""The gamma distribution, and draws of its logarithm."""

from __future__ import annotations

import math
from typing import Final, Self, final

import numpy as np

from chainrule.functions.axes import shape_of
from chainrule.functions.comparison import equal
from chainrule.functions.elementary import digamma, exp, lgamma, log, log1p
from chainrule.functions.elementwise import abs, maximum, minimum, where
from chainrule.functions.incomplete import gammainc, gammaincinv
from chainrule.functions.lift import Operand, as_tensor, cast, known_array
from chainrule.functions.pointwise import pointwise
from chainrule.ir import rejection as rejection  # fills the table with the record of draws
from chainrule.ir.dtype import float64
from chainrule.probability.blocks import draws, in_blocks, surely_none
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    POSITIVE,
    Parameter,
    average,
    data,
    narrowed,
    parameters,
    require,
    shares,
)
from chainrule.tensors import Tensor

__all__ = ["UNITS", "Gamma", "gamma_draw", "log_gamma_draw", "trigamma"]

trigamma = pointwise("polygamma", 1)
"""The derivative of digamma."""

_gamma_draw = pointwise("gamma_draw")

_LARGE: Final = 100.0
_ROUNDED: Final = 1e-30  # of log mean(x) − mean(log x): what rounding of the mean leaves
_STEPS: Final = 8  # each about squares the error: 4 are enough from Minka's first guess


UNITS: Final = 4
"""The uniform numbers that a gamma draw is made of."""


def gamma_draw(concentration: Tensor, *units: Tensor) -> tuple[Tensor, Tensor]:
    """Make gamma numbers with rate 1 of uniform ones, as y and e/α: a draw is x = y exp(−e/α).

    y is a draw for α + 1, and e exponential: for small α, x may be too small for its dtype, but not
    log x. Derivatives flow to α.
    """
    waiting = -log1p(-units[-1])
    return _gamma_draw(concentration + 1, *units[:-1]), waiting / concentration


def log_gamma_draw(concentration: Tensor, *units: Tensor) -> Tensor:
    """Make the logarithm of gamma numbers with rate 1 of uniform ones."""
    larger, shift = gamma_draw(concentration, *units)
    return log(larger) - shift


def power_at_zero(exponent: Tensor) -> Tensor:
    """Give log x^exponent at x = 0: −∞, 0 or ∞."""
    return where(exponent > 0, -np.inf, where(exponent < 0, np.inf, 0 * exponent))


@final
class Gamma(Distribution):
    """The gamma distribution with concentration α and rate β.

    p(x) = βᵅ xᵅ⁻¹ exp(−βx) / Γ(α) for x ≥ 0, else 0
    P(X ≤ x) = P(α, βx), the regularized incomplete gamma function
    E x = α/β,   Var x = α/β²,   H = α − log β + log Γ(α) + (1 − α) ψ(α)
    sample: normal numbers, transformed and rejected; derivatives flow to α and β
    fit: log α − ψ(α) = log mean(x) − mean(log x) by Newton's method in 1/α;   β = α / mean(x)

    Units:   the rate has the unit of 1/x.
    Raises:  ArgumentError: a parameter or a number in the data is not greater than 0; no data.
             ShapeError: the parameters do not broadcast.
    Cost:    a draw takes some 0.1 µs, its derivative by α 3 µs.
    Source:  marsaglia2000simple; figurnov2018implicit; minka2002estimating

    >>> p = Gamma(3.0, 2.0)
    >>> p.mean(), p.cdf(1.5)
    (Tensor(1.5), Tensor(0.57680992))
    """

    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Parameter, rate: Parameter = 1.0) -> None:
        self.concentration, self.rate = parameters("Gamma", concentration=concentration, rate=rate)
        require("Gamma", POSITIVE, concentration=self.concentration, rate=self.rate)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.rate.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give α log β + (α − 1) log x − βx − log Γ(α), and −∞ for negative x."""
        given = as_tensor(x, "Gamma.log_density")
        alpha, beta = self.concentration, self.rate
        value = (alpha - 1) * log(given) - beta * given
        if not surely_none(outside := (given <= 0) | equal(given, np.inf)):
            edge = where(equal(given, 0.0), power_at_zero(alpha - 1), -np.inf)
            value = where(outside, edge, value)
        return value + (alpha * log(beta) - lgamma(alpha))

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        return gammainc(self.concentration, self.rate * maximum(x, 0.0))

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        return gammaincinv(self.concentration, p) / self.rate

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the parameters."""
        sizes = shape_of("Gamma.sample", shape)
        return draws(_made, self, key, UNITS, sizes, self.shape, self.rate.dtype)

    def mean(self) -> Tensor:
        """Give α/β."""
        return self.concentration / self.rate

    def variance(self) -> Tensor:
        """Give α/β²."""
        return self.concentration / self.rate**2

    def entropy(self) -> Tensor:
        """Give α − log β + log Γ(α) + (1 − α) ψ(α), from α = 100 on by its asymptotic series."""
        alpha = self.concentration
        if known_array(alpha) is None:
            return alpha - log(self.rate) + lgamma(alpha) + (1 - alpha) * digamma(alpha)
        small, inverse = minimum(alpha, _LARGE), 1 / maximum(alpha, _LARGE)
        series = 1 / 3 + inverse * (1 / 12 + inverse * (1 / 90 - inverse / 120))
        large = 0.5 * (1 + math.log(2 * math.pi) - log(inverse)) - inverse * series
        direct = small + lgamma(small) + (1 - small) * digamma(small)
        return where(alpha < _LARGE, direct, large) - log(self.rate)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the gamma distribution under which the rows of x are most likely."""
        rows = data("Gamma.fit", POSITIVE, x)
        share = shares("Gamma.fit", rows, weights)
        middle = average(share, rows)
        gap = average(share, _surplus(cast(rows, float64), middle))
        gap = where(gap > _ROUNDED, gap, 0.0)
        require("Gamma.fit", POSITIVE, **{"log mean(x) − mean(log x)": gap})
        alpha = (3 - gap + ((gap - 3) ** 2 + 24 * gap) ** 0.5) / (12 * gap)
        for _ in range(_STEPS):
            value, slope = _curve(alpha)
            alpha = 1 / (1 / alpha + (value - gap) / slope)
        return cls(*narrowed(rows, alpha, alpha / middle))


def _surplus(x: Tensor, middle: Tensor) -> Tensor:
    """r − log(1 + r) ≥ 0 for r = (x − m)/m, whose mean is log m − mean(log x), m the mean of x.

    It has its digits where all x are near their mean: the logarithms themselves differ by little.
    """
    r = (x - middle) / middle
    near = abs(r) < 0.5
    small = where(near, r, 0.0)
    return where(near, small - log1p(small), r - (log(x) - log(middle)))


def _curve(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """log α − ψ(α) and α − α² ψ′(α), from α = 100 on by their asymptotic series."""
    large = maximum(alpha, _LARGE)
    small = minimum(alpha, _LARGE)
    inverse = 1 / large
    square = inverse * inverse
    value = inverse * (0.5 + inverse * (1 / 12 - square * (1 / 120 - square / 252)))
    slope = -0.5 - inverse * (1 / 6 - square * (1 / 30 - square / 42))
    is_large = alpha >= _LARGE
    return (
        where(is_large, value, log(small) - digamma(small)),
        where(is_large, slope, small - small**2 * trigamma(small)),
    )


def _made(p: Gamma, *units: Tensor) -> Tensor:
    larger, shift = gamma_draw(p.concentration, *units)
    return larger * exp(-shift) / p.rate
