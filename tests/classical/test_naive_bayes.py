"""Naive Bayes: the formula of each, streams and merges that change nothing, weights as counts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from chainrule.classical import (
    BernoulliNaiveBayes,
    GaussianNaiveBayes,
    MultinomialNaiveBayes,
    gaussian,
)

MODELS = [GaussianNaiveBayes, MultinomialNaiveBayes, BernoulliNaiveBayes]
each = pytest.mark.parametrize("make", MODELS)
generator = np.random.default_rng(0)
labels = generator.integers(0, 3, 700)
X = generator.poisson(1 + generator.uniform(0, 3, (3, 5))[labels]).astype(float)
LEARNED = ("classes_", "class_count_", "class_prior_")
OWN = {
    GaussianNaiveBayes: ("theta_", "var_"),
    MultinomialNaiveBayes: ("feature_count_", "feature_log_prob_"),
    BernoulliNaiveBayes: ("feature_count_", "feature_log_prob_"),
}


def same(a: Any, b: Any) -> None:
    """Two estimators learned the same."""
    for name in (*LEARNED, *OWN[type(a)]):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, err_msg=name)


def test_the_gaussian_is_the_product_of_normal_densities() -> None:
    model = GaussianNaiveBayes().fit(X, labels)
    for k in range(3):
        part = X[k == labels]
        density = scipy.stats.norm(part.mean(0), np.sqrt(part.var(0) + 1e-9 * X.var(0).max()))
        expected = np.log(len(part) / len(X)) + density.logpdf(X).sum(axis=1)
        np.testing.assert_allclose(model.predict_joint_log_proba(X)[:, k], expected, rtol=1e-10)


def test_a_square_that_would_cancel_is_not_expanded() -> None:
    rows = np.array([[1e6, 0.0], [1e6 + 1e-3, 1.0], [-1e6, 0.0], [-1e6 - 1e-3, 1.0]])
    model = GaussianNaiveBayes(var_smoothing=0.0).fit(rows, [0, 0, 1, 1])
    density = scipy.stats.norm(model.theta_[0], np.sqrt(model.var_[0]))
    expected = np.log(0.5) + density.logpdf(rows[:2]).sum(axis=1)
    np.testing.assert_allclose(model.predict_joint_log_proba(rows[:2])[:, 0], expected, rtol=1e-6)


def digits() -> tuple[np.ndarray, np.ndarray]:
    datasets = pytest.importorskip("sklearn.datasets")
    rows, classes = datasets.load_digits(return_X_y=True)
    return rows, classes


def test_smoothing_is_chosen_by_cross_validation_as_with_scikit_learn() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    peer = pytest.importorskip("sklearn.naive_bayes").GaussianNB
    rows, classes = digits()
    before = np.array([(classes[:k] == c).sum() for k, c in enumerate(classes)])
    split = selection.PredefinedSplit((classes + before) % 5)  # each class to the folds in turn
    hits = [
        (selection.cross_val_predict(peer(var_smoothing=v), rows, classes, cv=split) == classes)
        for v in gaussian._GRID
    ]
    best = gaussian._GRID[int(np.sum(hits, axis=1).argmax())]
    model = GaussianNaiveBayes(var_smoothing="cv").fit(rows, classes)
    assert model.var_smoothing_ == best
    same(model, GaussianNaiveBayes(var_smoothing=best).fit(rows, classes))
    assert model.merge(model).var_smoothing_ == best


def test_cross_validation_of_batches_is_that_of_the_whole() -> None:
    rows, classes = digits()
    parts = [(rows[k : k + 100], classes[k : k + 100], None) for k in range(0, len(rows), 100)]
    whole = gaussian.cross_validated(lambda: [(rows, classes, None)])
    assert gaussian.cross_validated(lambda: parts) == whole > 1e-9
    weights = np.where(np.arange(len(rows)) < 1200, 1.0, 0.0)
    some = GaussianNaiveBayes(var_smoothing="cv").fit(rows[:1200], classes[:1200])
    weighted = GaussianNaiveBayes(var_smoothing="cv").fit(rows, classes, weights)
    assert weighted.var_smoothing_ == some.var_smoothing_


def test_without_two_folds_nothing_is_smoothed() -> None:
    assert gaussian.cross_validated(lambda: [(np.ones((1, 2)), np.zeros(1), None)]) == 1e-9


def test_the_multinomial_is_that_of_mccallum_and_nigam_equation_6() -> None:
    model = MultinomialNaiveBayes(0.5).fit(X, labels)
    counts = np.stack([X[k == labels].sum(0) for k in range(3)]) + 0.5
    theta = counts / counts.sum(1, keepdims=True)
    expected = np.log(np.bincount(labels) / len(labels)) + X @ np.log(theta).T
    np.testing.assert_allclose(model.predict_joint_log_proba(X), expected, rtol=1e-12)


def test_the_bernoulli_counts_what_is_missing() -> None:
    model = BernoulliNaiveBayes(0.5, binarize=1.0).fit(X, labels)
    bits = X > 1
    p = np.stack([(bits[k == labels].sum(0) + 0.5) / ((k == labels).sum() + 1) for k in range(3)])
    expected = (
        np.log(np.bincount(labels) / len(labels)) + bits @ np.log(p).T + ~bits @ np.log(1 - p).T
    )
    np.testing.assert_allclose(model.predict_joint_log_proba(X), expected, rtol=1e-12)


@each
def test_streaming_and_merging_give_what_the_whole_gives(make: Callable[[], Any]) -> None:
    whole, streamed = make().fit(X, labels), make()
    for part in np.array_split(np.arange(len(X)), 7):
        streamed.partial_fit(X[part], labels[part])
    same(streamed, whole)
    same(make().fit(X[:90], labels[:90]).merge(make().fit(X[90:], labels[90:])), whole)


@each
def test_parts_may_hold_different_classes(make: Callable[[], Any]) -> None:
    order = np.argsort(labels, kind="stable")
    parts = np.array_split(order, 4)
    streamed = make().partial_fit(X[parts[0]], labels[parts[0]], classes=[0, 1, 2])
    assert streamed.predict(X[parts[0]]).max() == 0  # of the others nothing is known
    assert np.isfinite(streamed.predict_log_proba(X)).any(axis=1).all()
    for part in parts[1:]:
        streamed.partial_fit(X[part], labels[part])
    same(streamed, make().fit(X, labels))
    left, right = (
        make().fit(X[order[:300]], labels[order[:300]]),
        make().fit(X[order[300:]], labels[order[300:]]),
    )
    same(right.merge(left), make().fit(X, labels))


@each
def test_a_weight_of_2_is_a_row_twice_and_of_0_none(make: Callable[[], Any]) -> None:
    weight = generator.integers(0, 3, len(X))
    same(make().fit(X, labels, weight), make().fit(X.repeat(weight, 0), labels.repeat(weight)))


@each
def test_many_classes_are_gathered_the_same_way(make: Callable[[], Any]) -> None:
    y = np.arange(len(X)) % 50
    model = make().fit(X, y)
    same(model, make().fit(X[::-1], y[::-1]))
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("make", MODELS[1:])
def test_sparse_rows_give_what_dense_ones_give(make: Callable[[], Any]) -> None:
    sparse = scipy.sparse.csr_array(X)
    model = make().fit(sparse, labels)
    same(model, make().fit(X, labels))
    np.testing.assert_allclose(model.predict_proba(sparse), make().fit(X, labels).predict_proba(X))


@each
def test_priors_are_shares_uniform_or_given(make: Callable[..., Any]) -> None:
    assert (
        make().fit(X, labels).class_prior_.tolist() == (np.bincount(labels) / len(labels)).tolist()
    )
    assert make(priors="uniform").fit(X, labels).class_prior_.tolist() == [1 / 3] * 3
    assert make(priors=[0.5, 0.25, 0.25]).fit(X, labels).class_prior_.tolist() == [0.5, 0.25, 0.25]


def test_bytes_are_read_as_they_are() -> None:
    rows = generator.integers(0, 256, (300, 20)).astype(np.uint8)
    same(
        GaussianNaiveBayes().fit(rows, labels[:300]),
        GaussianNaiveBayes().fit(rows.astype(float), labels[:300]),
    )
