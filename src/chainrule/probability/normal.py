"""The normal distribution."""

from __future__ import annotations

import math
from typing import Self, final

from chainrule.functions.axes import shape_of
from chainrule.functions.elementary import log, ndtr, sqrt
from chainrule.functions.elementwise import abs
from chainrule.functions.incomplete import ndtri
from chainrule.functions.lift import Operand, as_tensor, cast, known_array
from chainrule.functions.random_normal import standard_normal
from chainrule.functions.reduction import max
from chainrule.ir.dtype import float64
from chainrule.probability.blocks import draws, in_blocks
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    FINITE,
    POSITIVE,
    Parameter,
    average,
    data,
    narrowed,
    parameters,
    require,
    shares,
)
from chainrule.stats.sample import unit_of
from chainrule.tensors import Tensor

__all__ = ["Normal"]


@final
class Normal(Distribution):
    """The normal distribution with mean μ, the location, and standard deviation σ, the scale.

    p(x) = exp(−½ z²) / (σ √(2π)),   z = (x − μ)/σ
    P(X ≤ x) = Φ(z)
    E x = μ,   Var x = σ²,   H = ½ log(2πe σ²)
    x = μ + σ ε,   ε standard normal: derivatives flow to μ and σ
    fit: μ = mean of x,   σ² = mean of (x − μ)²

    Raises:  ArgumentError: the location is not finite, or the scale not greater than 0; no data.
             ShapeError: the parameters do not broadcast.

    >>> p = Normal(0.0, 2.0)
    >>> p.log_density(0.0), p.cdf(0.0), p.entropy()
    (Tensor(-1.61208571), Tensor(0.5), Tensor(2.11208571))
    >>> Normal.fit(tensor([1.0, 3.0]))
    Normal(location=Tensor(2.), scale=Tensor(1.))
    """

    location: Tensor
    scale: Tensor

    def __init__(self, location: Parameter = 0.0, scale: Parameter = 1.0) -> None:
        self.location, self.scale = parameters("Normal", location=location, scale=scale)
        require("Normal", FINITE, location=self.location)
        require("Normal", POSITIVE, scale=self.scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.scale.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give −½ z² − log σ − ½ log 2π."""
        z = (as_tensor(x, "Normal.log_density") - self.location) / self.scale
        return z * z * -0.5 - (log(self.scale) + 0.5 * math.log(2 * math.pi))

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        return ndtr((as_tensor(x, "Normal.cdf") - self.location) / self.scale)

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        return self.location + self.scale * ndtri(p)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the parameters."""
        sizes = shape_of("Normal.sample", shape)
        return draws(_made, self, key, 2, sizes, self.shape, self.scale.dtype)

    def mean(self) -> Tensor:
        """Give μ."""
        return self.location

    def variance(self) -> Tensor:
        """Give σ²."""
        return self.scale * self.scale

    def entropy(self) -> Tensor:
        """Give ½ log(2πe σ²)."""
        return log(self.scale) + 0.5 * math.log(2 * math.pi * math.e)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the normal distribution under which the rows of x are most likely."""
        rows = data("Normal.fit", FINITE, x)
        share = shares("Normal.fit", rows, weights)
        location = average(share, rows)
        distance = cast(rows, float64) - location
        if known_array(distance) is None:
            return cls(*narrowed(rows, location, sqrt(average(share, distance**2))))
        unit = unit_of(max(abs(distance), axis=0))  # whose square is 0 or infinite in no unit
        scale = unit * sqrt(average(share, (distance / unit) ** 2))
        return cls(*narrowed(rows, location, scale))


def _made(p: Normal, *units: Tensor) -> Tensor:
    return p.location + p.scale * standard_normal(*units)
