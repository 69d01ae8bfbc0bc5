"""Maximum likelihood: the parameters that drew the data, where the likelihood is flat."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

from chainrule import probability as pr
from chainrule import tree
from chainrule.functions import random
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close, check_gradients
from chainrule.transform import grad
from tests.probability.distributions import ALL, Listed

FITTED = [one for one in ALL if "mixture" not in one.name and one.name != "rare poisson"]
each = pytest.mark.parametrize("listed", FITTED, ids=repr)
KEY = random.key(5)


@each
def test_a_fit_finds_the_parameters_that_drew_the_data(listed: Listed) -> None:
    p = listed.made()
    found = type(p).fit(p.sample(KEY, 40_000))
    assert type(found) is type(p)
    assert_close(found.mean(), p.mean(), rtol=0.02, atol=0.02)
    assert_close(found.variance(), p.variance(), rtol=0.06, atol=0.01)


@each
def test_the_likelihood_is_flat_at_a_fit(listed: Listed) -> None:
    p = listed.made()
    x = p.sample(KEY, 300)
    found = type(p).fit(x)
    if isinstance(p, pr.Uniform | pr.Laplace):
        return  # their likelihoods have a kink there
    slope = grad(lambda q: q.log_density(x).mean())(found)
    for leaf in tree.flatten(slope)[0]:
        assert np.abs(leaf.numpy()).max() < 1e-7


@each
def test_a_weight_counts_a_row_as_often(listed: Listed) -> None:
    p = listed.made()
    x = p.sample(KEY, 60)
    weights = np.random.default_rng(0).integers(0, 3, 60)
    weighted = type(p).fit(x, weights=tensor(weights))
    repeated = type(p).fit(np.repeat(x.numpy(), weights, 0))
    assert_close(weighted.mean(), repeated.mean(), rtol=1e-8)
    assert_close(weighted.variance(), repeated.variance(), rtol=1e-8)


def test_fits_are_those_of_scipy() -> None:
    x = scipy.stats.gamma(2.0, scale=3.0).rvs(500, random_state=0)
    alpha, _, scale = scipy.stats.gamma.fit(x, floc=0)
    found = pr.Gamma.fit(x)
    assert_close(found.concentration, np.asarray(alpha), rtol=1e-4)
    assert_close(1 / found.rate, np.asarray(scale), rtol=1e-4)
    y = scipy.stats.beta(0.5, 4.0).rvs(500, random_state=0)
    a, b, *_ = scipy.stats.beta.fit(y, floc=0, fscale=1)
    fitted = pr.Beta.fit(y)
    assert_close((fitted.alpha, fitted.beta), (np.asarray(a), np.asarray(b)), rtol=1e-4)


def test_fits_are_differentiable_and_stand_for_several_columns() -> None:
    x = np.random.default_rng(0).uniform(0.2, 2.0, (30, 2))
    families: list[Callable[[Tensor], Any]] = [pr.Normal.fit, pr.Gamma.fit, pr.Exponential.fit]
    for fit in families:
        check_gradients(lambda x, fit=fit: fit(x).variance(), x, orders=1)
        assert_close(fit(tensor(x)).mean()[1], fit(tensor(x[:, 1])).mean(), rtol=1e-12)


# ---------------------------------------------------------------- mixtures


def test_expectation_maximization_finds_the_components() -> None:
    p = pr.Mixture(pr.Normal([-3.0, 0.0, 4.0], [0.5, 1.0, 0.7]), probabilities=[0.2, 0.5, 0.3])
    x = p.sample(KEY, 5000)
    found = pr.Mixture.fit(x, pr.Normal, components=3, key=random.key(1))
    order = np.argsort(found.components.location.numpy())
    assert_close(found.components.location.numpy()[order], np.array([-3, 0, 4.0]), atol=0.1)
    assert_close(found.components.scale.numpy()[order], np.array([0.5, 1, 0.7]), atol=0.1)
    assert_close(found.probabilities.numpy()[order], np.array([0.2, 0.5, 0.3]), atol=0.03)
    assert found.log_density(x).mean() > p.log_density(x).mean()


def test_expectation_maximization_works_for_vectors_and_counts() -> None:
    centers = np.array([[0.0, 0.0], [4.0, 1.0]])
    blobs = pr.Mixture(pr.MultivariateNormal(centers, np.eye(2) * 0.5))
    found = pr.Mixture.fit(blobs.sample(KEY, 1000), pr.MultivariateNormal, components=2)
    order = np.argsort(found.components.location.numpy()[:, 0])
    assert_close(found.components.location.numpy()[order], centers, atol=0.15)
    counts = pr.Mixture(pr.Poisson([2.0, 20.0])).sample(KEY, 1000)
    rates = pr.Mixture.fit(counts, pr.Poisson, components=2).components.rate.numpy()
    assert_close(np.sort(rates), np.array([2.0, 20.0]), rtol=0.05)


def test_responsibilities_are_probabilities_of_components() -> None:
    p = pr.Mixture([pr.Normal(0.0, 1.0), pr.Laplace(5.0, 1.0)])
    found = p.responsibilities(tensor([0.0, 5.0])).numpy()
    assert_close(found.sum(-1), np.ones(2))
    assert found[0, 0] > 0.99
    assert found[1, 1] > 0.99
