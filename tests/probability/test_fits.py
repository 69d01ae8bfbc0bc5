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
from chainrule.transform import grad, jit
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


# ---------------------------------------------------------------- numbers in few or no digits


def test_a_fit_of_float32_is_that_of_the_same_numbers_in_float64() -> None:
    generator = np.random.default_rng(3)
    near = generator.standard_normal(1000)
    data: dict[Callable[[Any], Any], np.ndarray] = {
        pr.Normal.fit: 1e4 + generator.standard_normal((100_000, 2)),
        pr.Laplace.fit: 1e4 + generator.laplace(size=(100_000, 2)),
        pr.MultivariateNormal.fit: 1e4 + generator.standard_normal((100_000, 2)),
        pr.Exponential.fit: generator.exponential(size=(100_000, 2)),
        pr.Gamma.fit: 1 + 1e-3 * near,
        pr.Beta.fit: 0.5 + 1e-3 * near,
    }
    for fit, rows in data.items():
        x = rows.astype(np.float32)
        found, expected = fit(x), fit(x.astype(float))
        leaves = zip(tree.flatten(found)[0], tree.flatten(expected)[0], strict=True)
        for one, other in leaves:
            assert one.dtype.name == "float32"
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=2e-7, atol=2e-7)


def test_numbers_close_together_have_large_concentrations() -> None:
    for part in (1e-3, 1e-5, 1e-7, 1e-8):
        x = 1 + part * np.random.default_rng(0).standard_normal(1000)
        found = pr.Gamma.fit(x)
        np.testing.assert_allclose(float(found.concentration), x.mean() ** 2 / x.var(), rtol=5e-3)
        y = x / 2
        total = float(pr.Beta.fit(y).alpha) * 2
        np.testing.assert_allclose(total, y.mean() * (1 - y.mean()) / y.var(), rtol=5e-3)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_a_normal_fit_does_not_depend_on_the_unit(scale: float) -> None:
    x = np.random.default_rng(0).standard_normal(50)
    found = pr.Normal.fit(x * scale)
    np.testing.assert_allclose(float(found.scale) / scale, x.std(), rtol=1e-12)
    small = (x * 1e-30).astype(np.float32)
    np.testing.assert_allclose(float(pr.Normal.fit(small).scale) * 1e30, x.std(), rtol=1e-5)


def test_the_seeds_of_a_mixture_do_not_depend_on_the_unit() -> None:
    x = np.concatenate([np.random.default_rng(0).standard_normal(100) + c for c in (0, 9)])
    expected = np.sort(pr.Mixture.fit(x, pr.Normal, components=2).components.location.numpy())
    for scale in (1e-200, 1e160):
        found = pr.Mixture.fit(x * scale, pr.Normal, components=2).components.location.numpy()
        np.testing.assert_allclose(np.sort(found) / scale, expected, rtol=1e-6)


def test_weights_may_be_a_list() -> None:
    assert float(pr.Normal.fit([1.0, 4.0], weights=[2.0, 1.0]).location) == 2.0


def test_many_classes_take_no_number_for_each_row_and_class() -> None:
    generator = np.random.default_rng(0)
    x, weights = generator.integers(0, 50_000, (200_000, 2)), generator.uniform(size=200_000)
    found = pr.Categorical.fit(x, weights=weights).probabilities.numpy()
    for column in (0, 1):
        expected = np.bincount(x[:, column], weights, 50_000) / weights.sum()
        np.testing.assert_allclose(found[column], expected, rtol=1e-9, atol=1e-12)
    few = tensor([0.0, 2.0, 2.0, 1.0])
    direct = pr.Categorical.fit(few).probabilities
    by_jit = jit(lambda w: pr.Categorical.fit(few, weights=w).probabilities)(tensor([1.0] * 4))
    assert_close(direct, by_jit, rtol=1e-12)
