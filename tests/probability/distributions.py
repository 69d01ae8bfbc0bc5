"""THE LIST: every distribution, with SciPy's, numbers to try it on, and how it is made of its own.

A new distribution is a line here, and every file of this folder tests it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from chainrule import probability as pr

COVARIANCE = np.array([[2.0, 0.3, -0.5], [0.3, 1.0, 0.1], [-0.5, 0.1, 0.7]])
LOCATION = np.array([0.5, -1.0, 2.0])


@dataclass(frozen=True)
class Listed:
    """A distribution as a function of parameters, SciPy's of the same, and some numbers.

    ``edges`` are numbers at and beyond the ends of the support; ``limits`` where to integrate.
    """

    name: str
    make: Callable[..., Any]
    parameters: tuple[Any, ...]
    peer: Any
    points: np.ndarray
    edges: tuple[float, ...] = ()
    limits: tuple[float, float] = (-np.inf, np.inf)

    def made(self) -> Any:
        """The distribution."""
        return self.make(*self.parameters)

    def __repr__(self) -> str:
        return self.name


def mixture(first: float, second: float) -> pr.Mixture:
    """Two normal distributions."""
    return pr.Mixture(pr.Normal([first, second], [0.5, 1.5]), probabilities=[0.3, 0.7])


def varied(rate: float, alpha: float) -> pr.Mixture:
    """Two of different kinds."""
    return pr.Mixture([pr.Exponential(rate), pr.Gamma(alpha, 2.0)], probabilities=[0.6, 0.4])


def gaussian(location: Any, covariance: Any) -> pr.MultivariateNormal:
    """Of the symmetric part of a matrix, so that each element may be varied alone."""
    return pr.MultivariateNormal(location, (covariance + covariance.T) / 2)


class Mixed:
    """A mixture of SciPy's distributions."""

    def __init__(self, shares: list[float], parts: list[Any]) -> None:
        self.shares, self.parts = shares, parts

    def _sum(self, method: str, x: Any) -> Any:
        return sum(s * getattr(p, method)(x) for s, p in zip(self.shares, self.parts, strict=True))

    def logpdf(self, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(self._sum("pdf", x))

    def cdf(self, x: Any) -> Any:
        return self._sum("cdf", x)

    def mean(self) -> Any:
        return sum(s * p.mean() for s, p in zip(self.shares, self.parts, strict=True))

    def var(self) -> Any:
        square = sum(
            s * (p.var() + p.mean() ** 2) for s, p in zip(self.shares, self.parts, strict=True)
        )
        return square - self.mean() ** 2


N, S = scipy.stats, scipy.stats.norm
SCALARS = [
    Listed("normal", pr.Normal, (0.7, 1.4), S(0.7, 1.4), np.linspace(-5, 6, 9)),
    Listed("laplace", pr.Laplace, (0.7, 1.4), N.laplace(0.7, 1.4), np.linspace(-5, 6, 9)),
    Listed("uniform", pr.Uniform, (-1.0, 2.5), N.uniform(-1, 3.5), np.linspace(-0.9, 2.4, 7),
           (-1.5, 3.0), (-1, 2.5)),
    Listed("exponential", pr.Exponential, (1.7,), N.expon(scale=1 / 1.7), np.linspace(0.1, 4, 7),
           (-1.0, 0.0), (0, np.inf)),
    Listed("gamma", pr.Gamma, (2.3, 1.7), N.gamma(2.3, scale=1 / 1.7), np.linspace(0.1, 6, 7),
           (-1.0, 0.0), (0, np.inf)),
    Listed("small gamma", pr.Gamma, (0.4, 1.7), N.gamma(0.4, scale=1 / 1.7),
           np.linspace(0.01, 3, 7), (-1.0,), (0, np.inf)),
    Listed("beta", pr.Beta, (2.2, 3.1), N.beta(2.2, 3.1), np.linspace(0.05, 0.95, 7),
           (-0.5, 0.0, 1.0, 1.5), (0, 1)),
    Listed("steep beta", pr.Beta, (0.6, 0.4), N.beta(0.6, 0.4), np.linspace(0.05, 0.95, 7),
           (-0.5, 1.5), (0, 1)),
    Listed("mixture", mixture, (-1.0, 2.0), Mixed([0.3, 0.7], [S(-1, 0.5), S(2, 1.5)]),
           np.linspace(-4, 6, 9)),
    Listed("mixture of kinds", varied, (1.5, 3.0),
           Mixed([0.6, 0.4], [N.expon(scale=1 / 1.5), N.gamma(3.0, scale=0.5)]),
           np.linspace(0.1, 5, 7), (-1.0,), (0, np.inf)),
]  # fmt: skip
COUNTS = [
    Listed("bernoulli", lambda p: pr.Bernoulli(probability=p), (0.3,), N.bernoulli(0.3),
           np.array([0, 1]), (-1.0, 2.0, 0.5)),
    Listed("categorical", lambda p: pr.Categorical(probabilities=p), (np.array([0.2, 0.5, 0.3]),),
           N.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])), np.arange(3), (-1.0, 3.0, 0.5)),
    Listed("poisson", pr.Poisson, (3.7,), N.poisson(3.7), np.arange(12), (-1.0, 0.5)),
    Listed("rare poisson", pr.Poisson, (0.02,), N.poisson(0.02), np.arange(4), (-1.0,)),
    Listed("many poisson", pr.Poisson, (3000.0,), N.poisson(3000.0), np.arange(2800, 3200, 50)),
]  # fmt: skip
SIMPLEX = np.random.default_rng(1).dirichlet(np.ones(3), 5)
VECTORS = [
    Listed("multivariate normal", gaussian, (LOCATION, COVARIANCE),
           N.multivariate_normal(LOCATION, COVARIANCE),
           np.random.default_rng(0).standard_normal((5, 3))),
    Listed("dirichlet", pr.Dirichlet, (np.array([1.5, 2.0, 0.7]),), N.dirichlet([1.5, 2.0, 0.7]),
           SIMPLEX),
]  # fmt: skip
ALL = [*SCALARS, *COUNTS, *VECTORS]
