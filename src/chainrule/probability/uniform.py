"""The uniform distribution between two numbers."""

from __future__ import annotations

from typing import Final, Self, final

import numpy as np

from chainrule.functions.comparison import isnan
from chainrule.functions.elementary import log
from chainrule.functions.elementwise import clip, where
from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.random import uniform
from chainrule.functions.reduction import max, min
from chainrule.probability.blocks import chance, in_blocks, surely_none
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    FINITE,
    POSITIVE,
    Parameter,
    data,
    parameters,
    require,
    shares,
)
from chainrule.tensors import Tensor

__all__ = ["Uniform"]

_OUTSIDE: Final = -np.inf


@final
class Uniform(Distribution):
    """The uniform distribution between a, the low end, and b, the high one.

    p(x) = 1/(b − a) for a ≤ x ≤ b, else 0
    P(X ≤ x) = clip((x − a)/(b − a), 0, 1)
    E x = ½ (a + b),   Var x = (b − a)²/12,   H = log(b − a)
    x = a + (b − a) u,   0 ≤ u < 1: derivatives flow to a and b
    fit: a = smallest x,   b = largest x

    Raises:  ArgumentError: an end is not finite, or the high one not above the low one; no data.
             ShapeError: the parameters do not broadcast.

    >>> Uniform(0.0, 2.0).density(tensor([-1.0, 1.0]))
    Tensor([0. , 0.5])
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Parameter = 0.0, high: Parameter = 1.0) -> None:
        self.low, self.high = parameters("Uniform", low=low, high=high)
        require("Uniform", FINITE, low=self.low, high=self.high)
        require("Uniform", POSITIVE, **{"high − low": self.high - self.low})

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.low.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give −log(b − a) between the ends, −∞ outside."""
        given = as_tensor(x, "Uniform.log_density")
        outside = (given < self.low) | (given > self.high)
        value = where(outside, _OUTSIDE, -log(self.high - self.low))
        unknown = isnan(given)
        return value if surely_none(unknown) else where(unknown, float("nan"), value)

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        place = (as_tensor(x, "Uniform.cdf") - self.low) / (self.high - self.low)
        return clip(place, 0.0, 1.0)

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        return self.low + (self.high - self.low) * chance("Uniform.quantile", p)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the parameters."""
        unit = uniform(key, self._drawn(shape), dtype=self.low.dtype)
        return self.low + (self.high - self.low) * unit

    def mean(self) -> Tensor:
        """Give ½ (a + b)."""
        return 0.5 * (self.low + self.high)

    def variance(self) -> Tensor:
        """Give (b − a)²/12."""
        return (self.high - self.low) ** 2 / 12

    def entropy(self) -> Tensor:
        """Give log(b − a)."""
        return log(self.high - self.low)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the uniform distribution under which the rows of x are most likely.

        A row with weight 0 does not count; any other weight counts the same.
        """
        rows = data("Uniform.fit", FINITE, x)
        share = shares("Uniform.fit", rows, weights).reshape((-1,) + (1,) * (rows.ndim - 1))
        low = min(where(share > 0, rows, np.inf), axis=0)
        return cls(low, max(where(share > 0, rows, -np.inf), axis=0))
