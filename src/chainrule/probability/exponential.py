"""The exponential distribution."""

from __future__ import annotations

from typing import Self, final

import numpy as np

from chainrule.functions.elementary import expm1, log, log1p
from chainrule.functions.elementwise import maximum, where
from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.random import exponential
from chainrule.probability.blocks import chance, in_blocks, surely_none
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    NOT_NEGATIVE,
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

__all__ = ["Exponential"]


@final
class Exponential(Distribution):
    """The exponential distribution with rate λ: how long one waits for what has no memory.

    p(x) = λ exp(−λx) for x ≥ 0, else 0
    P(X ≤ x) = 1 − exp(−λx)
    E x = 1/λ,   Var x = 1/λ²,   H = 1 − log λ
    x = e/λ,   e exponential with rate 1: derivatives flow to λ
    fit: λ = 1 / mean of x

    Units:   the rate has the unit of 1/x.
    Raises:  ArgumentError: the rate is not greater than 0; data are negative, or there are none.

    >>> Exponential(2.0).cdf(tensor([-1.0, 0.0, 0.5]))
    Tensor([0.        , 0.        , 0.63212056])
    """

    rate: Tensor

    def __init__(self, rate: Parameter = 1.0) -> None:
        (self.rate,) = parameters("Exponential", rate=rate)
        require("Exponential", POSITIVE, rate=self.rate)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.rate.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give log λ − λx, and −∞ for negative x."""
        given = as_tensor(x, "Exponential.log_density")
        value = log(self.rate) - self.rate * given
        return value if surely_none(outside := given < 0) else where(outside, -np.inf, value)

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        return -expm1(-self.rate * maximum(x, 0.0))

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        return -log1p(-chance("Exponential.quantile", p)) / self.rate

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the rate."""
        return exponential(key, self._drawn(shape), dtype=self.rate.dtype) / self.rate

    def mean(self) -> Tensor:
        """Give 1/λ."""
        return 1 / self.rate

    def variance(self) -> Tensor:
        """Give 1/λ²."""
        return 1 / self.rate**2

    def entropy(self) -> Tensor:
        """Give 1 − log λ."""
        return 1 - log(self.rate)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the exponential distribution under which the rows of x are most likely."""
        rows = data("Exponential.fit", NOT_NEGATIVE, x)
        middle = average(shares("Exponential.fit", rows, weights), rows)
        return cls(*narrowed(rows, 1 / middle))
