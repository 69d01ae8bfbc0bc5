"""The classical models are those of scikit-learn, whose estimator checks hold."""

import warnings
from typing import Any

import numpy as np
import pytest

from chainrule import classical

naive_bayes: Any = pytest.importorskip("sklearn.naive_bayes")
linear: Any = pytest.importorskip("sklearn.linear_model")
checks: Any = pytest.importorskip("sklearn.utils.estimator_checks")
pipeline: Any = pytest.importorskip("sklearn.pipeline")
preprocessing: Any = pytest.importorskip("sklearn.preprocessing")
selection: Any = pytest.importorskip("sklearn.model_selection")

generator = np.random.default_rng(0)
Y = generator.integers(0, 3, 400)
X = generator.poisson(1 + generator.uniform(0, 3, (3, 6))[Y]).astype(float)
WEIGHT = generator.uniform(0, 2, 400)
T = X @ generator.standard_normal(6) + generator.standard_normal(400)

ESTIMATORS = [getattr(classical, name)() for name in classical.__all__] + [
    classical.GaussianNaiveBayes(priors="uniform"),
    classical.LogisticRegression(fit_intercept=False),
    classical.RidgeRegression(fit_intercept=False),
    classical.BayesianLinearRegression(1.0, 2.0, fit_intercept=False),
]


# Ours are no subclasses of a class of scikit-learn, which is not needed to import them. It says so
# where tests are collected, before the filters of a test hold.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    each_check = checks.parametrize_with_checks(ESTIMATORS)


@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit", "ignore:Skipping check")
@each_check
def test_the_estimator_passes_every_check_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (classical.GaussianNaiveBayes(), naive_bayes.GaussianNB()),
        (classical.MultinomialNaiveBayes(0.7), naive_bayes.MultinomialNB(alpha=0.7)),
        (classical.BernoulliNaiveBayes(binarize=1.0), naive_bayes.BernoulliNB(binarize=1.0)),
        (classical.LogisticRegression(0.5), linear.LogisticRegression(C=2, tol=1e-9, max_iter=99)),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_probabilities_are_those_of_scikit_learn(ours: Any, theirs: Any, weight: Any) -> None:
    a, b = (e.fit(X, Y, sample_weight=weight).predict_log_proba(X) for e in (ours, theirs))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (classical.LinearRegression(), linear.LinearRegression()),
        (classical.RidgeRegression(3.0), linear.Ridge(3.0)),
    ],
    ids=lambda e: type(e).__name__,
)
def test_coefficients_are_those_of_scikit_learn(ours: Any, theirs: Any, weight: Any) -> None:
    for y in (T, np.stack([T, T**2], axis=1)):
        a, b = (e.fit(X, y, sample_weight=weight) for e in (ours, theirs))
        np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-8)
        np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=1e-8)
        np.testing.assert_allclose(a.score(X, y), b.score(X, y), rtol=1e-10)


def test_bayesian_regression_agrees_where_the_models_do() -> None:
    flat = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
    theirs = linear.BayesianRidge(fit_intercept=False, tol=1e-12, max_iter=5000, **flat).fit(X, T)
    ours = classical.BayesianLinearRegression(fit_intercept=False).fit(X, T)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(
        [ours.beta_, ours.alpha_], [theirs.alpha_, theirs.lambda_], rtol=1e-5
    )
    for a, b in zip(*(e.predict(X, return_std=True) for e in (ours, theirs)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_loss_is_that_of_scikit_learn() -> None:
    x = generator.standard_normal((3000, 90))
    y = (x @ generator.standard_normal((90, 7)) + generator.gumbel(size=(3000, 7))).argmax(axis=1)
    ours = classical.LogisticRegression(1.0, tol=1e-7).fit(x, y)
    theirs = linear.LogisticRegression(tol=1e-10, max_iter=9999).fit(x, y)
    losses = [
        -e.predict_log_proba(x)[np.arange(3000), y].sum() + 0.5 * (e.coef_**2).sum()
        for e in (ours, theirs)
    ]
    assert abs(losses[0] / losses[1] - 1) < 1e-6


def test_they_stand_in_pipelines_and_searches() -> None:
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), classical.LogisticRegression())
    grid = {"logisticregression__alpha": [0.1, 1e6]}
    assert selection.GridSearchCV(model, grid, cv=3).fit(X, Y).best_params_ == {
        "logisticregression__alpha": 0.1
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = selection.cross_val_score(classical.RidgeRegression(), X, T, cv=4)
    assert scores.mean() > 0.8
