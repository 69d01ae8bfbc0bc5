"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self, final

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.axes import shape_of
from chainrule.functions.creation import eye, full
from chainrule.functions.decomposition import cholesky
from chainrule.functions.elementary import log
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    broadcast,
    broadcast_shape,
    cast,
    describe,
    floating,
    known_array,
    promoted,
)
from chainrule.functions.linalg import diagonal
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.functions.manipulation import moveaxis, reshape
from chainrule.functions.random_normal import standard_normal
from chainrule.functions.reduction import sum
from chainrule.functions.systems import solve_triangular
from chainrule.ir.dtype import float64
from chainrule.nn.module import Module
from chainrule.probability.blocks import draws, in_blocks, known_alike
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    FINITE,
    POSITIVE,
    Parameter,
    average,
    data,
    kept,
    narrowed,
    require,
    shares,
)
from chainrule.runtime.quiet import quiet_call
from chainrule.stats.covariance import covariance as sample_covariance
from chainrule.tensors import Tensor, of_value, tensor

__all__ = ["MultivariateNormal"]

Array = np.ndarray[Any, Any]


@final
class MultivariateNormal(Distribution):
    """The normal distribution of vectors of d numbers, with mean μ and covariance Σ = L Lᵀ.

    p(x) = exp(−½ ‖z‖²) / ((2π)^(d/2) ∏ᵢ Lᵢᵢ),   z = L⁻¹ (x − μ)
    E x = μ,   Cov x = Σ,   H = ½ d log 2πe + Σᵢ log Lᵢᵢ
    x = μ + L ε,   ε standard normal: derivatives flow to μ and L
    fit: μ = mean of x,   Σ = mean of (x − μ)(x − μ)ᵀ

    It is made of a covariance, or of its Cholesky factor, the lower triangular matrix L, which is
    what it holds (``MultivariateNormal(mu, factor=L)``).

    Raises:  ArgumentError: a number is not finite; the covariance is not symmetric or not positive
             definite; the factor is not lower triangular with a positive diagonal; both or none
             are given; no data.
             ShapeError: the location has no axis, or the matrix another number of features.
    Cost:    d³/3 operations once, d² for each log density and each draw.

    >>> p = MultivariateNormal([0.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])
    >>> p.log_density(tensor([[0.0, 0.0], [2.0, 1.0]]))
    Tensor([-2.53102425, -3.53102425])
    """

    event_axes: ClassVar[int] = 1
    location: Tensor
    factor: Tensor

    def __init__(
        self,
        location: Parameter,
        covariance: Operand | None = None,
        *,
        factor: Operand | None = None,
    ) -> None:
        if (covariance is None) == (factor is None):
            raise ArgumentError("MultivariateNormal: give either covariance or factor=…")
        name = "covariance" if factor is None else "factor"
        given = tensor(covariance if factor is None else factor)
        mean, matrix = (
            floating(t) for t in promoted("MultivariateNormal", tensor(location), given)
        )
        _check_shapes(mean, matrix, name)
        require("MultivariateNormal", FINITE, location=mean, **{name: matrix})
        shape = broadcast_shape(mean.shape[:-1], matrix.shape[:-2])
        lower = _factor(matrix) if factor is None else _checked(matrix)
        self.location = broadcast(mean, (*shape, mean.shape[-1]))
        self.factor = broadcast(lower, (*shape, *matrix.shape[-2:]))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters, without the axes of features."""
        return self.location.shape[:-1]

    def whiten(self, x: Operand) -> Tensor:
        """Give z = L⁻¹ (x − μ), which is standard normal."""
        return self._prepared().whiten(as_tensor(x, "MultivariateNormal"))

    def _prepared(self) -> _Whitener:
        return kept(self, "_kept", self._make_whitener)

    def _make_whitener(self) -> _Whitener:
        d, dtype = self.location.shape[-1], self.factor.dtype
        turned = matrix_transpose(solve_triangular(self.factor, eye(d, dtype=dtype)))
        if (value := known_array(turned)) is not None:
            turned = of_value(np.ascontiguousarray(value))  # NumPy multiplies by it twice as fast
        log_normalizer = self.log_root() + 0.5 * d * math.log(2 * math.pi)
        return _Whitener(self.location, turned, full(d, -0.5, dtype=dtype), log_normalizer)

    def _draw_shape(self) -> tuple[int, ...]:
        return self.location.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give −½ ‖z‖² − Σᵢ log Lᵢᵢ − ½ d log 2π."""
        given = as_tensor(x, "MultivariateNormal.log_density")
        if given.shape[-1:] != self.location.shape[-1:]:
            raise ShapeError(
                "MultivariateNormal.log_density: x has another number of features\n\n"
                f"    x          {describe(given)}\n    location   {describe(self.location)}"
            )
        return self._prepared().log_density(given)

    def log_root(self) -> Tensor:
        """Give Σᵢ log Lᵢᵢ = ½ log det Σ."""
        return sum(log(diagonal(self.factor)), axis=-1)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw vectors; derivatives flow to the parameters."""
        sizes, dtype = shape_of("MultivariateNormal.sample", shape), self.factor.dtype
        return draws(_made, self, key, 2, sizes, self.location.shape, dtype)

    def mean(self) -> Tensor:
        """Give μ."""
        return self.location

    def covariance(self) -> Tensor:
        """Give Σ = L Lᵀ."""
        return matmul(self.factor, matrix_transpose(self.factor))

    def variance(self) -> Tensor:
        """Give the variance of each feature, the diagonal of Σ."""
        return sum(self.factor**2, axis=-1)

    def entropy(self) -> Tensor:
        """Give ½ d log 2πe + Σᵢ log Lᵢᵢ."""
        d = self.location.shape[-1]
        return self.log_root() + 0.5 * d * math.log(2 * math.pi * math.e)

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the normal distribution under which the rows of x are most likely."""
        rows = data("MultivariateNormal.fit", FINITE, x, 2)
        share = shares("MultivariateNormal.fit", rows, weights)
        spread = sample_covariance(cast(rows, float64), correction=0, weights=share)
        found = cls(average(share, rows), spread)
        location, factor = narrowed(rows, found.location, found.factor)
        return cls(location, factor=factor)


def _made(p: MultivariateNormal, *units: Tensor) -> Tensor:
    noise = standard_normal(*units)
    if not p.shape:
        return p.location + matmul(noise, matrix_transpose(p.factor))
    return p.location + matmul(p.factor, noise[..., None])[..., 0]


class _Whitener(Module):
    """What a normal distribution of vectors makes of its parameters, for many densities.

    inverse         L⁻ᵀ
    halves          d numbers −½, for the sum of squares as a product
    log_normalizer  Σᵢ log Lᵢᵢ + ½ d log 2π
    """

    location: Tensor
    inverse: Tensor
    halves: Tensor
    log_normalizer: Tensor

    def whiten(self, x: Tensor) -> Tensor:
        """(x − μ) L⁻ᵀ, for each place of a distribution."""
        location, distance = self.location, x - self.location
        if location.ndim == 1:
            return matmul(distance, self.inverse)
        extra = distance.shape[: distance.ndim - location.ndim]
        rows = moveaxis(reshape(distance, (math.prod(extra), *location.shape)), 0, -2)
        return reshape(moveaxis(matmul(rows, self.inverse), -2, 0), distance.shape)

    def log_density(self, x: Tensor) -> Tensor:
        """−½ ‖z‖² − Σᵢ log Lᵢᵢ − ½ d log 2π."""
        known = known_alike(x, self.location, self.inverse, self.halves, self.log_normalizer)
        if known is not None and known[1].ndim == 1:
            return of_value(quiet_call(_plainly, *known))
        z = self.whiten(x)
        return matmul(z * z, self.halves) - self.log_normalizer


def _plainly(x: Array, location: Array, inverse: Array, halves: Array, log: Array) -> Array:
    """The log densities of one distribution, by the same steps."""
    z = np.matmul(x - location, inverse)
    z *= z
    return np.asarray(np.matmul(z, halves) - log)


def _check_shapes(location: Tensor, matrix: Tensor, name: str) -> None:
    d = location.shape[-1:]
    if not d or matrix.shape[-2:] != (*d, *d):
        raise ShapeError(
            f"MultivariateNormal: the location has d numbers and the {name} d rows and columns\n\n"
            f"    location     {describe(location)}\n    {name:<10}   {describe(matrix)}"
        )
    try:
        broadcast_shape(location.shape[:-1], matrix.shape[:-2])
    except ValueError:
        raise ShapeError(
            f"MultivariateNormal: the stacks of locations and of matrices do not broadcast\n\n"
            f"    location     {describe(location)}\n    {name:<10}   {describe(matrix)}"
        ) from None


def _factor(covariance: Tensor) -> Tensor:
    """The Cholesky factor, after saying what is wrong where there is none."""
    value = covariance._value
    if value is not None:
        turned = np.swapaxes(value, -1, -2)
        if not np.allclose(value, turned, rtol=1e-5, atol=1e-8 * float(np.abs(value).max())):
            raise ArgumentError(
                "MultivariateNormal: the covariance is not symmetric\n\n"
                f"    covariance   {describe(covariance)}"
            )
        least = float(np.linalg.eigvalsh((value + turned) / 2).min(initial=np.inf))
        if least <= 0:
            raise ArgumentError(
                "MultivariateNormal: the covariance is not positive definite: its smallest "
                f"eigenvalue is {least:.6g}\n\n    covariance   {describe(covariance)}\n\n"
                "  Vectors that vary in fewer directions than they have numbers have no density."
            )
    return cholesky(covariance)


def _checked(factor: Tensor) -> Tensor:
    """A factor, after saying where it is none."""
    value = factor._value
    if value is not None and np.triu(value, 1).any():
        raise ArgumentError(
            "MultivariateNormal: the factor is not lower triangular\n\n"
            f"    factor   {describe(factor)}"
        )
    require("MultivariateNormal", POSITIVE, **{"diagonal(factor)": diagonal(factor)})
    return factor
