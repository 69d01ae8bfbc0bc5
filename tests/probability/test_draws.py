"""Draws: their distribution by Kolmogorov and Smirnov, their moments, derivatives through them."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from chainrule import probability as pr
from chainrule.functions import random
from chainrule.functions.incomplete import gammainc, gammaincinv
from chainrule.functions.joining import stack
from chainrule.probability.gamma import _gamma_draw
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close, check_gradients
from chainrule.transform import grad, jit, vmap
from tests.probability.distributions import ALL, COUNTS, SCALARS, VECTORS, Listed

each = pytest.mark.parametrize("listed", ALL, ids=repr)
COUNT = 20_000
KEY = random.key(11)


@each
def test_the_mean_and_the_variance_of_draws_are_those_of_the_distribution(listed: Listed) -> None:
    p = listed.made()
    x = p.sample(KEY, COUNT).numpy().astype(float)
    mean, variance = p.mean().numpy(), p.variance().numpy()
    fourth = ((x - mean) ** 4).mean(0)
    assert (np.abs(x.mean(0) - mean) < 5 * np.sqrt(variance / COUNT) + 1e-12).all()
    assert (np.abs(x.var(0) - variance) < 6 * np.sqrt(fourth / COUNT) + 1e-12).all()


@pytest.mark.parametrize("listed", SCALARS, ids=repr)
def test_draws_pass_the_test_of_kolmogorov_and_smirnov(listed: Listed) -> None:
    x = listed.made().sample(KEY, COUNT).numpy()
    assert scipy.stats.kstest(x, listed.peer.cdf).pvalue > 1e-3


@pytest.mark.parametrize("listed", COUNTS, ids=repr)
def test_counts_pass_the_chi_square_test(listed: Listed) -> None:
    x = listed.made().sample(KEY, COUNT).numpy()
    assert x.dtype.kind == "i"
    ends = np.unique(np.quantile(x, np.linspace(0, 1, 12)[1:-1]))
    cdf = np.array([0, *listed.peer.cdf(ends), 1])
    expected = np.diff(cdf) * COUNT
    observed = np.diff([0, *((x <= end).sum() for end in ends), COUNT])
    kept = expected > 1e-9
    assert scipy.stats.chisquare(observed[kept], expected[kept], sum_check=False).pvalue > 1e-3


def test_draws_of_vectors_vary_together_as_they_should() -> None:
    normal, dirichlet = (listed.made() for listed in VECTORS)
    x = normal.sample(KEY, COUNT).numpy()
    assert np.abs(np.cov(x, rowvar=False) - normal.covariance().numpy()).max() < 0.06
    z = normal.whiten(x).numpy()
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    shares = dirichlet.sample(KEY, COUNT).numpy()
    assert_close(shares.sum(-1), np.ones(COUNT), rtol=1e-12)
    beta = scipy.stats.beta(1.5, 2.7)  # the marginal of the first of 1.5, 2.0, 0.7
    assert scipy.stats.kstest(shares[:, 0], beta.cdf).pvalue > 1e-3


@each
def test_draws_have_the_shape_asked_for_and_are_the_same_under_jit_and_for_a_key(
    listed: Listed,
) -> None:
    p = listed.made()
    x = p.sample(KEY, (2, 3))
    assert x.shape == (2, 3, *p.mean().shape)
    assert p.sample(KEY).shape == p.mean().shape
    assert_close(jit(lambda p, k: p.sample(k, (2, 3)))(p, KEY), x, rtol=1e-12)
    rows = vmap(lambda k: p.sample(k, (3,)))(random.split(KEY, 4))
    assert rows.shape[:2] == (4, 3)


IMPLICIT = ("mixture", "gamma", "beta", "dirichlet")
REPARAMETERIZED = [
    one for one in [*SCALARS, *VECTORS] if not any(name in one.name for name in IMPLICIT)
]


@pytest.mark.parametrize("listed", REPARAMETERIZED, ids=repr)
def test_derivatives_flow_through_draws(listed: Listed) -> None:
    tensors = [tensor(np.asarray(v)) for v in listed.parameters]
    check_gradients(lambda *v: listed.make(*v).sample(KEY, 3), *tensors, tolerance=1e-5)


def test_the_derivative_of_a_gamma_draw_is_that_of_the_quantile() -> None:
    units = [random.uniform(k, 50) for k in random.split(KEY, 3)]
    alpha = tensor(np.linspace(1, 20, 50))
    x = _gamma_draw(alpha, *units)
    share = gammainc(alpha, x).detach()
    expected = grad(lambda a: gammaincinv(a, share).sum())(alpha)
    assert_close(grad(lambda a: _gamma_draw(a, *units).sum())(alpha), expected, rtol=1e-7)


@pytest.mark.parametrize("make", [pr.Gamma, pr.Beta, lambda a, b: pr.Dirichlet(stack([a, b]))])
@pytest.mark.parametrize("alpha", [0.6, 2.0])
def test_the_derivative_of_a_mean_of_draws_is_that_of_the_mean(make: Any, alpha: float) -> None:
    def mean_square(parameters: tuple[Tensor, ...]) -> Tensor:
        x = make(*parameters).sample(KEY, COUNT)
        return (x * x).sum() / COUNT

    def expected(parameters: tuple[Tensor, ...]) -> Tensor:
        p = make(*parameters)
        return (p.mean() ** 2 + p.variance()).sum()

    given = tensor(alpha), tensor(3.0)
    assert_close(grad(mean_square)(given), grad(expected)(given), rtol=0.03, atol=3e-3)


@pytest.mark.parametrize("count", [100, 10_000, 20_001])
@pytest.mark.parametrize("made", [pr.Gamma(0.7, 2.0), pr.Dirichlet([0.5, 1.0, 3.0])], ids=repr)
def test_draws_in_blocks_are_those_of_a_program(
    made: Any, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    x = made.sample(KEY, count)
    assert_close(jit(lambda p, k: p.sample(k, count))(made, KEY), x, rtol=1e-13)
    monkeypatch.setenv("CHAINRULE_RUNTIME", "reference")
    assert_close(made.sample(KEY, count), x, rtol=1e-12)
    assert_close(made.sample(KEY, (1, count))[0], x, rtol=1e-12)
    assert_close(made.sample(KEY, count + 5000)[:count], x, rtol=1e-12)


def test_draws_for_tiny_concentrations_are_no_nan() -> None:
    shares = pr.Dirichlet(np.full(4, 1e-3)).sample(KEY, 100).numpy()
    assert np.isfinite(shares).all()
    assert_close(shares.max(-1), np.ones(100), atol=0.5)


@pytest.mark.parametrize("rate", [1e-3, 0.5, 3.0, 12.0, 80.0, 1e4, 1e8])
def test_the_quantiles_of_a_poisson_distribution_are_those_of_scipy(rate: float) -> None:
    shares = np.array([1e-15, 1e-9, 1e-3, 0.3, 0.5, 0.9, 1 - 1e-9, 1 - 1e-15])
    found = pr.Poisson(rate).quantile(shares).numpy()
    k = np.arange(-2, 3)[:, None] + found
    cdf = scipy.stats.poisson.cdf(k, rate)
    assert (cdf[2] >= shares * (1 - 1e-9)).all()
    assert ((cdf[1] < shares * (1 + 1e-9)) | (found == 0)).all()
