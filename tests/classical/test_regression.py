"""Linear, ridge and Bayesian regression: closed forms, every way to solve, the evidence itself."""

import numpy as np
import pytest
import scipy.stats

from chainrule.classical import BayesianLinearRegression, LinearRegression, RidgeRegression

generator = np.random.default_rng(0)
X = generator.standard_normal((60, 4)) * [1, 2, 0.5, 3] + [5, 0, -2, 1]
TRUE = np.array([[1.0, -2.0, 0.5, 0.0], [0.0, 1.0, 3.0, -1.0]])
Y = X @ TRUE.T + [3.0, -1.0] + 0.3 * generator.standard_normal((60, 2))
WEIGHT = generator.integers(0, 4, 60).astype(float)
WIDE = generator.standard_normal((8, 20))


def penalized(x: np.ndarray, y: np.ndarray, w: np.ndarray, alpha: float) -> np.ndarray:
    """Coefficients and intercept by the normal equations with a column of ones."""
    ones = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.diag([alpha] * x.shape[1] + [0.0])
    return np.linalg.solve((ones.T * w) @ ones + penalty, (ones.T * w) @ y)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("x", [X, X[:, :1], WIDE], ids=["tall", "one column", "wide"])
def test_ridge_solves_its_normal_equations(x: np.ndarray, alpha: float) -> None:
    y, w = Y[: len(x)], WEIGHT[: len(x)]
    model = RidgeRegression(alpha).fit(x, y, w)
    expected = penalized(x, y, w, alpha)
    np.testing.assert_allclose(model.coef_.T, expected[:-1], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model.intercept_, expected[-1], rtol=1e-8)


def test_each_output_may_have_its_own_penalty() -> None:
    model = RidgeRegression([0.5, 20.0]).fit(X, Y)
    for k, alpha in enumerate([0.5, 20.0]):
        alone = RidgeRegression(alpha).fit(X, Y[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_, rtol=1e-10)


def test_least_squares_is_that_of_numpy_and_keeps_its_digits() -> None:
    power = np.vander(np.linspace(0, 1, 40), 9)[:, :-1]  # condition 10⁶, squared 10¹²
    y = power @ np.arange(1.0, 9.0) + 2
    model = LinearRegression().fit(power, y)
    np.testing.assert_allclose(model.coef_, np.arange(1.0, 9.0), rtol=1e-7)
    expected = np.linalg.lstsq(np.hstack([X, np.ones((60, 1))]), Y)[0]
    np.testing.assert_allclose(LinearRegression().fit(X, Y).coef_.T, expected[:-1], rtol=1e-10)


@pytest.mark.parametrize("x", [np.hstack([X, X[:, :2]]), WIDE], ids=["equal columns", "wide"])
def test_of_several_best_the_shortest_is_taken(x: np.ndarray) -> None:
    y = Y[: len(x)]
    model = LinearRegression().fit(x, y)
    expected = np.linalg.pinv(x - x.mean(0)) @ (y - y.mean(0))
    np.testing.assert_allclose(model.coef_.T, expected, rtol=1e-7, atol=1e-9)
    assert model.rank_ == np.linalg.matrix_rank(x - x.mean(0))


def test_a_weight_is_a_number_of_repetitions() -> None:
    repeated = X.repeat(WEIGHT.astype(int), 0), Y.repeat(WEIGHT.astype(int), 0)
    for model in (LinearRegression(), RidgeRegression(2.0)):
        once = model.fit(X, Y, WEIGHT).predict(X)
        np.testing.assert_allclose(model.fit(*repeated).predict(X), once, rtol=1e-10)


def test_bytes_give_what_floats_give() -> None:
    rows = generator.integers(0, 256, (200, 6)).astype(np.uint8)
    y = generator.standard_normal(200)
    a, b = (RidgeRegression(3.0).fit(x, y).coef_ for x in (rows, rows.astype(float)))
    np.testing.assert_allclose(a, b, rtol=1e-12)


# ---------------------------------------------------------------- Bayes


def log_evidence(x: np.ndarray, y: np.ndarray, alpha: float, beta: float) -> float:
    """The density of y itself: N(0, β⁻¹ I + α⁻¹ XXᵀ)."""
    spread = np.eye(len(x)) / beta + x @ x.T / alpha
    return float(scipy.stats.multivariate_normal(np.zeros(len(x)), spread).logpdf(y))


@pytest.mark.parametrize("x", [X, WIDE], ids=["tall", "wide"])
def test_the_evidence_is_the_density_of_the_targets(x: np.ndarray) -> None:
    y = Y[: len(x), 0]
    model = BayesianLinearRegression(0.7, 2.5, fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(model.log_evidence_, log_evidence(x, y, 0.7, 2.5), rtol=1e-10)


def test_with_an_intercept_it_is_the_density_of_differences() -> None:
    y = Y[:, 0]
    model = BayesianLinearRegression(0.7, 2.5).fit(X, y)
    apart = np.linalg.svd(np.eye(60) - 1 / 60)[0][:, :59].T  # orthonormal, each row sums to 0
    expected = log_evidence(apart @ X, apart @ y, 0.7, 2.5)
    np.testing.assert_allclose(model.log_evidence_, expected, rtol=1e-10)


@pytest.mark.parametrize("x", [X, WIDE], ids=["tall", "wide"])
def test_the_posterior_is_that_of_bishop_equations_3_53_and_3_54(x: np.ndarray) -> None:
    y = Y[: len(x), 0]
    model = BayesianLinearRegression(0.7, 2.5, fit_intercept=False).fit(x, y)
    covariance = np.linalg.inv(0.7 * np.eye(x.shape[1]) + 2.5 * x.T @ x)
    posterior = model.posterior()
    np.testing.assert_allclose(posterior.covariance().numpy(), covariance, atol=1e-10)
    np.testing.assert_allclose(posterior.mean().numpy(), 2.5 * covariance @ x.T @ y, atol=1e-10)
    new = generator.standard_normal((5, x.shape[1]))
    mean, deviation = model.predict(new, return_std=True)
    np.testing.assert_allclose(mean, new @ model.coef_, atol=1e-12)
    expected = 1 / 2.5 + np.einsum("ij,jk,ik->i", new, covariance, new)
    np.testing.assert_allclose(deviation**2, expected, rtol=1e-9)


def test_an_intercept_with_a_flat_prior_is_one_with_a_very_wide_one() -> None:
    x, y = X - X.mean(0), Y[:, 0]
    model = BayesianLinearRegression(0.7, 2.5).fit(x, y)
    ones = np.hstack([x, np.ones((60, 1))])
    covariance = np.linalg.inv(np.diag([0.7] * 4 + [1e-12]) + 2.5 * ones.T @ ones)
    expected = np.sqrt(1 / 2.5 + np.einsum("ij,jk,ik->i", ones, covariance, ones))
    np.testing.assert_allclose(model.predict(x, return_std=True)[1], expected, rtol=1e-9)


@pytest.mark.parametrize("given", [{}, {"alpha": 0.5}, {"beta": 4.0}], ids=repr)
def test_precisions_chosen_have_the_greatest_evidence(given: dict[str, float]) -> None:
    model = BayesianLinearRegression(**given).fit(X, Y[:, 0])
    best = model.log_evidence_
    for a in (0.99, 1.0, 1.01):
        for b in (0.99, 1.0, 1.01):
            alpha = model.alpha_ * (1 if "alpha" in given else a)
            beta = model.beta_ * (1 if "beta" in given else b)
            other = BayesianLinearRegression(alpha, beta).fit(X, Y[:, 0])
            assert other.log_evidence_ <= best + 1e-9
    if not given:  # where its derivatives are 0, by MacKay's equations
        rest = ((Y[:, 0] - model.predict(X)) ** 2).sum()
        np.testing.assert_allclose(
            model.alpha_, model.effective_ / (model.coef_**2).sum(), rtol=1e-5
        )
        np.testing.assert_allclose(model.beta_, (59 - model.effective_) / rest, rtol=1e-5)


def test_intervals_hold_as_many_targets_as_they_say() -> None:
    held = []
    for _ in range(200):
        x = generator.standard_normal((30, 3))
        w = generator.standard_normal(3)
        y = x @ w + 1 + 0.5 * generator.standard_normal(30)
        low, high = BayesianLinearRegression().fit(x[:20], y[:20]).interval(x[20:], level=0.8)
        held.append(((y[20:] >= low) & (y[20:] <= high)).mean())
    assert abs(np.mean(held) - 0.8) < 0.03


def test_weights_repeat_examples_in_the_evidence_too() -> None:
    once = BayesianLinearRegression().fit(X, Y[:, 0], WEIGHT)
    count = WEIGHT.astype(int)
    twice = BayesianLinearRegression().fit(X.repeat(count, 0), Y[:, 0].repeat(count))
    np.testing.assert_allclose(once.log_evidence_, twice.log_evidence_, rtol=1e-9)
    np.testing.assert_allclose(once.coef_, twice.coef_, rtol=1e-6)
