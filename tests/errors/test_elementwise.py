"""The whole messages of element-wise functions and activations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions import activations as act
from chainrule.functions import elementary as el
from chainrule.functions import elementwise as ew
from chainrule.functions import logic
from chainrule.tensors import tensor
from chainrule.transform import jit

X, MASK, BYTE = tensor([1.0, 2.0, 3.0]), tensor([True, False]), tensor([1, 2], dtype="uint8")

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: ew.add(X, tensor([1.0, 2.0])),
        ShapeError,
        (
            "add: axis -1 has sizes 3 and 2\n\n    f64[3]\n    f64[2]\n\n"
            "  Shapes are aligned at their last axis; there, sizes must be equal or 1."
        ),
    ),
    (
        lambda: ew.add(MASK, MASK),
        DTypeError,
        "add: not defined for bool; it takes float, signed, unsigned\n\n    bool[2]\n    bool[2]",
    ),
    (
        lambda: el.sin(MASK),
        DTypeError,
        "sin: not defined for bool; it takes float, signed, unsigned\n\n    bool[2]",
    ),
    (
        lambda: ew.positive(MASK),
        DTypeError,
        "positive: not defined for bool; it takes float, signed, unsigned\n\n    bool[2]",
    ),
    (
        lambda: ew.clip(MASK, 0),
        DTypeError,
        "clip: not defined for bool; it takes float, signed, unsigned\n\n    bool[2]",
    ),
    (
        lambda: logic.bitwise_and(X, 1),
        DTypeError,
        (
            "bitwise_and: not defined for float64; it takes bool, signed, unsigned\n\n"
            "    f64[3]\n    f64[]"
        ),
    ),
    (
        lambda: ew.add(X, "a"),  # type: ignore[arg-type]
        DTypeError,
        "add: expected a Tensor, an array or a number, not str",
    ),
    (
        lambda: ew.multiply(1j, X),  # type: ignore[arg-type]
        DTypeError,
        "multiply: expected a Tensor, an array or a number, not complex",
    ),
    (
        lambda: ew.add(tensor([1]), tensor([1], dtype="uint64")),
        DTypeError,
        "int64 and uint64 have no common integer type; convert one of them with astype first",
    ),
    (lambda: ew.add(BYTE, 300), ArgumentError, "add: 300 does not fit in uint8"),
    (lambda: jit(lambda x: ew.add(x, -1))(BYTE), ArgumentError, "add: -1 does not fit in uint8"),
    (lambda: ew.add(X, 10**400), ArgumentError, f"add: {10**400} does not fit in float64"),
    (
        lambda: el.pow(tensor([2, 3]), tensor([1, -1])),
        ArgumentError,
        "pow: an integer raised to a negative integer is no integer; make one of them floating",
    ),
    (
        lambda: jit(el.pow)(tensor([2, 3]), tensor([1, -1])),
        ArgumentError,
        "pow: an integer raised to a negative integer is no integer; make one of them floating",
    ),
    (
        lambda: ew.where(X, 1, 2),
        DTypeError,
        "where: the condition must be bool, not float64\n\n    f64[3]",
    ),
    (
        lambda: ew.where(MASK, X, 0),
        ShapeError,
        (
            "where: axis -1 has sizes 2 and 3\n\n    bool[2]\n    f64[3]\n    f64[]\n\n"
            "  Shapes are aligned at their last axis; there, sizes must be equal or 1."
        ),
    ),
    (
        lambda: act.gelu(X, approximate="fast"),  # type: ignore[arg-type]
        ArgumentError,
        'gelu: approximate is "none" or "tanh", not \'fast\'',
    ),
    (lambda: act.softplus(X, 0), ArgumentError, "softplus: beta must be positive, not 0"),
    (
        lambda: act.glu(X),
        ShapeError,
        "glu: axis -1 has the odd size 3\n\n    f64[3]\n\n  It is split into two halves.",
    ),
    (
        lambda: act.glu(X, axis=1),
        ShapeError,
        "glu: there is no axis 1\n\n    f64[3]\n\n  The only axis is 0, or -1.",
    ),
]


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_the_message_is(mistake: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        mistake()
    assert str(caught.value) == message


def test_a_comparison_with_a_number_out_of_range_has_an_answer() -> None:
    np.testing.assert_array_equal(cr.less(BYTE, 300).numpy(), [True, True])
