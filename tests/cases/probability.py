"""Log densities as functions of numbers and parameters, and divergences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

from chainrule import probability as pr
from tests.cases.case import Case, Spec

NUMBERS, SHARES, ABOVE = Spec("normal", (4,)), Spec("probability", (4,)), Spec("positive", (4,))
COUNTS = np.array([0, 1, 1, 0])


def density(make: Callable[..., pr.Distribution]) -> Callable[..., Any]:
    """The log density of a family, as a function of a number and its parameters."""
    return lambda x, *parameters: make(*parameters).log_density(x)


def multivariate(x: Any, location: Any, covariance: Any) -> Any:
    """The log density of vectors; the symmetric part is what counts."""
    symmetric = (covariance + covariance.mT) / 2
    return pr.MultivariateNormal(location, symmetric).log_density(x)


CASES: list[Case] = [
    Case("log density of Normal", density(pr.Normal), (NUMBERS, NUMBERS, ABOVE),
         scipy.stats.norm.logpdf),
    Case("log density of Laplace", density(pr.Laplace), (NUMBERS, NUMBERS, ABOVE),
         scipy.stats.laplace.logpdf),
    Case("log density of Exponential", density(pr.Exponential), (ABOVE, ABOVE),
         lambda x, rate: scipy.stats.expon.logpdf(x, scale=1 / rate)),
    Case("log density of Gamma", density(pr.Gamma), (ABOVE, ABOVE, ABOVE),
         lambda x, a, rate: scipy.stats.gamma.logpdf(x, a, scale=1 / rate)),
    Case("log density of Beta", density(pr.Beta), (SHARES, ABOVE, ABOVE), scipy.stats.beta.logpdf),
    Case("log density of Bernoulli", lambda s: pr.Bernoulli(s).log_density(COUNTS), (NUMBERS,),
         lambda s: scipy.stats.bernoulli.logpmf(COUNTS, scipy.special.expit(s))),
    Case("log density of Poisson", lambda r: pr.Poisson(r).log_density(COUNTS), (ABOVE,),
         lambda r: scipy.stats.poisson.logpmf(COUNTS, r)),
    Case("log density of Categorical", lambda s: pr.Categorical(s).log_density(COUNTS),
         (Spec("normal", (4, 3)),),
         lambda s: scipy.special.log_softmax(s, -1)[np.arange(4), COUNTS]),
    Case("log density of MultivariateNormal", multivariate,
         (Spec("normal", (4, 3)), Spec("normal", (3,)), Spec("spd", (3, 3))),
         scipy.stats.multivariate_normal.logpdf),
    Case("log density of a mixture",
         lambda x, m, s: pr.Mixture(pr.Normal(m, s)).log_density(x),
         (Spec("normal", ()), NUMBERS, ABOVE),
         lambda x, m, s: np.log(scipy.stats.norm.pdf(x, m, s).mean())),
    Case("entropy of Gamma", lambda a, b: pr.Gamma(a, b).entropy(), (ABOVE, ABOVE),
         lambda a, b: scipy.stats.gamma.entropy(a, scale=1 / b)),
    Case("entropy of Poisson", lambda r: pr.Poisson(r).entropy(), (ABOVE,),
         scipy.stats.poisson.entropy),
    Case("divergence of Normal", lambda m, s: pr.kl(pr.Normal(m, s), pr.Normal(0 * m, 1.0)).value,
         (NUMBERS, ABOVE), lambda m, s: (m**2 + s**2 - 1) / 2 - np.log(s)),
]  # fmt: skip
