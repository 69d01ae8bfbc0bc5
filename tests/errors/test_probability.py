"""What distributions say, word for word."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import probability as pr
from chainrule.errors import ArgumentError, ShapeError
from tests.errors.raised import message


@pytest.mark.parametrize(
    ("run", "name", "at", "value", "words", "shape"),
    [
        (lambda: pr.Normal(0.0, -1.0), "Normal: scale", "", -1.0, "be greater than 0", ""),
        (lambda: pr.Normal(0.0, [1.0, 0.0]), "Normal: scale", "[1]", 0.0, "be greater than 0", "2"),
        (lambda: pr.Normal(np.nan, 1.0), "Normal: location", "", np.nan, "be finite", ""),
        (lambda: pr.Laplace(0.0, np.inf), "Laplace: scale", "", np.inf, "be finite", ""),
        (lambda: pr.Uniform(1.0, 1.0), "Uniform: high − low", "", 0.0, "be greater than 0", ""),
        (lambda: pr.Exponential(-2.0), "Exponential: rate", "", -2.0, "be greater than 0", ""),
        (lambda: pr.Gamma(0.0), "Gamma: concentration", "", 0.0, "be greater than 0", ""),
        (lambda: pr.Beta(1.0, np.nan), "Beta: beta", "", np.nan, "be greater than 0", ""),
        (lambda: pr.Poisson(1e20).sample(cr.random.key(0)), "Poisson.sample: rate", "", 1e20,
         "be less than 2⁶², since draws are int64", ""),
        (lambda: pr.Poisson(-1.0), "Poisson: rate", "", -1.0, "be 0 or greater", ""),
        (lambda: pr.Bernoulli(probability=1.2), "Bernoulli: probability", "", 1.2,
         "lie between 0 and 1", ""),
        (lambda: pr.Categorical(probabilities=[0.0, 0.0]), "Categorical: sum(probabilities)", "[0]",
         0.0, "be greater than 0", "1"),
        (lambda: pr.Dirichlet([1.0, -1.0]), "Dirichlet: concentration", "[1]", -1.0,
         "be greater than 0", "2"),
        (lambda: pr.Normal.fit(np.array([1.0, np.nan])), "Normal.fit: x", "[1]", np.nan,
         "be finite", "2"),
        (lambda: pr.Exponential.fit(np.array([-1.0])), "Exponential.fit: x", "[0]", -1.0,
         "be 0 or greater", "1"),
        (lambda: pr.Gamma.fit(np.array([0.0])), "Gamma.fit: x", "[0]", 0.0, "be greater than 0",
         "1"),
        (lambda: pr.Beta.fit(np.array([1.0])), "Beta.fit: x", "[0]", 1.0,
         "lie between 0 and 1, exclusive", "1"),
        (lambda: pr.Bernoulli.fit(np.array([2.0])), "Bernoulli.fit: x", "[0]", 2.0, "be 0 or 1",
         "1"),
        (lambda: pr.Poisson.fit(np.array([0.5])), "Poisson.fit: x", "[0]", 0.5,
         "be a whole number, 0 or greater", "1"),
        (lambda: pr.Categorical.fit(np.array([3.0]), classes=2), "Categorical.fit: x", "[0]", 3.0,
         "be less than 2, the number of classes", "1"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be(
    run: Callable[[], Any], name: str, at: str, value: float, words: str, shape: str
) -> None:
    label = name.split(": ")[1]
    assert message(ArgumentError, run) == (
        f"{name}{at} is {value!r}, and must {words}\n\n    {label}   f64[{shape}]"
    )


def test_a_number_of_classes_is_one() -> None:
    several: list[Any] = [0, 2.5]
    for classes in several:
        run = partial(pr.Categorical.fit, [0.0, 1.0], classes=classes)
        assert message(ArgumentError, run) == (
            f"Categorical.fit: classes={classes!r}, which is no number of them"
        )


def test_data_that_all_are_equal_have_no_spread() -> None:
    for equal in (np.full(10, 0.3), np.full(1, 0.3)):
        assert message(ArgumentError, partial(pr.Beta.fit, equal)) == (
            "Beta.fit: variance(x)[0] is 0.0, and must be greater than 0\n\n"
            "    variance(x)   f64[1]"
        )
    assert message(ArgumentError, lambda: pr.Normal.fit(np.ones(3))) == (
        "Normal: scale is 0.0, and must be greater than 0\n\n    scale   f64[]"
    )


@pytest.mark.parametrize(
    "family", [pr.Normal, pr.Laplace, pr.Uniform, pr.Exponential, pr.Gamma, pr.Beta, pr.Bernoulli,
               pr.Categorical, pr.Poisson], ids=lambda f: f.__name__,
)  # fmt: skip
def test_no_data(family: Any) -> None:
    assert message(ArgumentError, lambda: family.fit(np.zeros(0))) == (
        f"{family.__name__}.fit: there are no data\n\n    x   f64[0]\n\n"
        "  Nothing is most likely of nothing."
    )


def test_weights_of_a_fit() -> None:
    assert message(ShapeError, lambda: pr.Normal.fit(np.ones(3), weights=np.ones(2))) == (
        "Normal.fit: there is not one weight for each row\n\n"
        "    x         f64[3]\n    weights   f64[2]"
    )
    assert message(ArgumentError, lambda: pr.Normal.fit(np.ones(2), weights=np.zeros(2))) == (
        "Normal.fit: all weights are 0, so there are no data"
    )
    assert message(ShapeError, lambda: pr.MultivariateNormal.fit(np.ones(3))) == (
        "MultivariateNormal.fit: data have 2 axes or more, the first of which counts the draws\n\n"
        "    x   f64[3]"
    )


def test_matrices_that_are_no_covariance() -> None:
    zero = [0.0, 0.0]
    assert message(
        ArgumentError, lambda: pr.MultivariateNormal(zero, np.array([[1.0, 2.0], [2.0, 1.0]]))
    ) == (
        "MultivariateNormal: the covariance is not positive definite: its smallest eigenvalue is "
        "-1\n\n    covariance   f64[2, 2]\n\n"
        "  Vectors that vary in fewer directions than they have numbers have no density."
    )
    assert (
        message(
            ArgumentError, lambda: pr.MultivariateNormal(zero, np.array([[1.0, 0.5], [0.0, 1.0]]))
        )
        == "MultivariateNormal: the covariance is not symmetric\n\n    covariance   f64[2, 2]"
    )
    assert (
        message(
            ArgumentError, lambda: pr.MultivariateNormal(zero, factor=np.array([[1.0, 0.5], zero]))
        )
        == "MultivariateNormal: the factor is not lower triangular\n\n    factor   f64[2, 2]"
    )
    assert message(ArgumentError, lambda: pr.MultivariateNormal(zero)) == (
        "MultivariateNormal: give either covariance or factor=…"
    )
    assert message(ShapeError, lambda: pr.MultivariateNormal(zero, np.eye(3))) == (
        "MultivariateNormal: the location has d numbers and the covariance d rows and columns\n\n"
        "    location     f64[2]\n    covariance   f64[3, 3]"
    )
    assert message(
        ShapeError, lambda: pr.MultivariateNormal(np.zeros((2, 2)), np.stack([np.eye(2)] * 3))
    ) == (
        "MultivariateNormal: the stacks of locations and of matrices do not broadcast\n\n"
        "    location     f64[2, 2]\n    covariance   f64[3, 2, 2]"
    )
    p = pr.MultivariateNormal(zero, np.eye(2))
    assert message(ShapeError, lambda: p.log_density(np.ones(3))) == (
        "MultivariateNormal.log_density: x has another number of features\n\n"
        "    x          f64[3]\n    location   f64[2]"
    )


def test_classes_that_do_not_fit() -> None:
    assert message(ShapeError, lambda: pr.Dirichlet(1.0)) == (
        "Dirichlet: the last axis of the concentration counts the classes, of which there is one "
        "at least\n\n    concentration   f64[]"
    )
    assert message(ShapeError, lambda: pr.Dirichlet([1.0, 1.0]).log_density(np.ones(3))) == (
        "Dirichlet.log_density: x has another number of classes\n\n"
        "    x               f64[3]\n    concentration   f64[2]"
    )
    assert message(ShapeError, lambda: pr.Categorical(1.0)) == (
        "Categorical: the last axis of the logits counts the classes, of which there is one at "
        "least\n\n    logits   f64[]"
    )
    assert message(ArgumentError, lambda: pr.Categorical()) == (
        "Categorical: give either logits or probabilities=…"
    )
    assert message(ArgumentError, lambda: pr.Bernoulli(0.0, probability=0.5)) == (
        "Bernoulli: give either logits or probability=…"
    )


def test_mixtures_of_what_does_not_mix() -> None:
    normal = pr.Normal(0.0, 1.0)
    assert message(ArgumentError, lambda: pr.Mixture([normal, pr.Poisson(1.0)])) == (
        "Mixture: draws of Normal, Poisson are not of one kind\n\n"
        "  All are numbers or all vectors, and all discrete or all continuous."
    )
    assert message(ShapeError, lambda: pr.Mixture(normal)) == (
        "Mixture: the last axis of the components counts them, and "
        "Normal(location=Tensor(0.), scale=Tensor(1.)) has none"
    )
    assert message(ShapeError, lambda: pr.Mixture([normal, normal], logits=[0.0] * 3)) == (
        "Mixture: there is not one logit for each of 2 components\n\n    logits   f64[3]"
    )
    several: list[Any] = [normal, pr.Normal([0.0, 1.0])]
    assert message(ShapeError, lambda: pr.Mixture(several)) == (
        "Mixture: the components have the shapes [], [2]\n\n"
        "  They have one shape: that of the mixture."
    )
    several = [normal, 3.0]
    assert message(ArgumentError, lambda: pr.Mixture(several)) == (
        "Mixture: 3.0 is no distribution, as Normal(0.0, 1.0) is"
    )
    assert message(ArgumentError, lambda: pr.Mixture([normal], logits=[-np.inf])) == (
        "Mixture: max(logits) is -inf, and must be greater than −∞\n\n    max(logits)   f64[]"
    )
    rows = np.ones((2, 2))
    families: list[Any] = [pr.Mixture, normal]
    for family in families:
        run = partial(pr.Mixture.fit, rows[0], family, components=1)
        assert message(ArgumentError, run) == (
            f"Mixture.fit: family is {family!r}; it is a class of distributions, as Normal is"
        )
    assert message(ArgumentError, lambda: pr.Mixture.fit(rows[0], pr.Normal, components=3)) == (
        "Mixture.fit: 3 components of 2 rows\n\n    x   f64[2]"
    )
    assert message(ShapeError, lambda: pr.Mixture.fit(rows, pr.Normal, components=1)) == (
        "Mixture.fit: rows of a Normal have 0 axes\n\n    x   f64[2, 2]"
    )


def test_divergences_of_what_cannot_be_compared() -> None:
    p, q = pr.Normal(0.0, 1.0), pr.Dirichlet([1.0, 1.0])
    for function in (pr.kl, pr.cross_entropy):
        assert message(ArgumentError, lambda function=function: function(p, q)) == (
            f"{function.__name__}: a draw of p has 0 axes, one of q 1\n\n"
            "    p   Normal\n    q   Dirichlet"
        )
    assert message(ArgumentError, lambda: pr.expectation(p, lambda x: x, samples=1)) == (
        "expectation: of 1 sample there is no standard error; of two there is"
    )
