"""The Poisson distribution."""

from __future__ import annotations

import math
from functools import cache
from typing import ClassVar, Final, Self, final

import numpy as np

from chainrule.functions.comparison import equal, isnan
from chainrule.functions.creation import arange
from chainrule.functions.elementary import expm1, lgamma, log, sqrt, xlogy
from chainrule.functions.elementwise import clip, floor, maximum, minimum, where
from chainrule.functions.incomplete import gammaincc, ndtri
from chainrule.functions.indexing import take
from chainrule.functions.lift import Operand, as_tensor, cast
from chainrule.functions.reduction import sum
from chainrule.functions.searching import searchsorted
from chainrule.ir.dtype import DType, int64
from chainrule.probability.blocks import chance, in_blocks, surely_none
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    COUNT,
    NOT_NEGATIVE,
    Condition,
    Parameter,
    average,
    data,
    narrowed,
    open_uniform,
    parameters,
    require,
    shares,
)
from chainrule.tensors import Tensor, tensor
from chainrule.transform.custom import stop_gradient

__all__ = ["Poisson"]

_DRAWN: Final = Condition("be less than 2⁶², since draws are int64", lambda v: v < 2.0**62)
_LARGE: Final = 100.0  # from here on the asymptotic series of the entropy is exact to 1e−12
_SERIES: Final = (1 / 12, 1 / 24, 19 / 360, 9 / 80, 863 / 2520)


def _nodes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z, −log(1 − z) and weights for ∫₀¹ dz by z = σ(π sinh t)."""
    t = np.arange(-3.6, 3.61, 0.06)
    s = math.pi * np.sinh(t)
    z, rest = 1 / (1 + np.exp(-s)), 1 / (1 + np.exp(s))
    return z, np.logaddexp(0, s), 0.06 * math.pi * np.cosh(t) * z * rest


_Z, _LOG, _WEIGHT = _nodes()
_TABLED: Final = 10_000.0  # rates up to which one table serves all draws
_LOG_FACTORIALS: Final = np.array([math.lgamma(k + 1) for k in range(1024)])


@cache
def _factorials(dtype: DType) -> Tensor:
    """Give log k! for all k of a table."""
    return cast(tensor(_LOG_FACTORIALS), dtype)


def _log_factorial(k: Tensor, count: Tensor) -> Tensor:
    """log k! of counts, also given as floating numbers: where they are known, from a table."""
    counts = k._value if k._recording is None else None
    if counts is None or counts.max(initial=0) >= len(_LOG_FACTORIALS):
        return lgamma(count + 1.0)
    return take(_factorials(count.dtype), cast(k, int64))


def _table(rate: Tensor) -> Tensor | None:
    """P(X ≤ k) for all k up to where it is 1, if there is one rate, which is known and not large.

    By Chernoff's inequality log P(X > λ + t) ≤ −½ t²/(λ + t/3), and that is −40 there.
    """
    if rate.shape or rate._recording is not None or rate._value is None:
        return None
    if not (mean := float(rate._value)) <= _TABLED:
        return None
    reach = mean + 30 + 9 * math.sqrt(mean) + 1
    return gammaincc(arange(1.0, math.ceil(reach), dtype=rate.dtype), rate)


@final
class Poisson(Distribution):
    """The Poisson distribution of counts with rate λ.

    p(k) = λᵏ exp(−λ) / k!   for k = 0, 1, 2, …
    P(X ≤ x) = Q(⌊x⌋ + 1, λ), the regularized upper incomplete gamma function
    E x = λ,   Var x = λ
    H = λ − λ log λ + ∫₀¹ (λ − (1 − exp(−λz))/z) / (−log(1 − z)) dz
    fit: λ = mean of x

    Draws invert the distribution function and have no derivative.

    Raises:  ArgumentError: the rate is negative; data are no counts, or there are none.
    Cost:    a draw takes five incomplete gamma functions.
    Source:  evans1988entropy

    >>> Poisson(2.0).density(tensor([0, 1, 2]))
    Tensor([0.13533528, 0.27067057, 0.27067057])
    """

    discrete: ClassVar[bool] = True
    rate: Tensor

    def __init__(self, rate: Parameter) -> None:
        (self.rate,) = parameters("Poisson", rate=rate)
        require("Poisson", NOT_NEGATIVE, rate=self.rate)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.rate.shape

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give k log λ − λ − log k!, and −∞ for what is no count."""
        given = as_tensor(x, "Poisson.log_density")
        given = cast(given, int64) if given.dtype.kind == "bool" else given
        never, impossible = equal(self.rate, 0.0), given < 0
        if given.dtype.is_float:
            impossible = impossible | ~(equal(given, floor(given)) & (given < np.inf))
        if not surely_none(never):
            impossible = impossible | (never & ~equal(given, 0))
        certain = surely_none(impossible)
        k = given if certain else where(impossible, 0, given)
        count = cast(k, self.rate.dtype) if k.dtype.is_integer else k
        value = count * log(where(never, 1.0, self.rate)) - (self.rate + _log_factorial(k, count))
        if certain:
            return value
        value = where(impossible, -np.inf, value)
        return where(isnan(given), float("nan"), value) if given.dtype.is_float else value

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        given = floor(as_tensor(x, "Poisson.cdf"))
        return where(given < 0, 0.0, gammaincc(maximum(given, 0) + 1.0, self.rate))

    def quantile(self, p: Operand) -> Tensor:
        """Give the smallest count k with P(X ≤ k) ≥ p; it has no derivative.

        The first guess is that of Cornish and Fisher, λ + √λ z + (z² − 1)/6, which is never 15 off.
        """
        share, rate = stop_gradient((chance("Poisson.quantile", p), self.rate))
        found = self._least(share, rate)
        unknown = isnan(share)
        return found if surely_none(unknown) else where(unknown, float("nan"), found)

    def _least(self, share: Tensor, rate: Tensor) -> Tensor:
        table = _table(rate) if share._recording is None else None
        if table is not None:
            found = cast(searchsorted(table, share), rate.dtype)
            return where(share >= 1, where(equal(rate, 0.0), 0.0, np.inf), found)
        z = ndtri(clip(share, 2.0**-60, 1 - 2.0**-53))
        guess = floor(rate + sqrt(rate) * z + (z * z - 1) / 6)
        below = maximum(guess - 16, 0.0) - 1  # P(X ≤ below) < p at every step
        for step in (16.0, 8.0, 4.0, 2.0, 1.0):
            reached = gammaincc(below + step + 1, rate) < share
            below = where(reached, below + step, below)
        return where(share >= 1, where(equal(rate, 0.0), 0.0, np.inf), below + 1)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw counts, as int64."""
        require("Poisson.sample", _DRAWN, rate=self.rate)
        return cast(self.quantile(open_uniform(key, self._drawn(shape), self.rate)), int64)

    def mean(self) -> Tensor:
        """Give λ."""
        return self.rate

    def variance(self) -> Tensor:
        """Give λ."""
        return self.rate

    def entropy(self) -> Tensor:
        """Give H: the integral by a double exponential rule, from λ = 100 its asymptotic series."""
        rate = minimum(self.rate, _LARGE)
        direct = rate - xlogy(rate, rate) + _mean_log_factorial(rate)
        return where(self.rate < _LARGE, direct, _entropy_of_large(maximum(self.rate, _LARGE)))

    def mean_log_factorial(self) -> Tensor:
        """Give E log k!, the part of the entropy that has no elementary form."""
        large = maximum(self.rate, _LARGE)
        return where(
            self.rate < _LARGE,
            _mean_log_factorial(minimum(self.rate, _LARGE)),
            _entropy_of_large(large) + xlogy(large, large) - large,
        )

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the Poisson distribution under which the rows of x are most likely."""
        rows = data("Poisson.fit", COUNT, x)
        return cls(*narrowed(rows, average(shares("Poisson.fit", rows, weights), rows)))


def _mean_log_factorial(rate: Tensor) -> Tensor:
    """∫₀¹ (λ − (1 − exp(−λz))/z) / (−log(1 − z)) dz, by a double exponential rule."""
    z, log_rest, weight = (tensor(n).astype(rate.dtype) for n in (_Z, _LOG, _WEIGHT))
    terms = rate[..., None] + expm1(-rate[..., None] * z) / z
    return sum(weight * terms / log_rest, axis=-1)


def _entropy_of_large(rate: Tensor) -> Tensor:
    """Give ½ log(2πe λ) − 1/(12λ) − 1/(24λ²) and so on."""
    series = 0.5 * log(2 * math.pi * math.e * rate)
    for power, factor in enumerate(_SERIES, 1):
        series = series - factor / rate**power
    return series
