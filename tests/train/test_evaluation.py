"""What an evaluation tells of a model."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import digits
from chainrule.metrics import confusion_matrix
from chainrule.train.evaluation import _batch_size, evaluate
from chainrule.train.fit import fit


def given(outputs: Any) -> Any:
    """A model that gives these numbers, whatever the inputs: its inputs are row numbers."""
    table = np.asarray(outputs)
    return lambda rows: cr.tensor(table)[rows[:, 0].astype("int64")]


def rows(count: int) -> Any:
    return np.arange(count, dtype=np.int64)[:, None]


def test_what_is_right_is_counted() -> None:
    train, test = digits()
    with cr.nn.seed(0):
        model = cr.nn.linear(64, 10)
    fitted = fit(model, train, epochs=3)
    found = evaluate(fitted.model, test)
    counts = found.confusion(10)
    np.testing.assert_array_equal(counts, confusion_matrix(test.targets, found.predictions, 10))
    assert counts.sum() == len(test)
    assert counts.trace() / len(test) == pytest.approx(found.accuracy)
    assert found.classes().weighted["recall"] == pytest.approx(found.accuracy)
    assert found.calibration().count.sum() == len(test)


def test_the_figures_are_those_of_all_examples_at_once() -> None:
    generator = np.random.default_rng(0)
    scores, labels = generator.standard_normal((1000, 7)), generator.integers(0, 7, 1000)
    data = cr.data.Dataset(rows(1000), labels, tuple("abcdefg"))
    found = evaluate(given(scores), data, scores=True)  # more than one batch
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert found.loss == pytest.approx(-np.log(chances[np.arange(1000), labels]).mean())
    np.testing.assert_array_equal(found.predictions, scores.argmax(axis=1))
    np.testing.assert_allclose(found.confidences, chances.max(axis=1))
    np.testing.assert_array_equal(found.scores, scores)
    assert found.top_k_accuracy(7) == 1.0
    assert found.top_k_accuracy(1) == found.accuracy


def test_labels_below_zero_do_not_count() -> None:
    scores = np.array([[[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [2.0, 0.0]]])
    data = cr.data.Dataset(rows(2), np.array([[0, -1], [1, -1]]), ("a", "b"))

    def loss(outputs: Any, targets: Any) -> Any:
        return cr.loss.cross_entropy(outputs, targets, ignore_index=-1)

    found = evaluate(given(scores), data, loss)
    assert found.accuracy == 0.5
    assert found.confusion(2).tolist() == [[1, 0], [1, 0]]
    assert found.calibration(1).count.tolist() == [2]
    assert found.loss == pytest.approx((np.log1p(np.exp(-2.0)) + np.log1p(np.exp(2.0))) / 2)


def test_a_single_score_is_a_logit() -> None:
    data = cr.data.Dataset(rows(3), np.array([1, 0, 1]), ("no", "yes"))
    found = evaluate(given([2.0, 1.0, -3.0]), data, cr.loss.binary_logistic)
    assert found.predictions is not None
    assert found.predictions.tolist() == [1, 1, 0]
    assert found.confidences == pytest.approx(1 / (1 + np.exp(-np.array([2.0, 1.0, 3.0]))))
    assert found.accuracy == pytest.approx(1 / 3)


def test_quantities_have_errors() -> None:
    data = cr.data.Dataset(rows(3), np.array([1.0, 2.0, 3.0], np.float32))
    metrics = {"worst": lambda targets, outputs: np.abs(targets - outputs).max()}
    found = evaluate(given([1.0, 2.0, 4.0]), data, cr.loss.squared, metrics=metrics)
    assert found.accuracy is None
    assert found.mean_absolute_error == pytest.approx(1 / 3)
    assert found.root_mean_squared_error == pytest.approx(np.sqrt(1 / 3))
    assert found.r_squared == pytest.approx(0.5)
    assert found.figures == {"worst": 1.0}
    assert repr(found) == "Evaluation(loss=0.3333, worst=1)"
    assert found.scores is None


@pytest.mark.parametrize(
    ("examples", "batch"), [(6000, 200), (10_000, 200), (5000, 200), (300, 150), (307, 256)]
)
def test_batches_are_of_one_size_where_the_examples_can_be_cut_so(
    examples: int, batch: int
) -> None:
    assert _batch_size(zeros(examples, 2, 2)) == batch


@pytest.mark.parametrize(("examples", "batch"), [(6000, 1000), (10_000, 1000), (300, 1024)])
def test_batches_of_flat_examples_are_larger(examples: int, batch: int) -> None:
    assert _batch_size(zeros(examples, 4)) == batch


def test_batches_of_tokens_are_not() -> None:
    tokens = np.zeros((6000, 4), np.int64)
    assert _batch_size(cr.data.from_arrays(tokens, tokens)) == 200


def zeros(examples: int, *shape: int) -> cr.data.Dataset:
    inputs = np.zeros((examples, *shape), np.float32)
    return cr.data.from_arrays(inputs, np.zeros(examples, np.int64))
