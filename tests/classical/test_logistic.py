"""Logistic and multinomial regression: the least loss by every way, and its derivatives."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import chainrule as cr
from chainrule.classical import LogisticRegression
from chainrule.classical.newton import minimize
from chainrule.classical.softmax_loss import SoftmaxLoss

generator = np.random.default_rng(0)


def drawn(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and classes that a random model gives them."""
    x = generator.standard_normal((n, d))
    scores = x @ generator.standard_normal((d, k)) * 2 / np.sqrt(d) + generator.gumbel(size=(n, k))
    return x, scores.argmax(axis=1)


X, Y = drawn(500, 6, 4)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_and_hessian_are_those_of_the_transforms(classes: int, weighted: bool) -> None:
    x, y = X[:40], Y[:40] % classes
    weight = generator.uniform(0.5, 2, 40) if weighted else None
    loss = SoftmaxLoss(x, y, classes, weight, 0.3, True)
    w = generator.standard_normal((7, loss.columns))
    factor = cr.tensor(np.ones(40) if weight is None else weight)

    def value(w: Any) -> Any:
        scores = cr.tensor(x) @ w[:-1] + w[-1]
        full = scores if classes > 2 else cr.concat([cr.zeros((40, 1)), scores], axis=1)
        own = cr.sum(cr.one_hot(cr.tensor(y), classes) * cr.log_softmax(full), axis=1)
        return -cr.sum(factor * own) + 0.15 * cr.sum(w[:-1] ** 2)

    scores = loss.scores(w)
    np.testing.assert_allclose(loss.value(scores, w), value(cr.tensor(w)).item(), rtol=1e-12)
    chance = loss.probabilities(scores)
    expected = cr.grad(value)(cr.tensor(w)).numpy()
    np.testing.assert_allclose(loss.gradient(chance, w), expected, rtol=1e-9, atol=1e-12)
    direction = generator.standard_normal(w.shape)
    product = loss.times_hessian(loss.curved(chance), direction)
    turned = cr.jvp(cr.grad(value), (cr.tensor(w),), (cr.tensor(direction),))[1].numpy()
    np.testing.assert_allclose(product, turned, rtol=1e-9, atol=1e-10)
    diagonal = [loss.block(chance, k, k, slice(None), 1.0).diagonal() for k in range(loss.columns)]
    np.testing.assert_allclose(np.stack(diagonal, 1), loss.diagonal(chance), rtol=1e-10)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_loss_is_the_least_that_bfgs_finds(classes: int, alpha: float) -> None:
    y = Y % classes
    model = LogisticRegression(alpha).fit(X, y)
    loss = SoftmaxLoss(X, y, classes, None, alpha, True)
    shape = (7, loss.columns)

    def both(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        scores = loss.scores(w)
        return loss.value(scores, w), loss.gradient(loss.probabilities(scores), w).reshape(-1)

    found = scipy.optimize.minimize(
        both, np.zeros(shape).reshape(-1), jac=True, options={"gtol": 1e-8}
    )
    np.testing.assert_allclose(model.loss_, found.fun, rtol=1e-10)


@pytest.mark.parametrize("kind", ["float64", "float32", "sparse"])
def test_conjugate_gradients_reach_the_minimum_of_many_coefficients(kind: str) -> None:
    x, y = drawn(4000, 80, 8)
    given: Any = scipy.sparse.csr_array(x) if kind == "sparse" else x.astype(kind)
    model = LogisticRegression(1.0, tol=1e-9).fit(given, y)
    loss = SoftmaxLoss(x, y, 8, None, 1.0, True)
    w = np.vstack([model.coef_.T, model.intercept_])
    scores = loss.scores(w)
    gradient = loss.gradient(loss.probabilities(scores), w)
    excess = 0.5 * (gradient**2).sum() / 1.0  # the Hessian is at least αI, but for the intercept
    assert excess < 1e-4 * model.loss_
    again = LogisticRegression(1.0, tol=1e-13).fit(x, y)
    np.testing.assert_allclose(model.loss_, again.loss_, rtol=1e-7)
    assert model.n_iter_ <= 12


def test_a_constant_feature_and_a_wide_matrix_are_no_trouble() -> None:
    x = np.hstack([X[:30], np.zeros((30, 500)), np.ones((30, 1))])
    model = LogisticRegression(1.0).fit(x, Y[:30])
    assert (model.coef_[:, 6:-1] == 0).all()
    assert model.score(x, Y[:30]) > 0.8


def test_two_classes_have_log_odds_and_words_may_name_them() -> None:
    y = np.where(X[:, 0] > 0.3, "yes", "no")
    model = LogisticRegression().fit(X, y)
    odds = model.decision_function(X)
    assert odds.shape == (500,)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-odds)))
    assert ((odds > 0) == (model.predict(X) == "yes")).all()


def test_scores_far_away_do_not_overflow() -> None:
    model = LogisticRegression(1e-3).fit(X * 1e3, Y)
    chance = model.predict_proba(X * 1e6)
    assert np.isfinite(chance).all()
    np.testing.assert_allclose(chance.sum(axis=1), 1)


def test_weights_repeat_and_leave_out() -> None:
    weight = generator.integers(0, 3, 500)
    once = LogisticRegression().fit(X, Y, weight)
    twice = LogisticRegression().fit(X.repeat(weight, 0), Y.repeat(weight))
    np.testing.assert_allclose(once.coef_, twice.coef_, atol=1e-8)


def test_classes_that_a_plane_divides_need_a_penalty() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.warns(UserWarning, match="classes that a plane divides have no minimum"):
        LogisticRegression(0.0, max_iter=5).fit(x, [0, 0, 1, 1])
    assert LogisticRegression(0.0).fit(x, [0, 1, 0, 1]).loss_ < 4 * np.log(2)


def test_the_search_reports_how_far_it_may_be() -> None:
    loss = SoftmaxLoss(X, Y, 4, None, 1.0, True)
    short, long = minimize(loss, 1e-7, 2), minimize(loss, 1e-7, 50)
    assert not short.converged
    assert long.converged
    assert 0.3 < short.excess / (short.loss - long.loss) < 3


@pytest.mark.parametrize("classes", [2, 3])
def test_neither_the_place_nor_the_unit_of_a_column_matters(classes: int) -> None:
    generator = np.random.default_rng(2)
    x = generator.standard_normal((200, 3))
    y = (x[:, 0] > 0).astype(int) + (classes > 2) * (x[:, 1] > 1)
    near = LogisticRegression(1e-2, tol=1e-8).fit(x, y)
    far = LogisticRegression(1e-2, tol=1e-8).fit(x + 1e6, y)
    np.testing.assert_allclose(far.loss_, near.loss_, rtol=1e-6)
    np.testing.assert_allclose(far.coef_, near.coef_, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        far.predict_proba(x + 1e6), near.predict_proba(x), rtol=1e-4, atol=1e-7
    )
    for scale in (1e-8, 1e8, 1e150):
        found = LogisticRegression(1e-2 * scale**2, tol=1e-8).fit(x * scale, y)
        np.testing.assert_allclose(found.loss_, near.loss_, rtol=1e-7)
    years = (x * 10 + 2000).astype(np.float32)
    found = LogisticRegression(1.0, tol=1e-8).fit(years, y)
    again = LogisticRegression(1.0, tol=1e-8).fit(years.astype(float) - 2000, y)
    np.testing.assert_allclose(found.loss_, again.loss_, rtol=1e-6)
