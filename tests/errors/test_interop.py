"""Operators, protocols and NumPy's functions: every message in full."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule import errors

X = cr.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

MISTAKES = [
    (
        lambda: X.at[5].add(1),
        errors.IndexingError,
        """index 5 is out of bounds for axis 0 of size 2

    f64[2, 3]

  Indices are 0 to 1, or -2 to -1 counted from the end.""",
    ),
    (
        lambda: X[0].T,
        errors.ShapeError,
        """.T: a matrix has two axes

    f64[3]

  .mT transposes each matrix of a stack, cr.permute_dims reorders any axes.""",
    ),
    (
        lambda: X[0].mT,
        errors.ShapeError,
        """.mT: a matrix has two axes

    x  f64[3]""",
    ),
    (
        lambda: cr.vmap(lambda x: x.T)(X),
        errors.ShapeError,
        """.T: a matrix has two axes

    f64[3]   made at PLACE

  .mT transposes each matrix of a stack, cr.permute_dims reorders any axes.""",
    ),
    (
        lambda: format(X, ".2f"),
        errors.ArgumentError,
        """the format '.2f' is for one number

    f64[2, 3]""",
    ),
    (
        lambda: X.__array_namespace__(api_version="1999.01"),
        errors.ArgumentError,
        (
            "__array_namespace__: there is no version '1999.01'; there are "
            "2021.12, 2022.12, 2023.12, 2024.12"
        ),
    ),
    (
        lambda: X.to_device("gpu"),
        errors.ArgumentError,
        "to_device: there is no device 'gpu'; the only one is 'cpu'",
    ),
    (
        lambda: np.add(X, 1, out=X),
        errors.DTypeError,
        "out=: a Tensor cannot be changed; use the result instead",
    ),
    (
        lambda: cr.grad(lambda x: np.fmod(x, 2).sum())(X),
        errors.DTypeError,
        """numpy.fmod: chainrule lacks this call, and grad would lose the derivative

    f64[2, 3]   made at PLACE

  Compose it of chainrule's functions, or write .detach() to treat the value as a
  constant.""",
    ),
    (
        lambda: cr.jit(lambda x: np.fmod(x, 2))(X),
        errors.DTypeError,
        """numpy.fmod: chainrule lacks this call, and the values are not known while jit records

    f64[2, 3]   made at PLACE

  Compose it of chainrule's functions.""",
    ),
    (
        lambda: cr.grad(lambda x: np.add(x, 1, out=np.ones((2, 3))).sum())(X),
        errors.DTypeError,
        """numpy.add: chainrule lacks this call, and grad would lose the derivative

    f64[2, 3]   made at PLACE

  Compose it of chainrule's functions, or write .detach() to treat the value as a
  constant.""",
    ),
    (
        lambda: cr.jit(lambda x, i: x[i])(X, cr.tensor([4])),
        errors.IndexingError,
        "index 4 is out of bounds for axis 0 of size 2",
    ),
    (
        lambda: cr.can_cast("int64", "spam"),
        errors.DTypeError,
        (
            "'spam' is not a dtype; use one of bool, int8, int16, int32, int64, "
            "uint8, uint16, uint32, uint64, float32, float64"
        ),
    ),
]


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES)
def test_the_message_says_what_is_wrong(mistake, kind, message):
    with pytest.raises(kind) as raised:
        mistake()
    assert type(raised.value) is kind
    assert re.sub(r"made at .*", "made at PLACE", str(raised.value)) == message
