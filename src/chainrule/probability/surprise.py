"""−E log q(x) for x drawn from p: in closed form, or over the finitely many numbers of p."""

from __future__ import annotations

import math

import numpy as np

from chainrule.functions.comparison import equal
from chainrule.functions.elementary import digamma, erf, exp, lgamma, log, xlogy
from chainrule.functions.elementwise import abs, where
from chainrule.functions.reduction import sum
from chainrule.functions.systems import solve_triangular
from chainrule.probability.bernoulli import Bernoulli
from chainrule.probability.beta import Beta
from chainrule.probability.categorical import Categorical
from chainrule.probability.dirichlet import Dirichlet
from chainrule.probability.distribution import Distribution
from chainrule.probability.exponential import Exponential
from chainrule.probability.gamma import Gamma
from chainrule.probability.laplace import Laplace
from chainrule.probability.mixture import Mixture
from chainrule.probability.multivariate_normal import MultivariateNormal
from chainrule.probability.normal import Normal
from chainrule.probability.poisson import Poisson
from chainrule.probability.support import probabilities
from chainrule.probability.uniform import Uniform
from chainrule.tensors import Tensor

__all__: list[str] = []


def _mean_log(p: Distribution) -> Tensor | None:
    """E log x in closed form."""
    match p:
        case Exponential():
            return -log(p.rate) - np.euler_gamma
        case Gamma():
            return digamma(p.concentration) - log(p.rate)
        case Beta():
            return digamma(p.alpha) - digamma(p.alpha + p.beta)
        case Uniform():
            return _mean_log_between(p.low, p.high)
    return None


def _mean_log_between(low: Tensor, high: Tensor) -> Tensor:
    """E log x for x uniform between two numbers."""
    return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1


def _mean_log_rest(p: Distribution) -> Tensor | None:
    """E log(1 − x) in closed form."""
    match p:
        case Beta():
            return digamma(p.beta) - digamma(p.alpha + p.beta)
        case Uniform():
            return _mean_log_between(1 - p.high, 1 - p.low)
    return None


def _mean_distance(p: Distribution, center: Tensor) -> Tensor | None:
    """E |x − center| in closed form."""
    match p:
        case Normal():
            z = (p.location - center) / p.scale
            near = math.sqrt(2 / math.pi) * exp(-0.5 * z * z)
            return p.scale * (near + z * erf(z * math.sqrt(0.5)))
        case Laplace():
            distance = abs(p.location - center)
            return distance + p.scale * exp(-distance / p.scale)
        case Uniform():
            above, below = p.high - center, p.low - center
            return (above * abs(above) - below * abs(below)) / (2 * (p.high - p.low))
    return None


def surprise(p: Distribution, q: Distribution) -> Tensor | None:
    """−E log q(x) for x drawn from p, where there is a closed form."""
    match q:
        case Normal() if not isinstance(p, Mixture):
            square = (p.variance() + (p.mean() - q.location) ** 2) / q.scale**2
            return 0.5 * square + log(q.scale) + 0.5 * math.log(2 * math.pi)
        case Laplace():
            distance = _mean_distance(p, q.location)
            return None if distance is None else distance / q.scale + log(2 * q.scale)
        case Exponential() if not isinstance(p, Mixture):
            return q.rate * p.mean() - log(q.rate)
        case Uniform():
            return log(q.high - q.low) + 0 * p.mean()
        case Gamma():
            mean_log = _mean_log(p)
            constant = lgamma(q.concentration) - q.concentration * log(q.rate)
            if mean_log is None:
                return None
            return constant - (q.concentration - 1) * mean_log + q.rate * p.mean()
        case Beta():
            low, high = _mean_log(p), _mean_log_rest(p)
            if low is None or high is None:
                return None
            return q.log_normalizer() - (q.alpha - 1) * low - (q.beta - 1) * high
        case Poisson() if isinstance(p, Poisson):
            return q.rate - xlogy(p.rate, q.rate) + p.mean_log_factorial()
        case MultivariateNormal() if isinstance(p, MultivariateNormal):
            spread = sum(solve_triangular(q.factor, p.factor) ** 2, axis=(-2, -1))
            square = spread + sum(q.whiten(p.location) ** 2, axis=-1)
            turn = 0.5 * p.location.shape[-1] * math.log(2 * math.pi)
            return 0.5 * square + q.log_root() + turn
        case Dirichlet() if isinstance(p, Dirichlet):
            alpha = p.concentration
            mean_log = digamma(alpha) - digamma(sum(alpha, axis=-1, keepdims=True))
            return q.log_normalizer() - sum((q.concentration - 1) * mean_log, axis=-1)
    return None


def enumerated(p: Bernoulli | Categorical, q: Distribution) -> tuple[Tensor, Tensor]:
    """log p(k) and log q(k) for all numbers k that p can draw, in a first axis."""
    values, logs = probabilities(p)
    together = len(np.broadcast_shapes(p.shape, q.shape))
    return logs, q.log_density(values.reshape((-1,) + (1,) * together))


def enumerated_surprise(p: Bernoulli | Categorical, q: Distribution) -> Tensor:
    """−Σₖ p(k) log q(k)."""
    logs, others = enumerated(p, q)
    return -sum(where(equal(logs, -np.inf), 0.0, exp(logs) * others), axis=0)
