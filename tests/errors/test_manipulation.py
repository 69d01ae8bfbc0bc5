"""Creation, types, shapes and joining: every message in full."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule import errors

X = cr.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

MISTAKES = [
    (
        lambda: cr.squeeze(X, 1),
        errors.ShapeError,
        """squeeze: axis 1 has size 3

    f64[2, 3]

  Only axes of size 1 can be removed.""",
    ),
    (
        lambda: cr.expand_dims(X, 3),
        errors.AxisError,
        """expand_dims: there is no axis 3

    f64[2, 3]

  Axes are 0 to 2, or -3 to -1 counted from the last.""",
    ),
    (
        lambda: cr.moveaxis(X, (0, 0), (0, 1)),
        errors.ShapeError,
        """moveaxis: axis 0 is given twice in (0, 0)

    f64[2, 3]""",
    ),
    (
        lambda: cr.flip(cr.tensor(1.0), 0),
        errors.AxisError,
        """flip: there is no axis 0

    f64[]

  It has no axes.""",
    ),
    (
        lambda: cr.flip(cr.tensor([1.0]), 1),
        errors.AxisError,
        """flip: there is no axis 1

    f64[1]

  The only axis is 0, or -1.""",
    ),
    (
        lambda: cr.zeros((2, -1)),
        errors.ShapeError,
        "zeros: [2, -1] is no shape, since a size is negative",
    ),
    (
        lambda: cr.zeros(2, device="gpu"),
        errors.ArgumentError,
        "zeros: there is no device 'gpu'; the only one is 'cpu'",
    ),
    (
        lambda: cr.reshape(X, (4, -1)),
        errors.ShapeError,
        """reshape: 6 elements cannot fill the shape [4, -1]

    f64[2, 3]

  The sizes must multiply to the number of elements; one of them may be -1.""",
    ),
    (
        lambda: cr.broadcast_to(X, (2, 2)),
        errors.ShapeError,
        """broadcast_to: the shape does not broadcast to [2, 2]

    f64[2, 3]

  Shapes are aligned at their last axis; there, the size must be the same or 1.""",
    ),
    (
        lambda: cr.permute_dims(X, (0,)),
        errors.ShapeError,
        """permute_dims: [0] names 1 of 2 axes

    f64[2, 3]

  Each axis must be named once.""",
    ),
    (
        lambda: cr.moveaxis(X, 0, (0, 1)),
        errors.ShapeError,
        """moveaxis: the axes to move are 1, their places 2

    f64[2, 3]""",
    ),
    (
        lambda: cr.roll(X, (1, 2), (0,)),
        errors.ShapeError,
        """roll: the shifts are 2, the axes 1

    f64[2, 3]""",
    ),
    (
        lambda: cr.concat([]),
        errors.ArgumentError,
        "concat: give at least one Tensor",
    ),
    (
        lambda: cr.concat([X, cr.ones((3, 3))], axis=1),
        errors.ShapeError,
        """concat: the shapes do not fit together

    f64[2, 3]
    f64[3, 3]

  Only along axis 1 may sizes differ.""",
    ),
    (
        lambda: cr.stack([X, X[0]]),
        errors.ShapeError,
        """stack: the shapes do not fit together

    f64[2, 3]
    f64[3]

  Tensors to stack have one shape; cr.concat joins along an axis.""",
    ),
    (
        lambda: cr.split(X, 2, axis=1),
        errors.ShapeError,
        """split: axis 1 of size 3 does not fall into 2 equal parts

    f64[2, 3]""",
    ),
    (
        lambda: cr.split(X, [2, 1], axis=1),
        errors.ArgumentError,
        "split: the indices [2, 1] do not grow",
    ),
    (
        lambda: cr.repeat(X, -1),
        errors.ArgumentError,
        "repeat: -1 is no number of repetitions",
    ),
    (
        lambda: cr.repeat(X, [1, 2, 3], axis=0),
        errors.ShapeError,
        """repeat: 3 numbers for axis 0 of size 2

    f64[2, 3]""",
    ),
    (
        lambda: cr.tile(X, -1),
        errors.ArgumentError,
        "tile: -1 is no number of repetitions",
    ),
    (
        lambda: cr.pad(X, (1, 2, 3)),
        errors.ShapeError,
        """pad: the widths (1, 2, 3) are not one pair for each of 2 axes

    f64[2, 3]""",
    ),
    (
        lambda: cr.pad(X, -1),
        errors.ArgumentError,
        "pad: the width -1 is negative; a slice cuts off elements",
    ),
    (
        lambda: cr.pad(X, 1, "wrap"),
        errors.ArgumentError,
        "pad: the mode is 'constant', 'reflect' or 'edge', not 'wrap'",
    ),
    (
        lambda: cr.pad(X, 2, "reflect"),
        errors.ShapeError,
        """pad: axis 0 of size 2 is too short to reflect 2 elements

    f64[2, 3]""",
    ),
    (
        lambda: cr.full(2, X),
        errors.ShapeError,
        """full: the value has axes

    f64[2, 3]

  One number fills the Tensor; cr.broadcast_to repeats an array.""",
    ),
    (
        lambda: cr.arange(0, 3, 0),
        errors.ArgumentError,
        "arange: the step from 0 to 3 is 0",
    ),
    (
        lambda: cr.arange(2, dtype=bool),
        errors.DTypeError,
        "arange: bool has no sequence of numbers; use an integer or floating type",
    ),
    (
        lambda: cr.linspace(0, 1, -1),
        errors.ArgumentError,
        "linspace: -1 is no number of points",
    ),
    (
        lambda: cr.tril(X[0]),
        errors.ShapeError,
        """tril: a matrix has two axes

    x  f64[3]""",
    ),
    (
        lambda: cr.meshgrid(X),
        errors.ShapeError,
        """meshgrid: coordinates have one axis

    f64[2, 3]""",
    ),
    (
        lambda: cr.meshgrid(X[0], indexing="yx"),
        errors.ArgumentError,
        "meshgrid: indexing is 'xy' or 'ij', not 'yx'",
    ),
    (
        lambda: cr.asarray([1], copy=False),
        errors.ArgumentError,
        "asarray: the memory of a list cannot be shared",
    ),
    (
        lambda: cr.asarray(np.ones(2), dtype="int64", copy=False),
        errors.ArgumentError,
        "asarray: float64 cannot become int64 without a copy",
    ),
    (
        lambda: cr.finfo(cr.int8),
        errors.DTypeError,
        "finfo: int8 is not a floating type; iinfo knows the integers",
    ),
    (
        lambda: cr.iinfo(cr.float32),
        errors.DTypeError,
        "iinfo: float32 is not an integer type; finfo knows the floats",
    ),
    (
        lambda: cr.isdtype(cr.int8, "decimal"),
        errors.ArgumentError,
        (
            "isdtype: 'decimal' is neither a dtype nor one of "
            "'bool', 'signed integer', 'unsigned integer', 'integral', "
            "'real floating', 'complex floating', 'numeric'"
        ),
    ),
    (
        lambda: cr.result_type(),
        errors.ArgumentError,
        "result_type: give at least one Tensor, dtype or number",
    ),
]


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES)
def test_the_message_says_what_is_wrong(mistake, kind, message):
    with pytest.raises(kind) as raised:
        mistake()
    assert type(raised.value) is kind
    assert re.sub(r"made at .*", "made at PLACE", str(raised.value)) == message
