"""Line searches, L-BFGS and conjugate gradients: their conditions, and SciPy's minima."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim

optimize = pytest.importorskip("scipy.optimize")

METHODS = {
    "L-BFGS-B": optim.lbfgs,
    "CG": optim.conjugate_gradient,
    "CG of Hager and Zhang": lambda loss, start, **settings: optim.conjugate_gradient(
        loss, start, conjugacy="hager-zhang", **settings
    ),
}
STARTS = {2: [-1.2, 1.0], 10: [-1.2, 1.0] * 5, 100: [-1.2, 1.0] * 50}


def rosenbrock(x: Any) -> Any:
    return cr.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def scipy_minimum(name, function, start):
    options = {"maxiter": 10_000, "gtol": 1e-8}
    options |= {"ftol": 0, "maxfun": 10_000} if name == "L-BFGS-B" else {}
    return optimize.minimize(
        function, start, jac=True, method=name.partition(" ")[0], options=options
    )


@pytest.mark.parametrize("size", STARTS)
@pytest.mark.parametrize("name", METHODS)
def test_rosenbrock_takes_about_as_many_evaluations_as_in_scipy(name, size):
    found = METHODS[name](rosenbrock, cr.tensor(STARTS[size]))
    wanted = scipy_minimum(name, lambda x: (optimize.rosen(x), optimize.rosen_der(x)), STARTS[size])
    assert found.converged
    assert found.gradient_norm <= 1e-8
    assert found.evaluations <= 1.7 * wanted.nfev
    np.testing.assert_allclose(found.parameters.numpy(), wanted.x, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_logistic_regression_has_the_minimum_of_scipy(name):
    dice = np.random.default_rng(0)
    x = dice.standard_normal((500, 20)) * np.logspace(-1, 1, 20)
    y = (dice.random(500) < 1 / (1 + np.exp(-x @ dice.standard_normal(20)))).astype(float)
    X, Y = cr.tensor(x), cr.tensor(y)

    def loss(w):
        z = X @ w
        return cr.mean(cr.softplus(z) - Y * z) + 1e-3 * cr.sum(w * w)

    def by_hand(w):
        z = x @ w
        value = np.mean(np.logaddexp(0, z) - y * z) + 1e-3 * w @ w
        return value, x.T @ (1 / (1 + np.exp(-z)) - y) / len(y) + 2e-3 * w

    found = METHODS[name](loss, cr.zeros(20))
    wanted = scipy_minimum(name, by_hand, np.zeros(20))
    assert found.converged
    assert found.value == pytest.approx(wanted.fun, rel=1e-10)
    assert found.evaluations <= 1.5 * wanted.nfev
    np.testing.assert_allclose(found.parameters.numpy(), wanted.x, atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_a_quadratic_of_n_curvatures_takes_about_n_steps(name):
    scales = cr.tensor(np.arange(1.0, 9.0))
    found = METHODS[name](lambda x: cr.sum(scales * x * x) / 2, cr.ones(8), tolerance=1e-7)
    assert found.converged
    assert found.steps <= 25


@pytest.mark.parametrize("name", METHODS)
def test_a_tree_of_parameters_keeps_its_form_and_dtypes(name):
    X = cr.tensor(np.random.default_rng(0).standard_normal((30, 4)), dtype="float32")
    Y = cr.tensor(np.random.default_rng(1).standard_normal((30, 2)), dtype="float32")
    start = {"w": cr.zeros((4, 2), dtype="float32"), "b": cr.zeros(2, dtype="float32")}
    loss = lambda p: cr.mean((X @ p["w"] + p["b"] - Y) ** 2)  # noqa: E731
    found = METHODS[name](loss, start, tolerance=1e-5)
    assert found.converged
    assert {leaf.dtype for leaf in found.parameters.values()} == {cr.float32}
    ones = np.hstack([X.numpy(), np.ones((30, 1), np.float32)])
    wanted = np.linalg.lstsq(ones, Y.numpy(), rcond=None)[0]
    np.testing.assert_allclose(found.parameters["w"].numpy(), wanted[:4], atol=1e-3)
    np.testing.assert_allclose(found.parameters["b"].numpy(), wanted[4], atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_steps_that_lead_to_infinity_are_shortened(name):
    loss = lambda x: cr.sum(x - cr.log(x))  # noqa: E731  nan for x < 0
    found = METHODS[name](loss, cr.tensor([1e-3, 20.0]))
    assert found.converged
    np.testing.assert_allclose(found.parameters.numpy(), 1.0, atol=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_a_loss_that_branches_on_values_runs_uncompiled(name):
    def loss(x):
        return cr.sum(x * x) if x[0].detach().item() < 1 else cr.sum(x * x) * 2 - 1

    assert METHODS[name](loss, cr.tensor([3.0, 2.0]), compiled=False).converged


@pytest.mark.parametrize("name", METHODS)
def test_a_function_without_a_minimum_ends_unconverged(name):
    found = METHODS[name](lambda x: -cr.sum(x), cr.zeros(2), steps=5)
    assert not found.converged
    assert found.value < 0


def test_lbfgs_runs_with_backtracking():
    found = optim.lbfgs(rosenbrock, cr.tensor(STARTS[10]), line_search=optim.Backtracking())
    assert found.converged
    assert found.evaluations < 200


def test_the_history_tells_each_step_and_equal_runs_are_equal_to_the_bit():
    one, two = (optim.lbfgs(rosenbrock, cr.tensor(STARTS[10])) for _ in range(2))
    assert one.history == two.history
    assert len(one.history) <= one.steps + 1 <= one.evaluations
    assert one.history[0] == rosenbrock(cr.tensor(STARTS[10])).item()
    assert one.history[-1] == one.value


# ---------------------------------------------------------------- line searches

# The functions of more1994line, sec. 5: (φ, first lengths).
BETA = 0.004


def _more_thuente_1(a):
    return -a / (a**2 + 2)


def _more_thuente_2(a):
    return (a + BETA) ** 5 - 2 * (a + BETA) ** 4


CURVES = {"1": _more_thuente_1, "2": _more_thuente_2, "a quartic": lambda a: (a - 7.0) ** 4 - a}


@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize("c2", [0.1, 0.9])
@pytest.mark.parametrize("curve", CURVES)
def test_strong_wolfe_keeps_its_conditions_from_any_first_length(curve, c2, first):
    phi = CURVES[curve]
    found = optim.StrongWolfe(c1=1e-3, c2=c2)(phi, cr.tensor(0.0), cr.tensor(1.0), first=first)
    assert found is not None
    value, slope = (f(cr.tensor(0.0)).item() for f in (phi, cr.grad(phi)))
    at = cr.grad(phi)(cr.tensor(found.length)).item()
    assert found.value <= value + 1e-3 * found.length * slope
    assert abs(at) <= c2 * abs(slope)
    assert found.slope == pytest.approx(at)
    assert found.evaluations <= 18


def test_backtracking_takes_the_first_length_that_decreases_enough():
    loss = lambda x: cr.sum(x * x)  # noqa: E731
    found = optim.Backtracking(shrink=0.5)(loss, cr.tensor([1.0, 0.0]), cr.tensor([-16.0, 0.0]))
    # α = 1, ½, ¼ and ⅛ give 225, 49, 9 and 1; 1/16 gives 0.
    assert (found.length, found.value, found.evaluations) == (1 / 16, 0.0, 6)


def test_no_length_is_told_by_none():
    step = lambda x: -x + 1e9 * cr.relu(x)  # noqa: E731  up at once, though its slope at 0 is down
    assert optim.Backtracking(most=3)(step, cr.tensor(0.0), cr.tensor(1.0)) is None


# ---------------------------------------------------------------- update rules


@pytest.mark.parametrize("rule", [optim.SGD(0.2, momentum=0.5), optim.Adam(0.1), optim.Lion(0.01)])
def test_descend_takes_the_steps_of_an_optimizer(rule):
    loss = lambda p: cr.sum((p["a"] - 2) ** 2) + p["b"] ** 2  # noqa: E731
    start = {"a": cr.zeros(2), "b": cr.tensor(1.0)}
    found = optim.descend(loss, start, rule, steps=3)
    model, state = start, rule.init(start)
    for _ in range(3):
        model, state = rule.update(cr.grad(loss)(model), state, model)
    np.testing.assert_allclose(found.parameters["a"].numpy(), model["a"].numpy(), rtol=1e-12)
    assert (found.steps, found.evaluations, len(found.history)) == (3, 4, 4)


def test_descend_gives_the_averaged_weights():
    rule = optim.Averaged(optim.SGD(0.5), decay=0.5)
    found = optim.descend(lambda x: -cr.sum(x), cr.zeros(1), rule, steps=2)
    assert found.parameters.tolist() == pytest.approx([5 / 6])
    assert found.value == pytest.approx(-5 / 6)
