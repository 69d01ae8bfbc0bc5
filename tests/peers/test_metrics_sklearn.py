"""Metrics give the numbers of scikit-learn, where it is installed."""

from typing import Any

import numpy as np
import pytest

from chainrule import metrics

theirs: Any = pytest.importorskip("sklearn.metrics")
curves: Any = pytest.importorskip("sklearn.calibration")


def drawn(classes: int = 6, count: int = 400) -> tuple[Any, Any]:
    """Labels, in which the last class does not occur, and scores that know something of them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes - 1, count)
    return labels, generator.standard_normal((count, classes)) + 2 * np.eye(classes)[labels]


def test_confusion_precision_recall_and_f1() -> None:
    labels, scores = drawn()
    predictions = scores.argmax(axis=1)
    predictions[predictions == 2] = 1  # one class is never predicted, another never occurs
    confusion = metrics.confusion_matrix(labels, predictions, 6)
    names = list(range(6))
    np.testing.assert_array_equal(
        confusion, theirs.confusion_matrix(labels, predictions, labels=names)
    )
    found = metrics.precision_recall_f1(confusion)
    expected = theirs.precision_recall_fscore_support(
        labels, predictions, labels=names, zero_division=0
    )
    for ours, other in zip(
        (found.precision, found.recall, found.f1, found.support), expected, strict=True
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-14)
    for average in ("macro", "weighted"):
        expected = theirs.precision_recall_fscore_support(
            labels, predictions, labels=names, zero_division=0, average=average
        )
        np.testing.assert_allclose(list(getattr(found, average).values()), expected[:3], rtol=1e-13)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_top_k_accuracy(k: int) -> None:
    labels, scores = drawn()
    expected = theirs.top_k_accuracy_score(labels, scores, k=k, labels=range(6))
    assert metrics.top_k_accuracy(labels, scores, k) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_the_bins_of_a_calibration_curve(bins: int) -> None:
    generator = np.random.default_rng(1)
    confidences = np.concatenate([generator.uniform(0, 1, 300), [0.0, 0.2, 0.4, 1.0]])
    right = generator.uniform(0, 1, 304) < confidences**2
    found = metrics.calibration(right, confidences, bins)
    accuracy, confidence = curves.calibration_curve(right, confidences, n_bins=bins)
    filled = found.count > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy, rtol=1e-13)
    np.testing.assert_allclose(found.confidence[filled], confidence, rtol=1e-13)


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_the_figures_of_quantities(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(2)
    targets = generator.standard_normal(shape)
    predictions = targets + 0.5 * generator.standard_normal(shape)
    for ours, other in (
        (metrics.mean_absolute_error, theirs.mean_absolute_error),
        (metrics.root_mean_squared_error, theirs.root_mean_squared_error),
        (metrics.r_squared, theirs.r2_score),
    ):
        assert ours(targets, predictions) == pytest.approx(other(targets, predictions), rel=1e-13)


@pytest.mark.parametrize("predictions", [[2.0, 2.0], [2.0, 3.0]])
def test_r_squared_of_constant_targets(predictions: list[float]) -> None:
    assert metrics.r_squared([2.0, 2.0], predictions) == theirs.r2_score([2.0, 2.0], predictions)
