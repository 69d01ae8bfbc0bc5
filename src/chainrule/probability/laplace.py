"""The Laplace distribution."""

from __future__ import annotations

from typing import Self, final

from chainrule.functions.axes import shape_of
from chainrule.functions.elementary import exp, log, log1p
from chainrule.functions.elementwise import abs, maximum, minimum, where
from chainrule.functions.lift import Operand, as_tensor, cast
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
from chainrule.stats.order import median
from chainrule.tensors import Tensor

__all__ = ["Laplace"]


@final
class Laplace(Distribution):
    """The Laplace distribution with location m and scale b: an exponential to both sides.

    p(x) = exp(−|z|) / (2b),   z = (x − m)/b
    P(X ≤ x) = ½ exp(z) for z ≤ 0, else 1 − ½ exp(−z)
    E x = m,   Var x = 2b²,   H = 1 + log 2b
    x = m + b (e₁ − e₂),   e₁ and e₂ exponential with rate 1: derivatives flow to m and b
    fit: m = median of x,   b = mean of |x − m|

    Raises:  ArgumentError: the location is not finite, or the scale not greater than 0; no data.
             ShapeError: the parameters do not broadcast.

    >>> Laplace(0.0, 0.5).log_density(tensor([0.0, 1.0]))
    Tensor([-0., -2.])
    """

    location: Tensor
    scale: Tensor

    def __init__(self, location: Parameter = 0.0, scale: Parameter = 1.0) -> None:
        self.location, self.scale = parameters("Laplace", location=location, scale=scale)
        require("Laplace", FINITE, location=self.location)
        require("Laplace", POSITIVE, scale=self.scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.scale.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give −|z| − log 2b."""
        distance = abs(as_tensor(x, "Laplace.log_density") - self.location)
        return -(distance / self.scale) - log(2 * self.scale)

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        z = (as_tensor(x, "Laplace.cdf") - self.location) / self.scale
        tail = 0.5 * exp(-abs(z))
        return where(z <= 0, tail, 1 - tail)

    def quantile(self, p: Operand) -> Tensor:
        """Give the x with P(X ≤ x) = p."""
        share = as_tensor(p, "Laplace.quantile")
        low = share < 0.5
        tail = where(low, share, 1 - share)
        far, near = log(2 * minimum(tail, 0.25)), log1p(2 * maximum(tail, 0.25) - 1)
        distance = where(tail < 0.25, far, near)
        return self.location + self.scale * where(low, distance, -distance)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw numbers; derivatives flow to the parameters."""
        sizes = shape_of("Laplace.sample", shape)
        return draws(_made, self, key, 2, sizes, self.shape, self.scale.dtype)

    def mean(self) -> Tensor:
        """Give m."""
        return self.location

    def variance(self) -> Tensor:
        """Give 2b²."""
        return 2 * self.scale * self.scale

    def entropy(self) -> Tensor:
        """Give 1 + log 2b."""
        return 1 + log(2 * self.scale)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the Laplace distribution under which the rows of x are most likely."""
        rows = data("Laplace.fit", FINITE, x)
        share = shares("Laplace.fit", rows, weights)
        location = median(rows, axis=0, weights=None if weights is None else share)
        distance = abs(cast(rows, float64) - location)
        return cls(location, *narrowed(rows, average(share, distance)))


def _made(p: Laplace, first: Tensor, second: Tensor) -> Tensor:
    return p.location + p.scale * (log1p(-second) - log1p(-first))
