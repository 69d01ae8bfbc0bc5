"""What optimizers and schedules say about settings and trees that do not fit, word for word."""

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule import nn, optim, schedule
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random

S = cr.zeros((3, 4))
SGD, ADAM = optim.SGD(0.1), optim.Adam(0.1)
DROPOUT = nn.Dropout(0.5, key=random.key(0))

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ArgumentError,
        lambda: SGD.update({"w": S}, SGD.init(S), S),
        (
            "SGD: the structure of the gradients is not that of the model\n"
            "\n"
            "    model      a Tensor\n"
            "    gradients  w\n"
            "\n"
            "  Take gradients with respect to the model, and the state from init(model)."
        ),
    ),
    (
        ShapeError,
        lambda: SGD.update(cr.zeros(4), SGD.init(S), S),
        (
            "SGD: the gradient of the model has another shape\n"
            "\n"
            "    parameter  f64[3, 4]\n"
            "    gradient   f64[4]"
        ),
    ),
    (
        ArgumentError,
        lambda: ADAM.update({"w": S}, ADAM.init({"v": S}), {"w": S}),
        (
            "Adam: the structure of the state is not that of the model\n"
            "\n"
            "    model      w\n"
            "    state      v\n"
            "\n"
            "  Take gradients with respect to the model, and the state from init(model)."
        ),
    ),
    (
        ArgumentError,
        lambda: SGD.update(nn.Dropout(0.5, key=random.key(0)), SGD.init(DROPOUT), DROPOUT),
        (
            "SGD: the structure of the gradients is not that of the model\n"
            "\n"
            "    model      nothing\n"
            "    gradients  the same, with other settings or State cells\n"
            "\n"
            "  Take gradients with respect to the model, and the state from init(model)."
        ),
    ),
    (
        ArgumentError,
        lambda: optim.SGD(-1.0),
        ("SGD: learning_rate=-1.0, which must not be negative"),
    ),
    (
        ArgumentError,
        lambda: optim.SGD(0.1, momentum=1.0),
        ("SGD: momentum=1.0, which must be at least 0 and less than 1"),
    ),
    (
        ArgumentError,
        lambda: optim.SGD(0.1, nesterov=True),
        ("SGD: nesterov=True needs a momentum, such as momentum=0.9"),
    ),
    (
        ArgumentError,
        lambda: optim.Adam(0.1, beta1=1.0),
        ("Adam: beta1=1.0, which must be at least 0 and less than 1"),
    ),
    (
        ArgumentError,
        lambda: optim.AdamW(0.1, weight_decay=-1.0),
        ("AdamW: weight_decay=-1.0, which must be at least 0"),
    ),
    (
        ArgumentError,
        lambda: schedule.cosine(0.1, 10, warmup=10),
        ("cosine: warmup=10 and steps=10; the warm-up must be shorter than all steps"),
    ),
    (
        ArgumentError,
        lambda: schedule.cosine(0.1, 0),
        ("cosine: steps=0, which must be greater than 0"),
    ),
    (
        ArgumentError,
        lambda: schedule.constant(0.0),
        ("constant: rate=0.0, which must be greater than 0"),
    ),
    (
        ArgumentError,
        lambda: schedule.inverse_time(0.1, -1.0),
        ("inverse_time: decay=-1.0, which must not be negative"),
    ),
    (
        ArgumentError,
        lambda: schedule.one_cycle(0.1, 10, warmup=1.5),
        ("one_cycle: warmup=1.5, which must be 0 to 1"),
    ),
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
