"""What losses say about scores and targets that do not fit, word for word."""

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.loss import cross_entropy, hinge, squared

S = cr.zeros((3, 4))

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
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
