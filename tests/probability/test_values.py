"""Densities, distribution functions, moments and entropies: SciPy's values, and derivatives."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from chainrule import probability as pr
from chainrule.functions.reduction import sum
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close, check_gradients
from chainrule.transform import grad, jit, vmap
from tests.probability.distributions import ALL, COUNTS, LOCATION, SCALARS, VECTORS, Listed

each = pytest.mark.parametrize("listed", ALL, ids=repr)
each_number = pytest.mark.parametrize("listed", [*SCALARS, *COUNTS], ids=repr)
each_continuous = pytest.mark.parametrize("listed", SCALARS, ids=repr)


def log_peer(listed: Listed, x: np.ndarray) -> np.ndarray:
    if listed in COUNTS:
        return np.asarray(listed.peer.logpmf(x))
    return np.asarray(listed.peer.logpdf(x.T if listed.name == "dirichlet" else x))


@each
def test_log_densities_are_those_of_scipy(listed: Listed) -> None:
    expected = log_peer(listed, listed.points)
    assert_close(listed.made().log_density(listed.points), expected, rtol=1e-12, atol=1e-12)
    found = jit(lambda p, x: p.log_density(x))(listed.made(), tensor(listed.points))
    assert_close(found, expected, rtol=1e-12, atol=1e-12)


@each_number
def test_log_densities_at_the_edges_are_those_of_scipy(listed: Listed) -> None:
    x = np.array(listed.edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert_close(listed.made().log_density(x), log_peer(listed, x), rtol=1e-12)
    if listed not in COUNTS:
        assert np.isnan(listed.made().log_density(np.nan).numpy())


@each_number
def test_distribution_functions_are_those_of_scipy_and_their_inverses(listed: Listed) -> None:
    p = listed.made()
    x = np.concatenate([listed.points, np.array(listed.edges)])
    assert_close(p.cdf(x), np.asarray(listed.peer.cdf(x)), rtol=1e-11, atol=1e-14)
    if not hasattr(p, "quantile"):
        return
    shares = np.array([1e-6, 0.1, 0.5, 0.77, 0.999])
    assert_close(p.quantile(shares), np.asarray(listed.peer.ppf(shares)), rtol=1e-9)


@each
def test_moments_and_entropies_are_those_of_scipy(listed: Listed) -> None:
    p = listed.made()
    if listed in VECTORS:
        rows = listed.peer.cov if listed.name != "dirichlet" else listed.peer.cov()
        variance = np.diag(rows)
        mean = listed.peer.mean if listed.name != "dirichlet" else listed.peer.mean()
    else:
        variance, mean = np.asarray(listed.peer.var()), np.asarray(listed.peer.mean())
    assert_close(p.mean(), np.asarray(mean), rtol=1e-9, atol=1e-12)
    assert_close(p.variance(), np.asarray(variance), rtol=1e-9, atol=1e-12)
    assert_close(p.standard_deviation(), np.sqrt(variance), rtol=1e-9, atol=1e-12)
    if hasattr(listed.peer, "entropy"):
        assert_close(p.entropy(), np.asarray(listed.peer.entropy()), rtol=1e-9, atol=1e-9)


@each_continuous
def test_densities_integrate_to_1_and_their_logarithm_to_the_entropy(listed: Listed) -> None:
    p = listed.made()

    def integral(f: object) -> float:
        points = None if np.inf in np.abs(listed.limits) else (0.5,)
        return float(scipy.integrate.quad(f, *listed.limits, limit=400, points=points)[0])

    def term(x: float) -> float:
        log = float(p.log_density(x))
        return -np.exp(log) * log if np.isfinite(log) else 0.0

    assert abs(integral(lambda x: float(p.density(x))) - 1) < 1e-6
    tolerance = 0.05 if isinstance(p, pr.Mixture) else 1e-5
    assert abs(integral(term) - float(p.entropy())) < tolerance


@pytest.mark.parametrize("rate", [0.0, 1e-6, 0.3, 5.0, 99.9, 100.1, 5000.0])
def test_the_entropy_of_a_poisson_distribution_is_its_sum(rate: float) -> None:
    k = np.arange(0, int(rate + 40 * rate**0.5 + 60))
    log = scipy.stats.poisson.logpmf(k, rate)
    with np.errstate(invalid="ignore"):
        expected = -np.nansum(np.exp(log) * log)
    assert_close(pr.Poisson(rate).entropy(), np.asarray(expected), rtol=1e-11, atol=1e-13)


@each
def test_derivatives_by_numbers_and_parameters_are_those_of_differences(listed: Listed) -> None:
    tensors = [tensor(np.asarray(v)) for v in listed.parameters]
    x = tensor(listed.points[:3])
    on_simplex = listed.name == "dirichlet"

    def log_density(x: Tensor, *v: Tensor) -> Tensor:
        return listed.make(*v).log_density(x / x.sum(axis=-1, keepdims=True) if on_simplex else x)

    check_gradients(log_density, x, *tensors, tolerance=1e-5)
    if not isinstance(listed.made(), pr.Mixture):
        check_gradients(lambda *v: listed.make(*v).entropy(), *tensors, tolerance=1e-5)
    if listed in SCALARS:
        check_gradients(lambda x, *v: listed.make(*v).cdf(x), x, *tensors, tolerance=1e-5)


@each
def test_a_distribution_is_a_tree_that_vmap_goes_over(listed: Listed) -> None:
    several = [listed.made(), listed.make(*[v * 0.9 for v in listed.parameters])]
    from chainrule import tree
    from chainrule.functions.joining import stack

    stacked = tree.map_(lambda *leaves: stack(leaves), *several)
    x = tensor(listed.points[1])
    found = vmap(lambda p: p.log_density(x))(stacked)
    assert_close(found, np.stack([p.log_density(x).numpy() for p in several]), rtol=1e-12)


def test_parameters_broadcast_and_float32_stays() -> None:
    p = pr.Normal(tensor(np.zeros((3, 1), np.float32)), np.ones(2, np.float32))
    assert p.shape == (3, 2)
    assert p.log_density(np.zeros((4, 1, 1), np.float32)).dtype.name == "float32"
    from chainrule.functions import random

    assert p.sample(random.key(0), 5).dtype.name == "float32"
    stack = pr.MultivariateNormal(np.stack([LOCATION, -LOCATION]), np.eye(3))
    x = np.random.default_rng(0).standard_normal((4, 1, 3))
    one = [pr.MultivariateNormal(m, np.eye(3)).log_density(x[:, 0]).numpy()
           for m in (LOCATION, -LOCATION)]  # fmt: skip
    assert_close(stack.log_density(x), np.stack(one, -1), rtol=1e-12)


def test_sure_things_have_no_entropy_and_no_nan() -> None:
    sure = pr.Bernoulli(probability=[0.0, 1.0])
    assert_close(sure.entropy(), np.zeros(2))
    assert_close(sure.density(np.array([0, 1])), np.ones(2))
    assert_close(sure.log_density(1), np.array([-np.inf, 0.0]))
    assert_close(pr.Categorical([-np.inf, 0.0]).entropy(), np.asarray(0.0))
    assert_close(pr.Poisson(0.0).density(np.array([0, 1])), np.array([1.0, 0.0]))


@pytest.mark.parametrize("listed", [*SCALARS, *COUNTS], ids=repr)
def test_the_densities_of_many_numbers_are_those_of_each(listed: Listed) -> None:
    made, x = listed.made(), np.resize(listed.points, (2, 40_000))
    expected = np.resize(made.log_density(tensor(listed.points)).numpy(), x.shape)
    np.testing.assert_allclose(
        made.log_density(tensor(x)).numpy(), expected, rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("numbers", [2**13, 10_001, 2**16 + 7])
@pytest.mark.parametrize("listed", ALL, ids=repr)
def test_machine_code_goes_along_any_number_of_draws(
    listed: Listed, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    points = listed.points
    count = -(-numbers // points[0].size)
    x = points[np.random.default_rng(0).integers(0, len(points), count)]
    made = listed.made()
    of_each = dict(zip(points.tolist() if points.ndim == 1 else map(tuple, points),
                       made.log_density(tensor(points)).numpy(), strict=True))  # fmt: skip
    expected = [of_each[v if points.ndim == 1 else tuple(v)] for v in x]
    found = made.log_density(tensor(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    turned = np.asfortranarray(np.stack([x, x], 1)).transpose(1, 0, *range(2, x.ndim + 1))
    np.testing.assert_allclose(made.log_density(turned)[1], found, rtol=1e-12, atol=1e-13)


def test_vectors_that_hardly_vary_in_some_direction_have_the_densities_of_scipy() -> None:
    draw = np.random.default_rng(0)
    turn = np.linalg.qr(draw.standard_normal((8, 8)))[0]
    spread = turn * np.geomspace(1, 1e-6, 8) @ turn.T
    spread = (spread + spread.T) / 2
    x = draw.standard_normal((3000, 8)) @ np.linalg.cholesky(spread).T
    expected = scipy.stats.multivariate_normal(np.zeros(8), spread).logpdf(x)
    p = pr.MultivariateNormal(np.zeros(8), spread)
    assert_close(p.log_density(x), expected, rtol=1e-9)
    assert_close(p.log_density(x[:5]), expected[:5], rtol=1e-9)


def test_quantiles_of_one_rate_are_those_of_many() -> None:
    share = np.random.default_rng(0).uniform(size=500)
    for rate in (0.0, 0.01, 3.7, 80.0, 5000.0):
        one = pr.Poisson(rate).quantile(share).numpy()
        many = pr.Poisson(np.full(500, rate)).quantile(share).numpy()
        np.testing.assert_array_equal(one, many)
    assert pr.Poisson(900.0).quantile(1e-300).item() == scipy.stats.poisson(900).ppf(1e-300)
    assert pr.Poisson(2.0).quantile(1.0).item() == np.inf


def test_many_vectors_in_blocks_have_the_densities_of_scipy() -> None:
    draw = np.random.default_rng(0)
    spread = np.cov(draw.standard_normal((4, 20)))
    p, peer = pr.MultivariateNormal(np.ones(4), spread), scipy.stats.multivariate_normal
    x = draw.standard_normal((3, 9001, 4))
    expected = peer(np.ones(4), spread).logpdf(x)
    assert_close(p.log_density(x), expected, rtol=1e-10, atol=1e-10)
    alpha = np.array([1.0, 0.5, 2.0])
    shares = draw.dirichlet(alpha, 40_001)
    shares[-1] = [0.25, 0.75, 0.0]
    got = pr.Dirichlet(alpha).log_density(shares).numpy()
    np.testing.assert_allclose(got, scipy.stats.dirichlet.logpdf(shares.T, alpha), rtol=1e-8)
    assert got[-1] == -np.inf


def test_the_inverse_factor_that_is_kept_never_grows_stale() -> None:
    x, eye = np.ones((5, 2)), np.eye(2)
    p = pr.MultivariateNormal(np.zeros(2), eye)
    first = p.log_density(x)
    wide = p.replace(factor=tensor(2 * eye))
    assert_close(wide.log_density(x), np.full(5, -1 / 4 - np.log(2 * np.pi) - np.log(4)))
    of = jit(lambda p, x: p.log_density(x))
    for q in (p, wide, p):
        assert_close(of(q, x), q.log_density(x))
    slope = grad(lambda f: sum(p.replace(factor=f).log_density(x)))(p.factor)
    assert_close(slope, np.array([[0.0, 0.0], [5.0, 0.0]]))
    assert_close(p.log_density(x), first)
    moved, many = p.replace(location=tensor([1.0, 0.0])), np.ones((9000, 2))
    for q in (p, moved, p):
        assert_close(q.log_density(many)[:5], q.log_density(x))
    assert_close(sum(grad(lambda y: sum(p.log_density(y)))(tensor(many))), np.asarray(-18000.0))


# ---------------------------------------------------------------- at the ends


def test_what_is_no_probability_has_no_quantile() -> None:
    several = (pr.Normal(), pr.Laplace(), pr.Uniform(), pr.Exponential(), pr.Gamma(2.0),
               pr.Beta(2.0, 3.0), pr.Poisson(2.0), pr.Poisson([2.0, 3.0]))  # fmt: skip
    for p in several:
        for share in (-0.5, 1.5, np.nan):
            assert np.isnan(p.quantile(share).numpy()).all(), (p, share)


def test_nan_has_no_probability_and_infinity_none_either() -> None:
    several = (pr.Normal(), pr.Laplace(), pr.Uniform(), pr.Exponential(), pr.Gamma(2.0),
               pr.Gamma(0.5), pr.Beta(2.0, 3.0), pr.Poisson(2.0), pr.Bernoulli(0.3),
               pr.Categorical([0.0, 1.0]), pr.Mixture(pr.Bernoulli([0.3, 1.0])))  # fmt: skip
    for p in several:
        assert np.isnan(float(p.log_density(np.nan))), p
        assert np.isnan(float(p.cdf(np.nan))), p
        assert p.log_density(tensor([np.inf, -np.inf])).tolist() == [-np.inf, -np.inf], p
        assert p.cdf(tensor([np.inf, -np.inf])).tolist() == [1.0, 0.0], p


def test_laplace_quantiles_reach_far_into_the_tails() -> None:
    shares = np.array([1e-300, 1e-20, 1e-10, 0.2, 0.3, 0.5, 0.7, 0.8, 1 - 1e-10])
    expected = scipy.stats.laplace.ppf(shares, 1.0, 2.0)
    assert_close(pr.Laplace(1.0, 2.0).quantile(shares), expected, rtol=1e-14)
    near = 0.5 + np.array([-1e-10, 1e-10])
    assert_close(pr.Laplace().quantile(near), 2 * (near - 0.5), rtol=1e-9)
    check_gradients(pr.Laplace(1.0, 2.0).quantile, np.array([0.1, 0.3, 0.6, 0.9]), orders=1)
    assert float(grad(pr.Laplace(1.0, 2.0).quantile)(0.5)) == 4.0


def test_entropies_of_large_parameters_have_all_their_digits() -> None:
    for large in (99.0, 101.0, 1e6, 1e12, 1e15):
        expected = np.asarray(scipy.stats.gamma(large).entropy())
        assert_close(pr.Gamma(large).entropy(), expected, rtol=1e-11)
        normal = 0.5 * np.log(2 * np.pi * np.e * large)
        assert_close(
            pr.Poisson(large).entropy(), np.asarray(normal), rtol=1e-3 if large < 1e3 else 1e-7
        )
    narrow = pr.Gamma(tensor(1e4, dtype="float32")).entropy()
    assert_close(narrow.astype("float64"), pr.Gamma(1e4).entropy(), rtol=1e-6)
