"""First values: their distributions, by large samples."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.functions import random
from chainrule.nn import initialization as init
from chainrule.transform import jit

SHAPE = (300, 500)
KEY = random.key(7)
# The variance of each, and the largest magnitude where there is one.
SCALED: dict[str, tuple[init.Initializer, float, float]] = {
    "uniform": (init.uniform(-0.2, 0.2), 0.16 / 12, 0.2),
    "normal": (init.normal(0.3), 0.09, math.inf),
    "truncated_normal": (init.truncated_normal(0.3), 0.09 * 0.77374, 0.6),
    "glorot_uniform": (init.glorot_uniform(), 2 / 800, math.sqrt(6 / 800)),
    "glorot_normal": (init.glorot_normal(), 2 / 800, math.inf),
    "he_uniform": (init.he_uniform(), 2 / 500, math.sqrt(6 / 500)),
    "he_normal": (init.he_normal(), 2 / 500, math.inf),
    "he_normal, leaky": (init.he_normal(0.5), 2 / 1.25 / 500, math.inf),
    "lecun_uniform": (init.lecun_uniform(), 1 / 500, math.sqrt(3 / 500)),
    "lecun_normal": (init.lecun_normal(), 1 / 500, math.inf),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SCALED)
def test_the_sample_has_the_variance_and_the_bounds_of_the_paper(name: str, dtype: str) -> None:
    initializer, variance, bound = SCALED[name]
    drawn = initializer(KEY, SHAPE, dtype)
    values = drawn.numpy().astype(np.float64)
    assert (drawn.shape, drawn.dtype.name) == (SHAPE, dtype)
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    assert abs(values.var() / variance - 1) < 0.015
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    if bound < math.inf:
        assert np.abs(values).max() > 0.99 * bound


def test_a_kernel_multiplies_the_fans() -> None:
    values = init.he_normal()(KEY, (64, 32, 5, 5)).numpy()
    assert abs(values.var() / (2 / (32 * 25)) - 1) < 0.03
    values = init.glorot_normal()(KEY, (64, 32, 5, 5)).numpy()
    assert abs(values.var() / (2 / (96 * 25)) - 1) < 0.03


def test_the_truncated_normal_has_the_quantiles_of_its_distribution() -> None:
    from scipy.stats import kstest, truncnorm

    values = init.truncated_normal(2.0, mean=1.0)(KEY, (40_000,), "float64").numpy()
    assert kstest(values, truncnorm(-2, 2, loc=1, scale=2).cdf).pvalue > 0.01


def test_numbers_that_are_given_are_everywhere() -> None:
    for initializer, value in ((init.zeros(), 0), (init.ones(), 1), (init.constant(0.5), 0.5)):
        assert initializer(KEY, (2, 3)).tolist() == [[value] * 3] * 2


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5), (6, 2, 2), (2, 3, 2)])
def test_an_orthogonal_matrix_is_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(2.0)(KEY, shape, "float64").numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    keys = random.split(KEY, 200)
    corners = cr.vmap(lambda key: init.orthogonal()(key, (2, 2), "float64")[0, 0])(keys).numpy()
    assert 70 < np.sum(corners > 0) < 130


@pytest.mark.parametrize("name", SCALED)
def test_jit_draws_the_same(name: str) -> None:
    initializer = SCALED[name][0]
    compiled = jit(lambda key: initializer(key, (3, 4), "float64"))
    np.testing.assert_allclose(
        compiled(KEY).numpy(), initializer(KEY, (3, 4), "float64").numpy(), rtol=1e-14
    )


def test_an_initializer_shows_its_settings() -> None:
    assert repr(init.he_normal()) == "he_normal(negative_slope=0)"
    assert init.normal(0.5) == init.normal(0.5) != init.normal(0.6)
