"""Probability distributions: densities, draws, moments, fits, divergences.

A distribution is an immutable tree of parameters that goes through every transform.

>>> p = Normal(tensor([0.0, 1.0]), 2.0)
>>> p.sample(cr.random.key(0), (3,)).shape
(3, 2)
>>> cr.grad(lambda p: p.log_density(1.0).sum())(p)
Normal(location=Tensor([0.25, 0.  ]), scale=Tensor([-0.375, -0.5  ]))
"""

from chainrule.probability.bernoulli import Bernoulli
from chainrule.probability.beta import Beta
from chainrule.probability.categorical import Categorical
from chainrule.probability.dirichlet import Dirichlet
from chainrule.probability.distribution import Distribution
from chainrule.probability.divergence import cross_entropy, kl
from chainrule.probability.estimate import Estimate, expectation
from chainrule.probability.exponential import Exponential
from chainrule.probability.gamma import Gamma
from chainrule.probability.laplace import Laplace
from chainrule.probability.mixture import Mixture
from chainrule.probability.multivariate_normal import MultivariateNormal
from chainrule.probability.normal import Normal
from chainrule.probability.poisson import Poisson
from chainrule.probability.uniform import Uniform

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Dirichlet",
    "Distribution",
    "Estimate",
    "Exponential",
    "Gamma",
    "Laplace",
    "Mixture",
    "MultivariateNormal",
    "Normal",
    "Poisson",
    "Uniform",
    "cross_entropy",
    "expectation",
    "kl",
]
