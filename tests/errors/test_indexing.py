"""Indexing and changed copies: every message in full."""

import re

import pytest

import chainrule as cr
from chainrule import errors

X = cr.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

MISTAKES = [
    (
        lambda: X[2],
        errors.IndexingError,
        """index 2 is out of bounds for axis 0 of size 2

    f64[2, 3]

  Indices are 0 to 1, or -2 to -1 counted from the end.""",
    ),
    (
        lambda: X[:, -4],
        errors.IndexingError,
        """index -4 is out of bounds for axis 1 of size 3

    f64[2, 3]

  Indices are 0 to 2, or -3 to -1 counted from the end.""",
    ),
    (
        lambda: X[0, 0, 0],
        errors.IndexingError,
        """index: 3 indices for 2 axes

    f64[2, 3]""",
    ),
    (
        lambda: X[..., ...],
        errors.IndexingError,
        "index: an index has one Ellipsis (...) at most",
    ),
    (
        lambda: X["a"],
        errors.IndexingError,
        """index: a str cannot index an axis

    f64[2, 3]

  An index is an int, a slice, None, ..., a boolean mask or an array of integers.""",
    ),
    (
        lambda: X[[0.5]],
        errors.IndexingError,
        """index: float64 numbers cannot index an axis

    f64[2, 3]
    f64[1]

  Convert the index with .astype(cr.int64).""",
    ),
    (
        lambda: X[cr.tensor([True, False, True])],
        errors.IndexingError,
        """index: axis 0 of the mask, of size 3, does not fit axis 0 of the Tensor

    f64[2, 3]
    bool[3]""",
    ),
    (
        lambda: X[[0, 1], [0, 1, 2]],
        errors.IndexingError,
        """index: the index arrays of shapes [2] and [3] do not broadcast

    f64[2, 3]""",
    ),
    (
        lambda: X[::0],
        errors.IndexingError,
        "index: the step of a slice is not 0",
    ),
    (
        lambda: X[0.5:],
        errors.IndexingError,
        "index: the bounds of slice(0.5, None, None) are not integers",
    ),
    (
        lambda: X[[0, 5]],
        errors.IndexingError,
        """index 5 is out of bounds for axis 0 of size 2

    f64[2, 3]

  Indices are 0 to 1, or -2 to -1 counted from the end.""",
    ),
    (
        lambda: cr.zeros((0, 2))[0],
        errors.IndexingError,
        """index 0 is out of bounds for axis 0 of size 0

    f64[0, 2]

  The axis is empty.""",
    ),
    (
        lambda: cr.jit(lambda x: x[x > 1])(X),
        errors.RecordingError,
        """index: how many elements a mask selects is not known while jit records

    bool[2, 3]   made at PLACE

  Keep the shape and choose by value instead: cr.where(mask, x, 0).""",
    ),
    (
        lambda: cr.jit(cr.grad(lambda x: x[x > 1].sum()))(X),
        errors.RecordingError,
        """index: how many elements a mask selects is not known while jit records

    bool[2, 3]   made at PLACE

  Keep the shape and choose by value instead: cr.where(mask, x, 0).""",
    ),
    (
        lambda: cr.take(X, [1.5], 0),
        errors.DTypeError,
        """take: indices are integers

    f64[1]""",
    ),
    (
        lambda: cr.take(X, [0, 3], 1),
        errors.IndexingError,
        """index 3 is out of bounds for axis 1 of size 3

    f64[2, 3]

  Indices are 0 to 2, or -3 to -1 counted from the end.""",
    ),
    (
        lambda: cr.take_along_axis(X, cr.tensor([0]), 0),
        errors.ShapeError,
        """take_along_axis: x has 2 axes, the indices have 1

    f64[2, 3]
    i64[1]""",
    ),
    (
        lambda: cr.take_along_axis(X, cr.tensor([[0], [0], [1]]), 1),
        errors.ShapeError,
        """take_along_axis: sizes differ along another axis than 1

    f64[2, 3]
    i64[3, 1]""",
    ),
    (
        lambda: X.at[0].set(cr.ones(2)),
        errors.ShapeError,
        """at[...].set: the values do not broadcast to the selected shape [3]

    f64[2]""",
    ),
    (
        lambda: cr.tensor([1, 2]).at[0].set(0.5),
        errors.DTypeError,
        """at[...].set: float64 values for int64 elements

    i64[2]
    f64[]

  Convert one of them with astype.""",
    ),
]


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES)
def test_the_message_says_what_is_wrong(mistake, kind, message):
    with pytest.raises(kind) as raised:
        mistake()
    assert type(raised.value) is kind
    assert re.sub(r"made at .*", "made at PLACE", str(raised.value)) == message
