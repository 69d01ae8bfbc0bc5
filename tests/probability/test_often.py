"""Densities that are asked for again and again: one call of machine code for any size."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats

from chainrule import probability as pr
from chainrule.errors import ShapeError
from chainrule.functions.reduction import sum
from chainrule.runtime import filling
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close
from chainrule.transform import grad, jit, vmap

DRAW = np.random.default_rng(0)
SPREAD = np.cov(DRAW.standard_normal((8, 50)))
OFTEN = 20


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")


def often(p: pr.Distribution, x: Tensor) -> Tensor:
    """What a distribution gives when it was asked often enough to have a shorter way."""
    for _ in range(OFTEN):
        found = p.log_density(x)
    return found


@pytest.fixture
def fills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were asked for on the longer way, from now on."""
    seen: list[int] = []
    whole = filling.Filling.__call__

    def noted(self: filling.Filling, count: int, *others: object) -> object:
        seen.append(count)
        return whole(self, count, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(filling.Filling, "__call__", noted)
    return seen


def test_both_ways_give_the_same_bits_for_any_number_of_vectors(fills: list[int]) -> None:
    p = pr.MultivariateNormal(np.zeros(8), SPREAD)
    x = DRAW.standard_normal((5000, 8))
    long = pr.MultivariateNormal(np.zeros(8), SPREAD)
    often(p, tensor(x[:2000]))
    for count in (1024, 1025, 1250, 2048, 4999):
        fills.clear()
        found = p.log_density(tensor(x[:count])).numpy()
        assert not fills
        assert found.shape == (count,)
        assert found.tobytes() == long.log_density(tensor(x[:count])).numpy().tobytes()
        peer = scipy.stats.multivariate_normal(np.zeros(8), SPREAD).logpdf(x[:count])
        np.testing.assert_allclose(found, peer, rtol=1e-11)


def test_places_of_a_distribution_and_their_draws_lie_in_order(fills: list[int]) -> None:
    means = DRAW.standard_normal((3, 8))
    p = pr.MultivariateNormal(means, np.stack([SPREAD] * 3))
    x = DRAW.standard_normal((1001, 3, 8))
    often(p, tensor(x))
    fills.clear()
    found = p.log_density(tensor(x)).numpy()
    assert not fills
    for k in range(3):
        peer = scipy.stats.multivariate_normal(means[k], SPREAD).logpdf(x[:, k])
        np.testing.assert_allclose(found[:, k], peer, rtol=1e-11)


def test_what_is_of_another_kind_goes_the_longer_way() -> None:
    p = pr.Normal(0.7, 1.4)
    x = DRAW.standard_normal((100, 100))
    flat = often(p, tensor(x.ravel())).numpy()
    for given in (x, tensor(x), tensor(x.T).mT, x.astype(">f8"), np.asfortranarray(x)):
        np.testing.assert_array_equal(p.log_density(given).numpy(), flat.reshape(100, 100))
    half = p.log_density(tensor(x.ravel().astype("float32")))
    np.testing.assert_allclose(half.numpy(), flat, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(p.log_density(tensor(x[0])).numpy(), flat[:100], rtol=1e-14)
    q = pr.MultivariateNormal(np.zeros(8), SPREAD)
    often(q, tensor(x[:, :96].reshape(-1, 8)))
    with pytest.raises(ShapeError, match="another number of features"):
        q.log_density(tensor(x))


def test_results_have_memory_of_their_own() -> None:
    p, x = pr.Normal(0.0, 1.0), DRAW.standard_normal((30, 10_000))
    often(p, tensor(x[0]))
    made = [p.log_density(tensor(row)).numpy() for row in x]
    np.testing.assert_allclose(made, scipy.stats.norm.logpdf(x), rtol=1e-13)
    assert all(row.ctypes.data % 64 == 0 for row in made)
    several = p.log_density(tensor(x[0]))._value
    assert several is not None
    assert several.flags.c_contiguous
    assert several.flags.writeable


def test_derivatives_maps_and_programs_see_through_it() -> None:
    p, x = pr.Normal(0.5, 2.0), tensor(DRAW.standard_normal(10_000))
    expected = often(p, x).numpy()
    slopes = grad(lambda x: sum(p.log_density(x)))(x)
    np.testing.assert_allclose(slopes.numpy(), -(x.numpy() - 0.5) / 4, rtol=1e-13)
    of_scale = grad(lambda s: sum(p.replace(scale=s).log_density(x)))(p.scale)
    assert_close(of_scale, grad(lambda s: sum(pr.Normal(0.5, s).log_density(x)))(p.scale))
    assert_close(jit(p.log_density)(x), expected, rtol=1e-13)
    rows = vmap(p.log_density)(x.reshape(100, 100))
    np.testing.assert_allclose(rows.numpy().ravel(), expected, rtol=1e-13)
    wide = p.replace(scale=tensor(4.0))
    assert_close(often(wide, x), scipy.stats.norm(0.5, 4).logpdf(x.numpy()), rtol=1e-12)
    np.testing.assert_array_equal(p.log_density(x).numpy(), expected)


def test_jit_notices_a_distribution_that_is_bound_anew() -> None:
    p, x = pr.Normal(0.5, 2.0), tensor(DRAW.standard_normal(10_000))
    often(p, x)
    f = jit(lambda x: p.log_density(x))
    for _ in range(5):
        f(x)
    p = pr.Normal(0.0, 1.0)
    assert_close(f(x), scipy.stats.norm.logpdf(x.numpy()), rtol=1e-12)


def test_threads_ask_at_once() -> None:
    p = pr.Normal(0.0, 1.0)
    rows = [tensor(DRAW.standard_normal(9000 + 17 * k)) for k in range(40)]
    often(p, rows[0])
    expected = [pr.Normal(0.0, 1.0).log_density(row).numpy() for row in rows]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, wanted in zip(pool.map(p.log_density, rows), expected, strict=True):
                np.testing.assert_array_equal(found.numpy(), wanted)


def test_a_distribution_that_was_asked_is_pickled_and_copied_as_a_new_one_is() -> None:
    several = (
        (pr.Normal(0.5, 2.0), DRAW.standard_normal(20_000)),
        (pr.Mixture([pr.Gamma(2.0), pr.Exponential(1.0)]), DRAW.uniform(1.0, 2.0, 20_000)),
        (pr.MultivariateNormal(np.zeros(8), SPREAD), DRAW.standard_normal((5_000, 8))),
        (pr.Dirichlet([1.0, 2.0]), DRAW.dirichlet([1.0, 2.0], 10_000)),
    )
    for p, x in several:
        expected = often(p, tensor(x))
        for again in (pickle.loads(pickle.dumps(p)), copy.deepcopy(p), copy.copy(p)):
            assert repr(again) == repr(p)
            assert_close(again.log_density(x), expected, rtol=1e-12)
