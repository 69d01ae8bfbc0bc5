"""The messages of fit, whole."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, CheckpointError, NonFiniteError, ShapeError
from chainrule.train.fit import fit
from chainrule.train.loop import Task, begin
from chainrule.train.progress import pack, unpack

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
    assert str(caught.value) == (
        "fit: the loss is nan in epoch 1, step 1\n\n"
        "    loss           nan\n"
        "    learning rate  0.5\n"
        "    gradients      not finite, or the weights after the step: weight, bias (2 of 2)\n"
        f"    rows           {', '.join(map(str, caught.value.rows))}\n\n"
        "  The step was not taken. The error's .model is that of the step before, its .rows are "
        "the\n  row numbers of the batch."
    )
    assert sorted(caught.value.rows) == list(range(8))


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
