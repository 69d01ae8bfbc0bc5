"""What products of linear algebra say about operands that do not fit, word for word."""

from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, ShapeError, SubscriptError

A, B, V = cr.ones((2, 3)), cr.ones((4, 5)), cr.ones(3)
S, T = cr.ones((2, 2, 3)), cr.ones((5, 3, 5))

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ShapeError,
        lambda: cr.einsum("ij, jk -> ik", A, B),
        (
            "einsum: axis 'j' has two sizes, 3 and 4\n"
            "\n"
            '    einsum("ij, jk -> ik", x1, x2)\n'
            "             ^  ^\n"
            "    x1  f64[2, 3]   i=2  j=3\n"
            "    x2  f64[4, 5]   j=4  k=5\n"
            "\n"
            "  'j' is summed over, so the last axis of x1 and the first axis of x2 must be equal."
        ),
    ),
    (
        ShapeError,
        lambda: cr.einsum("ii", A),
        (
            "einsum: axis 'i' has two sizes, 2 and 3\n"
            "\n"
            '    einsum("ii", x)\n'
            "            ^^\n"
            "    x  f64[2, 3]   i=2  i=3\n"
            "\n"
            "  'i' is summed over, so the first axis of x and the last axis of x must be equal."
        ),
    ),
    (
        ShapeError,
        lambda: cr.einsum("...ij,...jk", S, T),
        (
            "einsum: axis '...' has two sizes, 2 and 5\n"
            "\n"
            '    einsum("...ij,...jk", x1, x2)\n'
            "            ^     ^\n"
            "    x1  f64[2, 2, 3]   ...=2  i=2  j=3\n"
            "    x2  f64[5, 3, 5]   ...=5  j=3  k=5\n"
            "\n"
            "  Both are '...', so the first axis of x1 and the first axis of x2 must be equal, or "
            "one of them 1."
        ),
    ),
    (
        SubscriptError,
        lambda: cr.einsum("ij,jk->iz", A, B),
        (
            "einsum: output index 'z' is in no operand\n"
            "\n"
            '    einsum("ij,jk->iz", …)\n'
            "                    ^\n"
            "\n"
            "    x1  f64[2, 3]\n"
            "    x2  f64[4, 5]"
        ),
    ),
    (
        SubscriptError,
        lambda: cr.einsum("ij,jk->ik", A),
        'einsum: "ij,jk->ik" has 2 operands, but 1 were given\n\n    x  f64[2, 3]',
    ),
    (
        ArgumentError,
        lambda: cr.einsum("ij"),
        'einsum: "ij" was given no operands',
    ),
    (
        ShapeError,
        lambda: cr.matmul(A, B),
        (
            "matmul: axis 'j' has two sizes, 3 and 4\n"
            "\n"
            "    matmul(x1, x2)   ij,jk->ik\n"
            "                      ^ ^\n"
            "    x1  f64[2, 3]   i=2  j=3\n"
            "    x2  f64[4, 5]   j=4  k=5\n"
            "\n"
            "  'j' is summed over, so the last axis of x1 and the first axis of x2 must be equal."
        ),
    ),
    (
        ShapeError,
        lambda: cr.matmul(S, T),
        (
            "matmul: axis 'i' has two sizes, 2 and 5\n"
            "\n"
            "    matmul(x1, x2)   ijk,ikl->ijl\n"
            "                     ^   ^\n"
            "    x1  f64[2, 2, 3]   i=2  j=2  k=3\n"
            "    x2  f64[5, 3, 5]   i=5  k=3  l=5\n"
            "\n"
            "  Both are 'i', so the first axis of x1 and the first axis of x2 must be equal, or "
            "one of them 1."
        ),
    ),
    (
        ShapeError,
        lambda: cr.matmul(V, 2.0),
        (
            "matmul: x2 has no axes\n"
            "\n"
            "    x1  f64[3]\n"
            "    x2  f64[]\n"
            "\n"
            "  A number is multiplied with *."
        ),
    ),
    (
        DTypeError,
        lambda: cr.matmul(cr.tensor([[True]]), cr.tensor([[True]])),
        (
            "matmul: not defined for bool\n"
            "\n"
            "    bool[1, 1]\n"
            "    bool[1, 1]\n"
            "\n"
            '  x.astype("int64") makes numbers that can be added.'
        ),
    ),
    (
        ShapeError,
        lambda: cr.tensordot(A, B, axes=3),
        "tensordot: cannot contract 3 axes\n\n    x1  f64[2, 3]\n    x2  f64[4, 5]",
    ),
    (
        ArgumentError,
        lambda: cr.tensordot(A, B, axes=((0, 1), (0,))),
        "tensordot: axes has 2 axes of x1 and 1 of x2; they are contracted in pairs",
    ),
    (
        ShapeError,
        lambda: cr.vecdot(A, V, axis=0),
        (
            "vecdot: there is no axis 0 in both operands\n"
            "\n"
            "    x1  f64[2, 3]\n"
            "    x2  f64[3]\n"
            "\n"
            "  Axes are counted from the last, which is -1."
        ),
    ),
    (
        ShapeError,
        lambda: cr.outer(A, V),
        (
            "outer: the operands have 2 and 1 axis\n"
            "\n"
            "    x1  f64[2, 3]\n"
            "    x2  f64[3]\n"
            "\n"
            "  It is defined for vectors; cr.tensordot(x1, x2, axes=0) for any operands."
        ),
    ),
    (
        ShapeError,
        lambda: cr.matrix_transpose(V),
        "matrix_transpose: a matrix has two axes\n\n    x  f64[3]",
    ),
]


@pytest.mark.parametrize(("kind", "run", "text"), MESSAGES, ids=[m[2][:40] for m in MESSAGES])
def test_the_message_says(kind: type[Exception], run: Callable[[], object], text: str) -> None:
    with pytest.raises(kind) as raised:
        run()
    assert str(raised.value) == text
