"""KL(p‖q): 0 at equality, positive elsewhere, the integral's value; cross-entropy = H + KL."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import probability as pr
from chainrule.probability import cross_entropy, kl
from chainrule.tensors import Tensor, tensor
from chainrule.testing import check_gradients
from tests.probability.distributions import ALL, COUNTS, SCALARS, VECTORS, Listed

each = pytest.mark.parametrize("listed", ALL, ids=repr)
NARROW = [
    Listed("uniform inside", pr.Uniform, (0.2, 0.7), None, np.zeros(0), (), (0.2, 0.7)),
    Listed("uniform above 0", pr.Uniform, (0.5, 3.0), None, np.zeros(0), (), (0.5, 3)),
]
PAIRS = [*product([*SCALARS, *NARROW], [*SCALARS, *NARROW]), *product(COUNTS, COUNTS)]
pairs = pytest.mark.parametrize(("left", "right"), PAIRS, ids=repr)


def inside(left: Listed, right: Listed) -> bool:
    """Whether all that the first draws can be drawn by the second."""
    return left.limits[0] >= right.limits[0] and left.limits[1] <= right.limits[1]


@each
def test_a_distribution_is_at_no_distance_from_itself(listed: Listed) -> None:
    found = kl(listed.made(), listed.made())
    assert abs(float(found.value)) < 1e-12
    assert float(found.standard_error) == 0


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pairs
def test_the_divergence_is_its_integral_or_sum(left: Listed, right: Listed) -> None:
    p, q = left.made(), right.made()
    value, error = (float(v) for v in kl(p, q))

    def term(x: Any) -> float:
        ours, theirs = float(p.log_density(x)), float(q.log_density(x))
        return float(np.exp(ours)) * (ours - theirs) if np.isfinite(ours) else 0.0

    if left in COUNTS:
        k = np.arange(0, 4500 if "many" in left.name else 200)
        ours, theirs = p.log_density(k).numpy(), q.log_density(k).numpy()
        shown = np.exp(ours) > 0
        expected = float((np.exp(ours[shown]) * (ours[shown] - theirs[shown])).sum())
    elif not inside(left, right):
        expected = np.inf
    else:
        low, high = np.clip(left.limits, -40, 40)
        kinks = [x for x in (-1.0, 0.0, 0.2, 0.5, 0.7, 1.0, 2.5, 3.0) if low < x < high]
        expected = float(scipy.integrate.quad(term, low, high, limit=300, points=kinks)[0])
    if np.isinf(expected):
        assert value == np.inf
    else:
        assert abs(value - expected) < 5 * error + 1e-5 * (1 + abs(expected))


SMOOTH = [p for p in PAIRS if "mixture" not in p[0].name + p[1].name]


@pytest.mark.parametrize(("left", "right"), SMOOTH, ids=repr)
def test_the_cross_entropy_is_the_entropy_and_the_divergence(left: Listed, right: Listed) -> None:
    p, q = left.made(), right.made()
    crossed, distance = cross_entropy(p, q), kl(p, q)
    total = float(p.entropy()) + float(distance.value)
    error = float(crossed.standard_error) + float(distance.standard_error)
    if np.isinf(total):
        assert float(crossed.value) == np.inf
    else:
        assert abs(float(crossed.value) - total) < 5 * error + 1e-9 * (1 + abs(total))


def test_the_cross_entropy_of_vectors_is_the_entropy_and_the_divergence() -> None:
    for listed in VECTORS:
        p = listed.made()
        q = listed.make(*[v * 0.8 for v in listed.parameters])
        total = float(p.entropy() + kl(p, q).value)
        assert abs(float(cross_entropy(p, q).value) - total) < 1e-9
        drawn = pr.expectation(p, lambda x, p=p, q=q: p.log_density(x) - q.log_density(x))
        assert abs(float(drawn.value - kl(p, q).value)) < 5 * float(drawn.standard_error)


positive = st.floats(0.1, 10)
real = st.floats(-5, 5)
FAMILIES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "Normal": (pr.Normal, (real, positive)),
    "Laplace": (pr.Laplace, (real, positive)),
    "Exponential": (pr.Exponential, (positive,)),
    "Gamma": (pr.Gamma, (positive, positive)),
    "Beta": (pr.Beta, (positive, positive)),
    "Poisson": (pr.Poisson, (positive,)),
    "Bernoulli": (pr.Bernoulli, (real,)),
    "Categorical": (lambda a, b: pr.Categorical([0.0, a, b]), (real, real)),
    "Dirichlet": (lambda a, b: pr.Dirichlet([1.0, a, b]), (positive, positive)),
    "MultivariateNormal": (
        lambda m, s: pr.MultivariateNormal([m, 0.0], tensor([[s, 0.1], [0.1, 1.0]]) + 0.1),
        (real, positive),
    ),
    "Uniform": (lambda a: pr.Uniform(-a, a), (positive,)),
}


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data())
@settings(max_examples=40)
def test_divergences_are_not_negative_and_0_only_at_equality(name: str, data: Any) -> None:
    make, strategies = FAMILIES[name]
    first, second = (tuple(data.draw(s) for s in strategies) for _ in range(2))
    value = float(kl(make(*first), make(*second)).value)
    assert value >= -1e-12
    if max(abs(a - b) for a, b in zip(first, second, strict=True)) > 1e-3:
        assert value > 1e-10
    assert abs(float(kl(make(*first), make(*first)).value)) < 1e-12


def test_what_has_no_closed_form_is_estimated_with_its_error() -> None:
    p = pr.Mixture(pr.Normal([-2.0, 2.0], [1.0, 1.0]))
    few, many = kl(p, pr.Normal(0.0, 2.0), samples=100), kl(p, pr.Normal(0.0, 2.0), samples=40_000)
    assert 0 < float(many.standard_error) < 0.1 * float(few.standard_error)
    assert float(kl(pr.Poisson(2.0), pr.Normal(0.0, 1.0)).value) == np.inf
    assert float(kl(p, pr.Exponential(1.0)).value) == np.inf


def test_divergences_of_stacks_and_derivatives() -> None:
    stack = kl(pr.Normal([0.0, 1.0], 1.0), pr.Normal(0.0, [[1.0], [2.0], [3.0]]))
    assert stack.value.shape == stack.standard_error.shape == (3, 2)
    k = kl(pr.Categorical(np.zeros((4, 3))), pr.Categorical([0.0, 1.0, 2.0]))
    assert k.value.shape == (4,)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return kl(pr.Gamma(a, b), pr.Gamma(2.0, 1.0)).value

    check_gradients(distance, 1.5, 0.7)


def test_what_is_never_drawn_makes_no_divergence_infinite() -> None:
    unit = pr.Uniform(0.0, 1.0)
    one_of_two = pr.Mixture([unit, pr.Uniform(5.0, 6.0)], probabilities=[1.0, 0.0])
    stacked = pr.Mixture(pr.Uniform([0.0, 5.0], [1.0, 6.0]), probabilities=[1.0, 0.0])
    for p in (one_of_two, stacked):
        assert float(kl(p, unit).value) == 0.0
        assert float(cross_entropy(p, pr.Uniform(0.0, 2.0)).value) == np.log(2)
        assert float(kl(p, pr.Uniform(0.5, 2.0)).value) == np.inf
    coin = pr.Bernoulli(probability=0.25)
    assert abs(float(kl(pr.Poisson(0.0), coin).value) + np.log(0.75)) < 1e-12
    two = pr.Mixture(pr.Categorical(probabilities=[[0.5, 0.5, 0.0], [0.1, 0.9, 0.0]]))
    value, error = kl(two, pr.Bernoulli(probability=0.7))
    assert abs(float(value)) <= 5 * float(error) + 1e-12
    assert float(kl(pr.Mixture(pr.Bernoulli([0.0, 1.0])), pr.Poisson(0.0)).value) == np.inf


def test_divergences_of_what_hardly_differs_are_not_lost_in_rounding() -> None:
    for part in (1e-3, 1e-6, 1e-8):
        for p, q, second in (
            (pr.Poisson(1e6), pr.Poisson(1e6 * (1 + part)), 1e6),
            (pr.Laplace(0.0, 2.0), pr.Laplace(2.0 * part, 2.0), 1.0),
            (pr.Laplace(1.0, 2.0), pr.Laplace(1.0, 2.0 * (1 + part)), 1.0),
        ):
            expected = 0.5 * second * part**2
            np.testing.assert_allclose(float(kl(p, q).value), expected, rtol=2e-3 + 1e-14 / part)
    for p, q, expected in (
        (pr.Poisson(0.0), pr.Poisson(3.0), 3.0),
        (pr.Poisson(0.0), pr.Poisson(0.0), 0.0),
        (pr.Poisson(2.0), pr.Poisson(0.0), np.inf),
    ):
        assert float(kl(p, q).value) == expected
