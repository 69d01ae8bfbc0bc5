"""The Kullback–Leibler divergence and the cross-entropy of any two distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.functions.comparison import equal
from chainrule.functions.creation import full
from chainrule.functions.elementary import digamma, exp, expm1, lgamma, log, xlogy
from chainrule.functions.elementwise import abs, where
from chainrule.functions.lift import Operand, known_array
from chainrule.functions.reduction import sum
from chainrule.functions.systems import solve_triangular
from chainrule.probability.bernoulli import Bernoulli
from chainrule.probability.beta import Beta
from chainrule.probability.categorical import Categorical
from chainrule.probability.dirichlet import Dirichlet
from chainrule.probability.distribution import Distribution
from chainrule.probability.estimate import SAMPLES, Estimate, exact, expectation
from chainrule.probability.exponential import Exponential
from chainrule.probability.gamma import Gamma
from chainrule.probability.laplace import Laplace
from chainrule.probability.mixture import Mixture
from chainrule.probability.multivariate_normal import MultivariateNormal
from chainrule.probability.normal import Normal
from chainrule.probability.poisson import Poisson
from chainrule.probability.support import support
from chainrule.probability.surprise import enumerated, enumerated_surprise, surprise
from chainrule.probability.uniform import Uniform
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["cross_entropy", "kl"]

Closed = Callable[[Any, Any], Tensor]

# ---------------------------------------------------------------- two of one family


def _normal(p: Normal, q: Normal) -> Tensor:
    """½ (r − 1 − log r + δ²/σ′²),   r = σ²/σ′²."""
    ratio = 2 * (log(p.scale) - log(q.scale))
    distance = (p.location - q.location) / q.scale
    return 0.5 * (expm1(ratio) - ratio + distance**2)


def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    """½ (‖L′⁻¹ L‖² − d + ‖L′⁻¹ δ‖²) + Σᵢ log L′ᵢᵢ/Lᵢᵢ."""
    d = p.location.shape[-1]
    spread = sum(solve_triangular(q.factor, p.factor) ** 2, axis=(-2, -1))
    distance = sum(q.whiten(p.location) ** 2, axis=-1)
    return 0.5 * (spread - d + distance) + q.log_root() - p.log_root()


def _laplace(p: Laplace, q: Laplace) -> Tensor:
    """eʳ (u − 1 + exp(−u)) + (eʳ − 1 − r),   u = |δ|/b and r = log b/b′: two that are ≥ 0."""
    distance, ratio = abs(p.location - q.location) / p.scale, log(p.scale) - log(q.scale)
    return exp(ratio) * (distance + expm1(-distance)) + (expm1(ratio) - ratio)


def _uniform(p: Uniform, q: Uniform) -> Tensor:
    """log (b′ − a′)/(b − a)."""
    return log((q.high - q.low) / (p.high - p.low))


def _exponential(p: Exponential, q: Exponential) -> Tensor:
    """r − 1 − log r,   r = λ′/λ."""
    ratio = log(q.rate) - log(p.rate)
    return expm1(ratio) - ratio


def _gamma(p: Gamma, q: Gamma) -> Tensor:
    """(α − α′) ψ(α) − log Γ(α)/Γ(α′) + α′ log β/β′ + α (β′/β − 1)."""
    alpha, other = p.concentration, q.concentration
    ratio = log(q.rate) - log(p.rate)
    shapes = (alpha - other) * digamma(alpha) - lgamma(alpha) + lgamma(other)
    return shapes - other * ratio + alpha * expm1(ratio)


def _beta(p: Beta, q: Beta) -> Tensor:
    """log B(α′, β′)/B(α, β) + (α − α′) ψ(α) + (β − β′) ψ(β) − (α + β − α′ − β′) ψ(α + β)."""
    first, second = p.alpha - q.alpha, p.beta - q.beta
    slopes = first * digamma(p.alpha) + second * digamma(p.beta)
    total = (first + second) * digamma(p.alpha + p.beta)
    return q.log_normalizer() - p.log_normalizer() + slopes - total


def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    """log B(α′)/B(α) + Σₖ (αₖ − α′ₖ) (ψ(αₖ) − ψ(α₀))."""
    alpha = p.concentration
    slopes = digamma(alpha) - digamma(sum(alpha, axis=-1, keepdims=True))
    apart = sum((alpha - q.concentration) * slopes, axis=-1)
    return q.log_normalizer() - p.log_normalizer() + apart


def _poisson(p: Poisson, q: Poisson) -> Tensor:
    """λ log λ/λ′ − λ + λ′, where known as λ (eʳ − 1 − r), r = log λ′/λ, which cancels less."""
    if known_array(p.rate) is None or known_array(q.rate) is None:
        return xlogy(p.rate, p.rate) - xlogy(p.rate, q.rate) - p.rate + q.rate
    never = equal(p.rate, 0.0)
    ratio = log(q.rate) - log(where(never, 1.0, p.rate))
    return where(never, q.rate, p.rate * (expm1(ratio) - ratio))


def _enumerated(p: Bernoulli | Categorical, q: Distribution) -> Tensor:
    """Σₖ p(k) log p(k)/q(k), over the numbers that have a probability."""
    logs, others = enumerated(p, q)
    never = equal(logs, -np.inf)
    terms = where(never, 0.0, exp(logs) * (where(never, 0.0, logs) - others))
    return sum(terms, axis=0)


_SAME: Final[dict[type[Distribution], Closed]] = {
    Normal: _normal,
    MultivariateNormal: _multivariate_normal,
    Laplace: _laplace,
    Uniform: _uniform,
    Exponential: _exponential,
    Gamma: _gamma,
    Beta: _beta,
    Dirichlet: _dirichlet,
    Poisson: _poisson,
}


def _unless_outside(p: Distribution, q: Distribution, estimate: Estimate) -> Estimate:
    """Infinity where p draws numbers that q does not."""
    ours, theirs = support(p), support(q)
    if ours is None or theirs is None or isinstance(p, Bernoulli | Categorical):
        return estimate
    outside = (ours[0] < theirs[0]) | (ours[1] > theirs[1])
    value, error = estimate
    return Estimate(where(outside, np.inf, value), where(outside, 0.0, error))


def _check_kinds(name: str, p: Distribution, q: Distribution) -> None:
    if p.event_axes != q.event_axes:
        raise ArgumentError(
            f"{name}: a draw of p has {plural(p.event_axes, 'axis')}, one of q {q.event_axes}\n\n"
            f"    p   {type(p).__name__}\n    q   {type(q).__name__}"
        )


def _singular(p: Distribution, q: Distribution) -> Estimate:
    """Infinity: a continuous distribution gives no single number a probability, and vice versa."""
    return exact(full(np.broadcast_shapes(p.shape, q.shape), np.inf))


# ---------------------------------------------------------------- public


def kl(
    p: Distribution, q: Distribution, *, key: Operand | None = None, samples: int = SAMPLES
) -> Estimate:
    """Measure how far q is from p: KL(p‖q), the expectation under p, in nats.

    KL(p‖q) = E log p(x)/q(x) ≥ 0,   x drawn from p;   0 only where p = q

    It is in closed form for two of one family; where p has finitely many values; and where
    −E log q has a closed form under p, less the entropy of p. It is infinite where p draws what q
    cannot. Otherwise it is estimated from draws, and the second result is its standard error,
    which is 0 where the value is exact.

    key      for the draws: the same without it, every time
    samples  how many draws

    Raises:  ArgumentError: one draws numbers and the other vectors.
    Source:  kullback1951information, sec. 2

    >>> kl(Normal(0.0, 1.0), Normal(1.0, 1.0))
    Estimate(value=Tensor(0.5), standard_error=Tensor(0.))
    """
    _check_kinds("kl", p, q)
    if p.discrete != q.discrete:
        return _singular(p, q)
    closed = _closed_kl(p, q)
    if closed is None:
        estimate = expectation(
            p, lambda x: p.log_density(x) - q.log_density(x), key=key, samples=samples
        )
        return _unless_outside(p, q, estimate)
    return _unless_outside(p, q, exact(closed))


def _closed_kl(p: Distribution, q: Distribution) -> Tensor | None:
    if isinstance(p, Bernoulli | Categorical):
        return _enumerated(p, q)
    if type(p) is type(q) and type(p) in _SAME:
        return _SAME[type(p)](p, q)
    if isinstance(p, Mixture):
        return None
    mean = surprise(p, q)
    return None if mean is None else mean - p.entropy()


def cross_entropy(
    p: Distribution, q: Distribution, *, key: Operand | None = None, samples: int = SAMPLES
) -> Estimate:
    """Measure how surprising draws of p are to q, in nats.

    H(p, q) = −E log q(x) = H(p) + KL(p‖q),   x drawn from p

    It is in closed form, infinite or estimated as :func:`kl` is, and computed without it. Fitting q
    to data by maximum likelihood is making the cross-entropy of the data and q small.

    Raises:  ArgumentError: one draws numbers and the other vectors.

    >>> cross_entropy(Normal(0.0, 1.0), Normal(1.0, 1.0)).value
    Tensor(1.91893853)
    """
    _check_kinds("cross_entropy", p, q)
    if p.discrete != q.discrete:
        return _singular(p, q)
    if isinstance(p, Bernoulli | Categorical):
        return exact(enumerated_surprise(p, q))
    closed = surprise(p, q)
    if closed is None:
        estimate = expectation(p, lambda x: -q.log_density(x), key=key, samples=samples)
        return _unless_outside(p, q, estimate)
    return _unless_outside(p, q, exact(closed))
