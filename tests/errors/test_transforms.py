"""What the transforms say, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, GradientError, ShapeError

X = cr.tensor([1.0, 2.0])


def product(a: Any, b: Any) -> Any:
    return a * b


def affine(x: Any) -> Any:
    return cr.custom_derivative(lambda inputs, y, tangents: tangents[0] + 1.0)(cr.sin)(x)


def narrow(x: Any) -> Any:
    return cr.custom_derivative(lambda inputs, y, tangents: tangents[0].sum())(cr.sin)(x)


ENTRY = (
    "\n\n  An entry is the number of an axis, None, or a dictionary, list or tuple of entries with "
    "the\n  keys or the length of the argument."
)
MESSAGES: dict[str, tuple[type[Exception], Callable[[], Any], str]] = {
    "argnums twice": (
        ArgumentError,
        lambda: cr.grad(product, argnums=(0, -2))(1.0, 2.0),
        "grad: argnums=(0, -2) names an argument twice",
    ),
    "argnums name": (
        ArgumentError,
        lambda: cr.grad(product, argnums="a")(1.0, 2.0),  # type: ignore[arg-type]
        "grad: argnums='a' is neither the number of a positional argument nor a tuple of them",
    ),
    "jvp without tuples": (
        ArgumentError,
        lambda: cr.jvp(cr.sin, 1.0, 1.0),  # type: ignore[arg-type]
        (
            "jvp: primals and tangents are tuples with an entry for each argument: "
            "jvp(f, (x,), (dx,))"
        ),
    ),
    "jacobian mode": (
        ArgumentError,
        lambda: cr.jacobian(cr.sin, mode="back")(X),  # type: ignore[arg-type]
        'jacobian: mode=\'back\' is neither "forward" nor "reverse"',
    ),
    "scan length": (
        ArgumentError,
        lambda: cr.scan(lambda c, x: (c, c), 0.0, length=-1),
        "scan: length=-1 is no number of steps",
    ),
    "in_axes keys": (
        ArgumentError,
        lambda: cr.vmap(lambda p: p["a"], in_axes=({"a": 0},))({"a": X, "b": X}),
        "vmap: in_axes has {'a': 0} for a dict with the keys 'a', 'b'" + ENTRY,
    ),
    "in_axes text": (
        ArgumentError,
        lambda: cr.vmap(lambda x: x, in_axes=("a",))(X),
        "vmap: in_axes has 'a' for a Tensor" + ENTRY,
    ),
    "out_axes": (
        ArgumentError,
        lambda: cr.vmap(lambda x: x, out_axes=None),  # type: ignore[arg-type]
        "vmap: out_axes=None is not the number of one axis",
    ),
    "rule not linear": (
        GradientError,
        lambda: cr.grad(affine)(1.0),
        (
            "the derivative rule of sin is not linear in the tangents at test_transforms.py:21 "
            "(<lambda>)\n\n"
            "  A tangent may be summed, moved, multiplied and divided by what is no tangent; no "
            "constant is\n  added to it, and two of them are not multiplied."
        ),
    ),
    "rule shape": (
        ShapeError,
        lambda: cr.jvp(narrow, (X,), (X,)),
        "the derivative rule of sin gave a tangent of shape [] for a result of shape [2]",
    ),
    "message lost": (
        ArgumentError,
        lambda: cr.jit(lambda x: cr.debug.print("x is {}", x))(X),
        (
            "debug.print: the function that jit records returns nothing, so its messages would be "
            "lost\n\n  Return at least one Tensor."
        ),
    ),
    "ragged list": (
        ShapeError,
        lambda: cr.tensor([[1, 2], [3]]),
        "tensor: the nested lists have different lengths",
    ),
    "ragged list of Tensors": (
        ShapeError,
        lambda: cr.tensor([X, 1.0]),
        "tensor: the elements of a list have different shapes: [2], []",
    ),
    "huge integer": (
        ArgumentError,
        lambda: cr.tensor(2**70),
        "tensor: 1180591620717411303424 does not fit in int64",
    ),
    "None as an operand": (
        DTypeError,
        lambda: X + None,
        "add: expected a Tensor, an array or a number, not NoneType",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_says_what_is_wrong(name: str) -> None:
    kind, mistake, message = MESSAGES[name]
    with pytest.raises(kind) as raised:
        mistake()
    assert type(raised.value) is kind
    assert str(raised.value) == message
