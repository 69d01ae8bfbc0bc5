"""Softmax and its relatives at infinite inputs, and far from zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.functions.softmax import log_softmax, logsumexp, softmax
from chainrule.tensors import tensor
from chainrule.transform import grad, hessian, jacobian, jvp

INF = np.inf
ROWS = {
    "finite": ([1.0, 2.0], [0.2689414213699951, 0.7310585786300049], 2.313261687518223),
    "far": ([-1e300, 1e300], [0.0, 1.0], 1e300),
    "one +inf": ([3.0, INF], [0.0, 1.0], INF),
    "two +inf": ([INF, INF], [0.5, 0.5], INF),
    "both infinities": ([-INF, INF], [0.0, 1.0], INF),
    "one -inf": ([-INF, 5.0], [0.0, 1.0], 5.0),
    "all -inf": ([-INF, -INF], [0.0, 0.0], -INF),
    "nan": ([np.nan, 1.0], [np.nan, np.nan], np.nan),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_are_the_limits(name: str, dtype: str) -> None:
    row, p, total = ROWS[name]
    if name == "far" and dtype == "float32":
        row, total = [-1e38, 1e38], 1e38
    x = tensor(row, dtype=dtype)
    np.testing.assert_allclose(softmax(x).numpy(), p, rtol=1e-6)
    np.testing.assert_allclose(logsumexp(x).numpy(), total, rtol=1e-6)
    with np.errstate(divide="ignore"):
        expected = [-2e300, 0.0] if name == "far" else np.log(p)
    if name != "far" or dtype == "float64":
        np.testing.assert_allclose(log_softmax(x).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in ROWS if n != "nan"])
def test_derivatives_are_finite_and_equal_in_both_modes(name: str) -> None:
    row, probabilities, _ = ROWS[name]
    x, p = tensor(row), np.array(probabilities)
    np.testing.assert_allclose(grad(logsumexp)(x).numpy(), p)
    covariance = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(np.asarray(jacobian(softmax)(x)), covariance, atol=1e-15)
    np.testing.assert_allclose(np.asarray(hessian(logsumexp)(x)), covariance, atol=1e-15)
    expected = np.eye(2) - p
    np.testing.assert_allclose(np.asarray(jacobian(log_softmax)(x)), expected, atol=1e-15)
    direction = tensor([1.0, -2.0])
    for function, matrix in ((softmax, covariance), (log_softmax, expected)):
        _, tangent = jvp(function, (x,), (direction,))
        np.testing.assert_allclose(tangent.numpy(), matrix @ [1.0, -2.0], atol=1e-15)


def test_a_sum_over_nothing() -> None:
    x = tensor(np.zeros((2, 0)))
    assert logsumexp(x, axis=1).tolist() == [-INF, -INF]
    assert grad(lambda x: logsumexp(x, axis=1).sum())(x).shape == (2, 0)
    assert softmax(x).shape == log_softmax(x).shape == (2, 0)


def test_a_number_is_certain_only_along_an_axis() -> None:
    assert logsumexp(2.0).tolist() == 2.0
    assert softmax(tensor([7])).tolist() == [1.0]


def test_probabilities_of_many_classes_add_up() -> None:
    x: Any = np.random.default_rng(0).normal(0, 50, (4, 1000))
    np.testing.assert_allclose(softmax(x).numpy().sum(-1), 1, rtol=1e-14)
