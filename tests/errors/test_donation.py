"""What is said of arguments that are given away, word for word."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DonatedError


def step(model: Any, state: Any, *batch: Any, rate: float = 0.1) -> Any:
    return model - rate * state


@pytest.mark.parametrize(
    ("donate", "message"),
    [
        (
            "states",
            (
                "jit: donate='states', but step has no parameter 'states'\n\n"
                "    step(model, state, batch, rate)"
            ),
        ),
        (
            ("model", -1),
            (
                "jit: donate=('model', -1), but step has no parameter -1\n\n"
                "    step(model, state, batch, rate)"
            ),
        ),
        (
            1.5,
            (
                "jit: donate=1.5 is neither the name or the position of a parameter nor a tuple of "
                "them"
            ),
        ),
        (
            [True],
            (
                "jit: donate=[True] is neither the name or the position of a parameter nor a tuple "
                "of them"
            ),
        ),
    ],
)
def test_what_cannot_be_given_away(donate: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        cr.jit(step, donate=donate)
    assert str(error.value) == message


def test_a_position_beyond_the_last_parameter() -> None:
    with pytest.raises(ArgumentError) as error:
        cr.jit(lambda x, y: x, donate=2)
    assert str(error.value) == (
        "jit: donate=2, but <lambda> has no parameter 2\n\n    <lambda>(x, y)"
    )


def test_a_tensor_that_was_given_away() -> None:
    model, state = cr.nn.Linear(3, 2, key=cr.random.key(0)), cr.zeros((2, 3), dtype="float32")
    update = cr.jit(lambda model, state: cr.sum(model.weight + state), donate="model")
    update(model, state)
    with pytest.raises(DonatedError) as error:
        model.weight.numpy()
    frame = inspect.currentframe()
    assert frame is not None
    line = frame.f_lineno - 5
    assert str(error.value) == (
        "this f32[2, 3] Tensor was given away: model.weight of <lambda>, at "
        f"test_donation.py:{line} (test_a_tensor_that_was_given_away)\n\n"
        "  jit(…, donate=…) lets <lambda> write results into its memory. Go on with what "
        "<lambda>\n  gives, or keep a .copy() from before the call."
    )
