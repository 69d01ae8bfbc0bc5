"""The figures of papers and of definitions; scikit-learn's are in tests/peers."""

import numpy as np
import pytest

from chainrule.metrics import (
    calibration,
    confusion_matrix,
    precision_recall_f1,
    r_squared,
    top_k_accuracy,
)


def test_equal_scores_go_to_the_lower_class() -> None:
    scores = np.zeros((4, 4))
    assert [top_k_accuracy([0, 1, 2, 3], scores, k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]
    assert top_k_accuracy([0], [[np.nan, 1.0]], 2) == 0.0
    assert top_k_accuracy([[0, -1]], [[[1.0, 0.0], [1.0, 0.0]]], 1) == 1.0


def test_a_perfectly_calibrated_model_has_no_error() -> None:
    right = np.repeat([True, False, True, False], [3, 1, 9, 3])
    found = calibration(right, np.repeat([0.75, 0.75, 0.75, 0.75], [3, 1, 9, 3]), 10)
    assert found.expected_error == 0.0
    assert found.largest_error == 0.0
    assert found.count.sum() == 16
    assert np.isnan(found.accuracy[:7]).all()


def test_the_error_is_the_mean_gap_weighted_by_the_bins() -> None:
    found = calibration([True] * 4, [0.25] * 3 + [1.0], 2)
    assert found.expected_error == pytest.approx(0.75 * 3 / 4)
    assert found.largest_error == 0.75


def test_classes_that_nobody_predicts_have_figures_of_zero() -> None:
    found = precision_recall_f1([[0, 2], [0, 0]])
    assert found.precision.tolist() == found.recall.tolist() == found.f1.tolist() == [0.0, 0.0]
    assert found.macro == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_nothing_at_all_is_no_error() -> None:
    nothing = np.zeros(0, np.int64)
    assert confusion_matrix(nothing, nothing, 2).tolist() == [[0, 0], [0, 0]]
    assert calibration(nothing, nothing).expected_error == 0.0
    assert precision_recall_f1(np.zeros((2, 2), np.int64)).weighted["f1"] == 0.0
    assert np.isnan(top_k_accuracy(nothing, np.zeros((0, 3)), 1))


def test_predicting_the_mean_explains_nothing() -> None:
    assert r_squared([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0.0
    assert r_squared([[1.0, 1.0], [3.0, 1.0]], [[1.0, 1.0], [3.0, 1.0]]) == 1.0
