"""Newton, Gauss–Newton and Levenberg–Marquardt: where they end, against SciPy and by hand."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, NonFiniteError

optimize = pytest.importorskip("scipy.optimize")


def data(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def rosenbrock(x: Any) -> Any:
    return cr.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_residuals(x: Any) -> Any:
    return cr.concat([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def test_newton_finds_the_logistic_regression_that_scipy_finds():
    x, w = data(0, 80, 5), data(1, 5)
    y = (np.random.default_rng(2).random(80) < 1 / (1 + np.exp(-x @ w))).astype(float)
    X, Y = cr.tensor(x), cr.tensor(y)

    def loss(w):
        return cr.mean(cr.softplus(X @ w) - Y * (X @ w)) + 0.01 * cr.sum(w * w)

    def numpy_loss(w):
        z = x @ w
        return np.mean(np.logaddexp(0, z) - y * z) + 0.01 * w @ w

    found = optim.newton(loss, cr.zeros(5), tolerance=1e-10)
    wanted = optimize.minimize(numpy_loss, np.zeros(5), tol=1e-12)
    assert found.converged
    assert found.steps <= 8
    np.testing.assert_allclose(found.parameters.numpy(), wanted.x, atol=1e-5)
    assert found.value <= wanted.fun + 1e-12


def test_newton_solves_a_quadratic_in_one_step():
    X, Y = cr.tensor(data(0, 30, 4)), cr.tensor(data(1, 30, 3))
    found = optim.newton(lambda W: cr.sum((X @ W - Y) ** 2), cr.zeros((4, 3)), tolerance=1e-9)
    wanted = np.linalg.lstsq(X.numpy(), Y.numpy(), rcond=None)[0]
    assert found.steps == 1
    np.testing.assert_allclose(found.parameters.numpy(), wanted, rtol=1e-9)


def test_newton_factorizes_a_matrix_by_turns():
    U, V = data(0, 12, 3), data(1, 9, 3)
    M = cr.tensor(U @ V.T)
    u, v = cr.tensor(data(2, 12, 3)), cr.tensor(data(3, 9, 3))
    for _ in range(40):
        fixed = v
        u = optim.newton(lambda u, v=fixed: cr.sum((u @ v.T - M) ** 2), u).parameters
        other = u
        v = optim.newton(lambda v, u=other: cr.sum((u @ v.T - M) ** 2), v).parameters
    assert cr.sum((u @ v.T - M) ** 2).item() < 1e-10


def test_newton_factorizes_a_matrix_in_both_factors_at_once():
    U, V = data(0, 6, 2), data(1, 5, 2)
    M = cr.tensor(U @ V.T)

    def loss(p):
        sizes = cr.sum(p["u"] ** 2) + cr.sum(p["v"] ** 2)
        return cr.sum((p["u"] @ p["v"].T - M) ** 2) + 0.01 * sizes

    start = {"u": cr.tensor(data(2, 6, 2)), "v": cr.tensor(data(3, 5, 2))}
    found = optim.newton(loss, start, steps=200, tolerance=1e-7)
    assert found.converged
    assert set(found.parameters) == {"u", "v"}
    nuclear = np.linalg.svd(U @ V.T, compute_uv=False)  # min ‖UVᵀ − M‖² + λ(‖U‖² + ‖V‖²)
    kept = np.maximum(nuclear - 0.01, 0)
    wanted = ((kept - nuclear) ** 2).sum() + 0.02 * kept.sum()
    assert found.value == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("count", [2, 5])
def test_newton_goes_through_the_valley_of_rosenbrock(count):
    start = np.full(count, 0.5)
    start[0] = -1.2 if count == 2 else 0.5
    found = optim.newton(rosenbrock, cr.tensor(start))
    assert found.converged
    np.testing.assert_allclose(found.parameters.numpy(), np.ones(count), atol=1e-6)
    assert all(b <= a for a, b in zip(found.history, found.history[1:], strict=False))


def test_newton_leaves_a_saddle():
    found = optim.newton(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, cr.tensor([1.0, 0.1]))
    assert found.converged
    assert abs(found.parameters[1].item()) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("method", [optim.gauss_newton, optim.levenberg_marquardt])
def test_least_squares_methods_find_the_curve_that_scipy_finds(method):
    t = np.linspace(0, 4, 40)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * data(0, 40)
    T, Y = cr.tensor(t), cr.tensor(y)

    def residuals(p):
        return p[0] * cr.exp(-p[1] * T) + p[2] - Y

    found = method(residuals, cr.tensor([1.0, 1.0, 0.0]))
    wanted, _ = optimize.curve_fit(lambda t, a, b, c: a * np.exp(-b * t) + c, t, y, [1.0, 1.0, 0.0])
    assert found.converged
    assert found.steps <= 20
    np.testing.assert_allclose(found.parameters.numpy(), wanted, rtol=1e-5)


@pytest.mark.parametrize("method", [optim.gauss_newton, optim.levenberg_marquardt])
def test_least_squares_methods_solve_rosenbrock(method):
    found = method(rosenbrock_residuals, cr.tensor([-1.2, 1.0]))
    assert found.converged
    np.testing.assert_allclose(found.parameters.numpy(), [1.0, 1.0], atol=1e-7)


def test_levenberg_marquardt_fits_a_tree_of_parameters_as_scipy_does():
    x = data(0, 50, 2)
    y = 2 * np.tanh(x @ data(5, 2) + 0.3) + 0.1 * data(1, 50)
    X, Y = cr.tensor(x), cr.tensor(y)

    def residuals(p):
        return p["scale"] * cr.tanh(X @ p["w"] + p["b"]) - Y

    start = {"w": cr.ones(2), "b": cr.tensor(0.0), "scale": cr.tensor(1.0)}
    found = optim.levenberg_marquardt(residuals, start)
    wanted = optimize.least_squares(
        lambda p: p[3] * np.tanh(x @ p[:2] + p[2]) - y, [1.0, 1.0, 0.0, 1.0], method="lm"
    )
    assert found.converged
    assert found.value == pytest.approx(wanted.cost, rel=1e-9)
    made = [*found.parameters["w"].tolist(), found.parameters["b"].item()]
    np.testing.assert_allclose(made, wanted.x[:3], rtol=1e-4)


def test_levenberg_marquardt_takes_a_singular_problem():
    X = cr.ones((6, 3))
    found = optim.levenberg_marquardt(lambda w: X @ w - 2.0, cr.zeros(3))
    assert found.converged
    np.testing.assert_allclose((X @ found.parameters).numpy(), 2.0, atol=1e-7)


def test_the_gauss_newton_matrix_is_the_product_of_jacobians():
    X = cr.tensor(data(0, 7, 3))
    residuals = lambda w: cr.tanh(X @ w)  # noqa: E731
    w = cr.tensor(data(1, 3))
    J = cr.jacobian(residuals, mode="forward")(w).numpy()
    np.testing.assert_allclose(optim.gauss_newton_matrix(residuals, w).numpy(), J.T @ J, atol=1e-12)


def test_steps_that_run_out_are_told():
    found = optim.newton(rosenbrock, cr.tensor([-1.2, 1.0]), steps=3)
    assert (found.converged, found.steps) == (False, 3)


MISTAKES = {
    "an infinite start": (
        lambda: optim.newton(lambda x: cr.sum(1 / x), cr.zeros(2)),
        NonFiniteError,
        "newton: the function is inf at the start",
    ),
    "no parameters": (
        lambda: optim.newton(lambda x: cr.tensor(1.0), {}),
        ArgumentError,
        "newton: the start has no parameters",
    ),
    "negative steps": (
        lambda: optim.gauss_newton(lambda x: x, cr.ones(2), steps=-1),
        ArgumentError,
        "gauss_newton: steps=-1, which must be a count from 0",
    ),
    "a tolerance that is no number": (
        lambda: optim.newton(lambda x: cr.sum(x * x), cr.ones(2), tolerance=float("nan")),
        ArgumentError,
        "newton: tolerance=nan, which must not be negative",
    ),
    "no damping": (
        lambda: optim.levenberg_marquardt(lambda x: x, cr.ones(2), damping=0),
        ArgumentError,
        "levenberg_marquardt: damping=0, which must be greater than 0",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_a_clear_message(name):
    call, kind, message = MISTAKES[name]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_newton_does_not_step_to_where_the_function_is_no_number():
    def rising(x: Any) -> Any:
        return cr.sum(cr.sqrt(x) - 0.1 * cr.log(x))

    found = optim.newton(rising, cr.tensor([5.0]))
    assert found.converged
    np.testing.assert_allclose(found.parameters.numpy(), [0.04], rtol=1e-6)
    below = optim.newton(lambda x: cr.sum(cr.log(x)), cr.tensor([1.0]))
    assert np.isfinite(below.value)
    assert not below.converged


def test_newton_damps_a_singular_hessian():
    one = optim.newton(lambda x: (x[0] - 1) ** 2 + 0 * x[1], cr.tensor([3.0, 2.0]))
    assert one.converged
    np.testing.assert_allclose(one.parameters.numpy(), [1.0, 2.0], rtol=1e-6)
    line = optim.newton(lambda x: cr.sum(x), cr.tensor([1.0]), steps=5)
    assert not line.converged
    assert line.value < 1
