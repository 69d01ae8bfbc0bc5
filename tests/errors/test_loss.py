"""What losses say about scores and targets that do not fit, word for word."""

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.loss import (
    absolute,
    binary_logistic,
    cross_entropy,
    elastic,
    hinge,
    huber,
    kl_divergence,
    l1,
    l2,
    negative_log_likelihood,
    squared,
    squared_hinge,
)

S = cr.zeros((3, 4))
Y = cr.tensor([0, 1, 2])
MODEL = {"layers": [{"weight": S, "bias": cr.zeros(3)}, {"weight": S, "bias": cr.zeros(3)}]}

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ShapeError,
        lambda: cross_entropy(S, cr.tensor([0, 1])),
        (
            "cross_entropy: targets of shape [2] do not fit logits of shape [3, 4]\n"
            "\n"
            "    logits   f64[3, 4]\n"
            "    targets  i64[2]\n"
            "\n"
            "  The last axis of the logits counts the classes; there is one label for each "
            "row of logits."
        ),
    ),
    (
        DTypeError,
        lambda: cross_entropy(S, cr.tensor([0.0, 1.0, 2.0])),
        (
            "cross_entropy: labels are integers, not float64\n"
            "\n"
            "    logits   f64[3, 4]\n"
            "    targets  f64[3]\n"
            "\n"
            "  Convert them with .astype(cr.int64)."
        ),
    ),
    (
        ArgumentError,
        lambda: cross_entropy(S, cr.tensor([0, 4, 2])),
        (
            "cross_entropy: there is no class 4; the 4 classes are 0 to 3\n"
            "\n"
            "    targets  i64[3], from 0 to 4"
        ),
    ),
    (
        ArgumentError,
        lambda: cross_entropy(S, cr.tensor([0, -1, 2])),
        (
            "cross_entropy: there is no class -1; the 4 classes are 0 to 3\n"
            "\n"
            "    targets  i64[3], from -1 to 2"
        ),
    ),
    (
        ShapeError,
        lambda: cross_entropy(S, cr.zeros((3, 4), dtype="int64")),
        (
            "cross_entropy: targets of shape [3, 4] and dtype int64 are neither labels nor "
            "probabilities\n"
            "\n"
            "    logits   f64[3, 4]\n"
            "    targets  i64[3, 4]\n"
            "\n"
            "  Labels are integers of the shape of the logits without the last axis; "
            "probabilities are\n"
            "  floating-point numbers of the shape of the logits."
        ),
    ),
    (
        ShapeError,
        lambda: cross_entropy(1.0, 0),
        (
            "cross_entropy: targets of shape [] and dtype int64 are neither labels nor "
            "probabilities\n"
            "\n"
            "    logits   f64[]\n"
            "    targets  i64[]\n"
            "\n"
            "  Labels are integers of the shape of the logits without the last axis; "
            "probabilities are\n"
            "  floating-point numbers of the shape of the logits."
        ),
    ),
    (
        ShapeError,
        lambda: hinge(S, cr.tensor([0, 1])),
        (
            "hinge: labels of shape [2] do not fit scores of shape [3, 4]\n"
            "\n"
            "    scores   f64[3, 4]\n"
            "    labels   i64[2]\n"
            "\n"
            "  The last axis of the scores counts the classes; there is one label for each "
            "row of scores."
        ),
    ),
    (
        DTypeError,
        lambda: hinge(S, cr.ones(3, dtype="bool")),
        (
            "hinge: labels are integers, not bool\n"
            "\n"
            "    scores   f64[3, 4]\n"
            "    labels   bool[3]\n"
            "\n"
            "  Convert them with .astype(cr.int64)."
        ),
    ),
    (
        ShapeError,
        lambda: squared(S, cr.zeros(3)),
        (
            "squared: a prediction of shape [3, 4] for a target of shape [3]\n"
            "\n"
            "    prediction  f64[3, 4]\n"
            "    target      f64[3]\n"
            "\n"
            "  They must be equal: repeating one along an axis would compare every "
            "prediction with every target."
        ),
    ),
    (
        ShapeError,
        lambda: cross_entropy(S, Y, class_weights=[1.0, 2.0]),
        (
            "cross_entropy: class_weights of shape [2] for scores of shape [3, 4]\n"
            "\n"
            "  There is one weight for each class, and the last axis of the scores counts them."
        ),
    ),
    (
        ArgumentError,
        lambda: squared_hinge(S, Y, class_weights=[1.0, -2.0, 1.0, 1.0]),
        "squared_hinge: class_weights[1] is -2; a weight is a number from 0 up",
    ),
    (
        ArgumentError,
        lambda: cross_entropy(S, S, ignore_index=0),
        ("cross_entropy: ignore_index=0, but the targets are probabilities, which have no labels"),
    ),
    (
        ArgumentError,
        lambda: cross_entropy(S, Y, label_smoothing=1.5),
        "cross_entropy: label_smoothing is 1.5; it is a share, 0 to 1",
    ),
    (
        ArgumentError,
        lambda: negative_log_likelihood(S, cr.tensor([0, -100, 7]), ignore_index=-100),
        (
            "negative_log_likelihood: there is no class 7; the 4 classes are 0 to 3\n"
            "\n"
            "    targets  i64[3], from 0 to 7"
        ),
    ),
    (
        ShapeError,
        lambda: negative_log_likelihood(S, S),
        (
            "negative_log_likelihood: targets of shape [3, 4] do not fit scores of shape [3, 4]\n"
            "\n"
            "    scores   f64[3, 4]\n"
            "    targets  f64[3, 4]\n"
            "\n"
            "  The last axis of the scores counts the classes; there is one label for each row "
            "of scores."
        ),
    ),
    (
        ShapeError,
        lambda: kl_divergence(S, Y),
        (
            "kl_divergence: probabilities of shape [3] do not fit logits of shape [3, 4]\n"
            "\n"
            "    logits         f64[3, 4]\n"
            "    probabilities  f64[3]\n"
            "\n"
            "  They have one shape, and its last axis counts the classes."
        ),
    ),
    (
        ShapeError,
        lambda: binary_logistic(S, Y),
        (
            "binary_logistic: a logit of shape [3, 4] for a target of shape [3]\n"
            "\n"
            "    logit       f64[3, 4]\n"
            "    target      f64[3]\n"
            "\n"
            "  They must be equal: repeating one along an axis would compare every logit with "
            "every target."
        ),
    ),
    (
        ArgumentError,
        lambda: binary_logistic(cr.zeros(3), Y),
        ("binary_logistic: there is a target 2; each is 0 or 1, or a probability between them"),
    ),
    (
        ArgumentError,
        lambda: binary_logistic(cr.zeros(3), cr.zeros(3), positive_weight=-1.0),
        "binary_logistic: positive_weight is -1.0; a weight is a number from 0 up",
    ),
    (
        ShapeError,
        lambda: absolute(cr.zeros(3), S),
        (
            "absolute: a prediction of shape [3] for a target of shape [3, 4]\n"
            "\n"
            "    prediction  f64[3]\n"
            "    target      f64[3, 4]\n"
            "\n"
            "  They must be equal: repeating one along an axis would compare every "
            "prediction with every target."
        ),
    ),
    (
        ArgumentError,
        lambda: huber(S, S, delta=0.0),
        "huber: delta is 0.0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: l2(MODEL, 0.1, where="layer.*"),
        (
            "l2: no parameter has a path like 'layer.*'\n"
            "\n"
            "    parameters  layers.0.bias, layers.0.weight, layers.1.bias, layers.1.weight"
        ),
    ),
    (
        ArgumentError,
        lambda: l1([cr.zeros(1)] * 8, 0.1, where=["0", "x"]),
        "l1: no parameter has a path like 'x'\n\n    parameters  0, 1, 2, 3, 4, 5, …",
    ),
    (
        ArgumentError,
        lambda: elastic({}, 0.1, 0.1, where="*"),
        "elastic: no parameter has a path like '*'\n\n    parameters  none",
    ),
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
