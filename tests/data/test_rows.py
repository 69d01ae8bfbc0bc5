"""Rows gathered from several arrays equal those of one array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.rows import Rows, resolve_rows, select_rows, with_example_shape
from chainrule.errors import ArgumentError

WHOLE = np.arange(22).reshape(11, 2)
ROWS = Rows((WHOLE[:4], WHOLE[4:4], WHOLE[4:5], WHOLE[5:]))


@given(st.lists(st.integers(-11, 10)))
def test_indices_gather_the_same_rows_as_from_one_array(indices):
    np.testing.assert_array_equal(ROWS[np.array(indices, int)], WHOLE[np.array(indices, int)])


@given(st.slices(11))
def test_slices_gather_the_same_rows_as_from_one_array(part):
    np.testing.assert_array_equal(ROWS[part], WHOLE[part])


def test_an_integer_gives_one_example():
    np.testing.assert_array_equal(ROWS[5], WHOLE[5])
    np.testing.assert_array_equal(ROWS[-1], WHOLE[-1])


def test_a_mask_gathers_where_it_is_true():
    mask = WHOLE[:, 0] % 3 == 0
    np.testing.assert_array_equal(ROWS[mask], WHOLE[mask])


def test_choosing_twice_is_choosing_from_the_choice():
    chosen = select_rows(select_rows(ROWS, np.array([9, 1, 4, 4])), np.array([2, 0]))
    np.testing.assert_array_equal(np.asarray(chosen), WHOLE[[4, 9]])


def test_another_example_shape_does_not_copy():
    rows = with_example_shape(ROWS, (2, 1))
    assert rows.shape == (11, 2, 1)
    assert all(np.shares_memory(part, WHOLE) for part in rows.parts if part.size)


def test_rows_know_their_form():
    assert (ROWS.shape, ROWS.ndim, ROWS.dtype, len(ROWS)) == ((11, 2), 2, WHOLE.dtype, 11)
    assert repr(ROWS) == "Rows([11, 2] int64 in 4 parts)"


def test_an_array_without_a_copy_is_refused():
    with pytest.raises(ValueError, match="always copies"):
        np.asarray(ROWS, copy=False)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 3], "take: there is no row 3\n\n    examples  3\n    rows      0 to 2"),
        ([-4], "take: there is no row -4\n\n    examples  3\n    rows      0 to 2"),
        (
            [0.0],
            (
                "take: the rows must be integers or a mask with one value for each example\n\n"
                "    given     float64[1]\n"
                "    examples  3"
            ),
        ),
        (
            [True],
            (
                "take: the rows must be integers or a mask with one value for each example\n\n"
                "    given     bool[1]\n"
                "    examples  3"
            ),
        ),
    ],
)
def test_a_row_that_there_is_not_is_refused(indices, message):
    with pytest.raises(ArgumentError) as caught:
        resolve_rows(indices, 3)
    assert str(caught.value) == message
