"""What the array API standard's own exceptions say, and numbers that do not fit their dtype."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ShapeError


def message(error: pytest.ExceptionInfo[Exception]) -> str:
    return str(error.value)


def test_an_axis_that_does_not_exist_is_an_index_error_too() -> None:
    with pytest.raises(IndexError) as error:
        cr.expand_dims(cr.tensor([True]), axis=2)
    assert isinstance(error.value, ShapeError)
    assert message(error) == (
        "expand_dims: there is no axis 2\n\n    bool[1]\n\n"
        "  Axes are 0 to 1, or -2 to -1 counted from the last."
    )


def test_a_number_that_does_not_fit_in_its_dtype_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        cr.tensor([1, 300], dtype="int8")
    assert message(error) == "tensor: a number does not fit in int8, which holds -128 to 127"


def test_large_unsigned_integers_are_exact() -> None:
    made = cr.tensor([1, 2**64 - 1], dtype=cr.uint64)
    assert made.tolist() == [1, 2**64 - 1]


def test_memory_in_a_foreign_byte_order_cannot_be_shared() -> None:
    array = np.ones(2, np.dtype(np.float64).newbyteorder())
    with pytest.raises(ArgumentError) as error:
        cr.asarray(array, copy=False)
    assert message(error) == f"asarray: {array.dtype} cannot become float64 without a copy"


def test_a_choice_between_integers_and_one_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        cr.where(cr.tensor([True]), cr.tensor([1], dtype="int8"), 300)
    assert message(error) == "where: 300 does not fit in int8"


def test_the_imaginary_part_of_infinity_is_zero() -> None:
    assert cr.imag(cr.tensor([np.inf, np.nan])).tolist() == [0.0, 0.0]
