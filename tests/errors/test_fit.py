"""The messages of fit, whole."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import metrics
from chainrule.errors import ArgumentError, CheckpointError, NonFiniteError, ShapeError
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.evaluation import Evaluation, evaluate
from chainrule.train.finder import find_learning_rate
from chainrule.train.fit import fit
from chainrule.train.monitor import Monitor
from chainrule.train.progress import pack, unpack
from chainrule.train.sweep import Sweep, sweep
from chainrule.train.task import Task, begin

DATA = (np.ones((8, 3), np.float32), np.arange(8) % 4)


def linear(features: int = 3, classes: int = 4):
    with cr.nn.seed(0):
        return cr.nn.Linear(features, classes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "fit: epochs is -1; it must be a count from 0"),
        ({"epochs": 1.5}, "fit: epochs is 1.5; it must be a count from 0"),
        ({"l2": -1.0}, "fit: l2 is -1.0; the strength of a penalty is a number from 0 up"),
        ({"l1": "a"}, "fit: l1 is 'a'; the strength of a penalty is a number from 0 up"),
        (
            {"steps_per_epoch": 0},
            "fit: steps_per_epoch is 0; it must be a count from 1, or None",
        ),
        (
            {"callbacks": [3]},
            (
                "fit: a int is no callback\n\n"
                "  It is a train.Callback, or a function of (record, progress) to call after each "
                "epoch."
            ),
        ),
        (
            {"callbacks": [EarlyStopping]},
            (
                "fit: the class EarlyStopping is no callback\n\n"
                "  It is a train.Callback, or a function of (record, progress) to call after each "
                "epoch."
            ),
        ),
        (
            {"callbacks": [EarlyStopping("val_loss")]},
            (
                "fit: the records of this training have no figure 'val_loss'\n\n"
                "    there are  loss, accuracy, learning_rate, seconds, samples_per_second"
            ),
        ),
        ({"validation": 1.5}, "fit: validation is 1.5; a share of the data lies between 0 and 1"),
        (
            {"validation": 3},
            "fit: validation is a int; it must be a Dataset or a pair (inputs, targets) of arrays",
        ),
    ],
)
def test_settings_that_cannot_be_meant(changes, message):
    with pytest.raises(ArgumentError) as caught:
        fit(linear(), DATA, **changes)
    assert str(caught.value) == message


def test_too_few_scores():
    with pytest.raises(ShapeError) as caught:
        fit(linear(classes=2), DATA)
    assert str(caught.value) == (
        "fit: the model gives f32[8, 2] for a batch, and the targets are class labels from 0 to 3\n"
        "\n  It must give each example a score for each class: [8, 4]."
    )


def test_a_loss_that_is_not_finite():
    with pytest.raises(NonFiniteError) as caught:
        fit(
            linear(),
            DATA,
            loss=lambda scores, labels: scores.sum() * float("nan"),
            optimizer=cr.optim.SGD(0.5),
        )
    line = test_a_loss_that_is_not_finite.__code__.co_firstlineno + 5
    assert str(caught.value) == (
        "fit: the loss is nan in epoch 1, step 1\n\n"
        f"  first at sum(scores) · nan, in test_fit.py:{line} (<lambda>):\n\n"
        "    sum(scores) · nan  float32[], 1 nan\n"
        "    sum(scores)        float32[], from 2.816 to 2.816\n\n"
        "    loss           nan\n"
        "    learning rate  0.5\n"
        "    gradients      not finite, or the weights after the step: weight, bias (2 of 2)\n"
        f"    rows           {', '.join(map(str, caught.value.rows))}\n\n"
        "  The step was not taken. The error's .model is that of the step before, its .rows are "
        "the\n  row numbers of the batch."
    )
    assert sorted(caught.value.rows) == list(range(8))


def test_an_update_that_is_too_large():
    with pytest.raises(NonFiniteError) as caught:
        fit(
            linear(),
            DATA,
            loss=lambda scores, labels: 1e3 * scores.sum(),
            optimizer=cr.optim.SGD(3e38),
        )
    assert str(caught.value) == (
        "fit: the step is not finite in epoch 1, step 1\n\n"
        "  first in the update of weight; the gradient is finite:\n\n"
        "    before  float32[4, 3], from -0.8904 to 0.8671\n"
        "    after   float32[4, 3], 12 −inf\n\n"
        "    loss           2816.03564453125\n"
        "    learning rate  3e+38\n"
        "    gradients      not finite, or the weights after the step: weight, bias (2 of 2)\n"
        f"    rows           {', '.join(map(str, caught.value.rows))}\n\n"
        "  The step was not taken. The error's .model is that of the step before, its .rows are "
        "the\n  row numbers of the batch."
    )


def test_a_folder_with_other_settings(tmp_path: Path):
    folder = tmp_path / "run"
    fit(linear(), DATA, folder=folder, epochs=1)
    with pytest.raises(CheckpointError) as caught:
        fit(linear(), DATA, folder=folder, epochs=2, batch=4)
    assert str(caught.value) == (
        f"fit: {folder} holds a run with other settings\n\n"
        "    epochs  1 there, 2 now\n"
        "    batch   128 there, 4 now\n\n"
        "  To go on with it they must be the same. Give another folder."
    )


def test_a_folder_with_another_precision(tmp_path: Path):
    folder = tmp_path / "run"
    fit(linear(), DATA, folder=folder, epochs=1)
    with pytest.raises(CheckpointError) as caught:
        fit(linear(), DATA, folder=folder, epochs=1, precision="bf16")
    assert str(caught.value) == (
        f"fit: {folder} holds a run with other settings\n\n"
        "    precision  float32 there, bf16 now\n\n"
        "  To go on with it they must be the same. Give another folder."
    )


def test_a_checkpoint_of_another_model():
    data = cr.data.from_arrays(*DATA)
    task = Task(data, cr.loss.cross_entropy, cr.optim.SGD(0.1), 1, 4)
    found = pack(begin(task, linear()))
    with pytest.raises(CheckpointError) as caught:
        unpack(found, begin(task, linear(classes=5)))
    assert str(caught.value) == (
        "the checkpoint's model does not fit: weight is float32[4, 3] there and float32[5, 3] here"
    )
    with cr.nn.seed(0):
        other = cr.nn.Linear(3, 4, bias=False)
    with pytest.raises(CheckpointError) as caught:
        unpack(found, begin(task, other))
    assert str(caught.value) == (
        "the checkpoint's model has other names than this one\n\n    only there  bias"
    )


def found() -> Evaluation:
    return evaluate(linear(), cr.data.from_arrays(*DATA))


def constant(**_: object) -> int:
    return 3


MESSAGES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: EarlyStopping(patience=0),
        ArgumentError,
        "EarlyStopping: patience is 0; it must be at least 1",
    ),
    (
        lambda: EarlyStopping(min_delta=-1),
        ArgumentError,
        "EarlyStopping: min_delta is -1; it must be at least 0",
    ),
    (
        lambda: Monitor("f1").of({"loss": 0.5, "epoch": 1}),
        ArgumentError,
        "fit: the records of this training have no figure 'f1'\n\n    there are  loss",
    ),
    (
        lambda: find_learning_rate(linear(), DATA, low=1, high=0.1),
        ArgumentError,
        "find_learning_rate: low=1 and high=0.1; 0 < low < high",
    ),
    (
        lambda: find_learning_rate(linear(), DATA, steps=5),
        ArgumentError,
        "find_learning_rate: steps=5; at least 10",
    ),
    (
        lambda: find_learning_rate(linear(), DATA, smoothing=1),
        ArgumentError,
        "find_learning_rate: smoothing=1; from 0 to below 1",
    ),
    (
        lambda: find_learning_rate(
            linear(), DATA, low=1e38, high=3e38, loss=lambda s, t: s.sum(), optimizer=cr.optim.SGD
        ),
        ArgumentError,
        (
            "find_learning_rate: the first steps diverge already, from the rate 1e+38 on\n\n"
            "  Begin lower: low=1e-10, say."
        ),
    ),
    (
        lambda: sweep(constant, {"a": [1]}),
        ArgumentError,
        (
            "sweep: the function gave a int without figures\n\n"
            "  It gives what fit gives, or a dictionary of numbers by name."
        ),
    ),
    (
        lambda: sweep(constant, {"a": []}),
        ArgumentError,
        "sweep: a is []; it must be a list of the values to try",
    ),
    (
        lambda: sweep(constant, {"a": [1, 1]}),
        ArgumentError,
        "sweep: a has a value twice: [1, 1]",
    ),
    (
        lambda: sweep(constant, {"seed": [1]}),
        ArgumentError,
        "sweep: seed is handed to the function anyway; leave it out",
    ),
    (
        lambda: sweep(constant, {"a": [1]}, seeds=(1, 1)),
        ArgumentError,
        "sweep: seeds is (1, 1); it must be different numbers",
    ),
    (
        lambda: Sweep((), ()).best("loss"),
        ArgumentError,
        "Sweep.best: loss is finite in none of the trials",
    ),
    (
        lambda: sweep(lambda seed, a: {"x": 1.0}, {"a": [1]}).best("y"),
        ArgumentError,
        "Sweep: there is no figure 'y'\n\n    there are  x",
    ),
    (
        lambda: found().r_squared,
        ArgumentError,
        "Evaluation.r_squared: the targets are no quantities",
    ),
    (
        lambda: Evaluation(0.5).confusion(),
        ArgumentError,
        "Evaluation.confusion: the targets are no class labels",
    ),
    (
        lambda: found().top_k_accuracy(2),
        ArgumentError,
        (
            "Evaluation.top_k_accuracy: the scores were not kept\n\n"
            "  evaluate(model, data, scores=True) keeps them."
        ),
    ),
    (
        lambda: metrics.top_k_accuracy([1], [[1, 2]], 3),
        ArgumentError,
        "top_k_accuracy: k is 3; there are 2 classes",
    ),
    (
        lambda: metrics.top_k_accuracy([1, 2], [[1, 2]], 1),
        ShapeError,
        (
            "top_k_accuracy: labels of shape [2] do not fit scores of shape [1, 2]\n\n"
            "  There is one label for each row of scores."
        ),
    ),
    (
        lambda: metrics.calibration([1], [2.0]),
        ArgumentError,
        "calibration: confidences are numbers from 2 to 2; probabilities lie between 0 and 1",
    ),
    (
        lambda: metrics.calibration([1], [0.2], 0),
        ArgumentError,
        "calibration: bins is 0; there must be at least 1",
    ),
    (
        lambda: metrics.r_squared([1, 2], [1]),
        ShapeError,
        "r_squared: targets of shape [2] and predictions of shape [1]; they must be equal",
    ),
    (
        lambda: metrics.mean_absolute_error([], []),
        ShapeError,
        "mean_absolute_error: there are no examples",
    ),
    (
        lambda: metrics.precision_recall_f1(np.ones((2, 3))),
        ShapeError,
        "precision_recall_f1: a confusion matrix is square, not [2, 3]",
    ),
    (
        lambda: metrics.confusion_matrix([0, 3], [0, 1], 2),
        ArgumentError,
        "confusion_matrix: labels are numbers from 0 to 3; the 2 classes are 0 to 1",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), MESSAGES)
def test_each_message(call: Callable[[], object], kind: type[Exception], message: str):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
