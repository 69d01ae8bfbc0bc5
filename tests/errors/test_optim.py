"""What optimizers and schedules say about settings and trees that do not fit, word for word."""

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule import nn, optim, schedule
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random

S = cr.zeros((3, 4))
SGD, ADAM = optim.SGD(0.1), optim.Adam(0.1)
GROUPED = optim.Grouped({"*.bias": SGD, "a*": ADAM})
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
    (
        ArgumentError,
        lambda: optim.RMSProp(0.1, decay=1.0),
        "RMSProp: decay=1.0, which must be at least 0 and less than 1",
    ),
    (
        ArgumentError,
        lambda: optim.Adagrad(0.1, initial=-1.0),
        "Adagrad: initial=-1.0, which must be at least 0",
    ),
    (
        ArgumentError,
        lambda: optim.Lion(0.1, beta2=2.0),
        "Lion: beta2=2.0, which must be at least 0 and less than 1",
    ),
    (
        ArgumentError,
        lambda: optim.Muon(0.1, adjustment="rms"),  # type: ignore[arg-type]
        'Muon: adjustment is "original" or "match_rms_adamw", not \'rms\'',
    ),
    (
        ArgumentError,
        lambda: optim.Muon(0.1).update({"v": S}, optim.Muon(0.1).init({"w": S}), {"v": S}),
        (
            "Muon: the structure of the state is not that of the model\n"
            "\n"
            "    model      v\n"
            "    state      w\n"
            "\n"
            "  Take gradients with respect to the model, and the state from init(model)."
        ),
    ),
    (
        ShapeError,
        lambda: optim.Muon(0.1).update(cr.zeros(4), optim.Muon(0.1).init(S), S),
        (
            "Muon: the gradient of the model has another shape\n"
            "\n"
            "    parameter  f64[3, 4]\n"
            "    gradient   f64[4]"
        ),
    ),
    (
        ArgumentError,
        lambda: optim.Muon(0.1).update(S, ADAM.init(S), S),
        (
            "Muon: the state has no 'groups'\n"
            "\n"
            "    state  step, first_moment, second_moment\n"
            "\n"
            "  It is that of another optimizer; take the state from init(model)."
        ),
    ),
    (
        ArgumentError,
        lambda: ADAM.update(S, {}, S),
        (
            "Adam: the state has no 'step'\n"
            "\n"
            "    state  empty\n"
            "\n"
            "  It is that of another optimizer; take the state from init(model)."
        ),
    ),
    (
        ArgumentError,
        lambda: schedule.milestones(0.1, 30),  # type: ignore[arg-type]
        "milestones: steps=30, which must be several: (30,)",
    ),
    (
        ArgumentError,
        lambda: optim.Grouped({}),
        'Grouped: there are no groups; {"*": optimizer} has all parameters',
    ),
    (
        ArgumentError,
        lambda: GROUPED.init({"b": S}),
        (
            "Grouped: no pattern fits the parameter b\n"
            "\n"
            "    patterns  '*.bias', 'a*'\n"
            "\n"
            '  A last pattern "*" takes all that are left.'
        ),
    ),
    (
        ArgumentError,
        lambda: GROUPED.init({"a": S}),
        (
            "Grouped: no parameter is left for the pattern '*.bias'\n"
            "\n"
            "    patterns    '*.bias', 'a*'\n"
            "    parameters  a\n"
            "\n"
            "  Each parameter belongs to the first pattern that fits its path."
        ),
    ),
    (
        ArgumentError,
        lambda: GROUPED.update({"a": S}, {"groups": ()}, {"a": S}),
        (
            "Grouped: the state has 0 groups and the optimizer 2\n"
            "\n"
            "  Take the state from init(model)."
        ),
    ),
    (
        ArgumentError,
        lambda: optim.Clipped(optim.SGD, norm=1.0),  # type: ignore[arg-type]
        "Clipped: optimizer is SGD; it must be an optimizer, as SGD(0.1) is",
    ),
    (
        ArgumentError,
        lambda: optim.Grouped({"*": 0.1}),  # type: ignore[dict-item]
        "Grouped: groups['*'] is 0.1; it must be an optimizer, as SGD(0.1) is",
    ),
    (
        ArgumentError,
        lambda: optim.Clipped(SGD),
        "Clipped: give norm or value, such as norm=1.0",
    ),
    (
        ArgumentError,
        lambda: optim.Clipped(SGD, value=0.0),
        "Clipped: value=0.0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: optim.Accumulated(SGD, every=0),
        "Accumulated: every=0, which must be a count from 1",
    ),
    (
        ArgumentError,
        lambda: optim.Averaged(SGD, decay=1.0),
        "Averaged: decay=1.0, which must be at least 0 and less than 1",
    ),
    (
        ArgumentError,
        lambda: optim.ReduceOnPlateau(SGD, factor=1.0),
        "ReduceOnPlateau: factor=1.0, which must be between 0 and 1",
    ),
    (
        ArgumentError,
        lambda: optim.ReduceOnPlateau(SGD, patience=-1),
        "ReduceOnPlateau: patience=-1, which must be at least 0",
    ),
    (
        ArgumentError,
        lambda: optim.ReduceOnPlateau(SGD, floor=2.0),
        "ReduceOnPlateau: floor=2.0, which must be 0 to 1",
    ),
    (
        ArgumentError,
        lambda: schedule.step(0.1, 0),
        "step: every=0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: schedule.milestones(0.1, (5, 5)),
        ("milestones: steps=(5, 5); they must be greater than 0, each greater than the one before"),
    ),
    (
        ArgumentError,
        lambda: schedule.exponential(0.1, 0.0),
        "exponential: factor=0.0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: schedule.polynomial(0.1, 10, floor=0.2),
        "polynomial: floor=0.2, which must be 0 to 0.1",
    ),
    (
        ArgumentError,
        lambda: schedule.cosine(0.1, 10, floor=-0.1),
        "cosine: floor=-0.1, which must be 0 to 0.1",
    ),
    (
        ArgumentError,
        lambda: schedule.warm_up(0.1, 10, start=-0.5),
        "warm_up: start=-0.5, which must be 0 to 1",
    ),
    (
        ArgumentError,
        lambda: schedule.cosine_restarts(0.1, 10, growth=0),
        "cosine_restarts: growth=0, which must be an integer from 1 up",
    ),
    (
        ArgumentError,
        lambda: schedule.chain((schedule.constant(0.1),), (5,)),
        (
            "chain: boundaries=(5,) for schedules in number 1; there must be one boundary between "
            "each two"
        ),
    ),
    (
        ArgumentError,
        lambda: schedule.chain((0.1, 0.2), (5,)),  # type: ignore[arg-type]
        "chain: 0.1 is no schedule; a number would be constant(0.1)",
    ),
    (
        ArgumentError,
        lambda: schedule.chain((schedule.constant(0.1),) * 3, (5, 3)),
        ("chain: boundaries=(5, 3); they must be greater than 0, each greater than the one before"),
    ),
    (
        ArgumentError,
        lambda: schedule.product(()),
        "product: there are no factors",
    ),
    (
        ArgumentError,
        lambda: schedule.product((schedule.constant(0.1), 0.0)),
        "product: factors[1]=0.0, which must be greater than 0",
    ),
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
