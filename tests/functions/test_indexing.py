"""Indexing: equal to NumPy's for any index, and what only an eager or a recorded index shows."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.functions.indexing import getitem
from chainrule.functions.updates import At

ARRAY = np.arange(2.0 * 3 * 4).reshape(2, 3, 4)
PARTS = st.sampled_from(
    [
        0,
        -1,
        slice(None),
        slice(None, None, -1),
        slice(5, 0, -2),
        slice(1, 1),
        None,
        ...,
        np.array([0, -2]),
        np.array([[1, 0], [-1, 1]]),
        np.zeros((2, 0), int),
        np.array(1),
        np.array([True, False]),
        np.array([[True, False, True], [False, False, True]]),
        True,
        False,
    ]
)


def _same(index):
    """Compare with NumPy, eager and under jit: the value and shape, or the refusal."""
    x = cr.tensor(ARRAY)
    try:
        expected = ARRAY[index]
    except IndexError:
        for read in (lambda: getitem(x, index), lambda: cr.jit(lambda t: getitem(t, index))(x)):
            with pytest.raises(IndexError):
                read()
        return
    for found in (getitem(x, index), cr.jit(lambda t: getitem(t, index))(x)):
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found.numpy(), expected)


@given(st.lists(PARTS, max_size=4))
@example([slice(None), 0, ..., np.array([0, -2])])  # an Ellipsis of no axes still parts
def test_any_index_reads_what_numpy_reads(parts):
    _same(tuple(parts))


@given(PARTS)
def test_an_index_without_parentheses_reads_what_numpy_reads(part):
    _same(part)


def test_lists_nested_lists_and_tensors_are_index_arrays():
    x = cr.tensor(ARRAY)
    np.testing.assert_array_equal(x[[0, 1, 0]].numpy(), ARRAY[[0, 1, 0]])
    np.testing.assert_array_equal(x[[[0], [1]], [2, 0]].numpy(), ARRAY[[[0], [1]], [2, 0]])
    np.testing.assert_array_equal(x[[]].numpy(), ARRAY[[]])
    np.testing.assert_array_equal(x[cr.tensor([1, -2])].numpy(), ARRAY[[1, -2]])
    np.testing.assert_array_equal(x[cr.tensor([True, False])].numpy(), ARRAY[[True, False]])
    np.testing.assert_array_equal(x[[cr.tensor(1), cr.tensor(0)]].numpy(), ARRAY[[1, 0]])


def test_a_mask_under_grad_selects_by_its_value():
    gradient = cr.grad(lambda x: (x[x > 1] ** 2).sum())(cr.tensor([0.0, 2.0, 3.0]))
    assert gradient.tolist() == [0.0, 4.0, 6.0]


def test_repeated_indices_add_their_derivatives():
    gradient = cr.grad(lambda x: x[[0, 0, 1]].sum())(cr.tensor([1.0, 2.0, 3.0]))
    assert gradient.tolist() == [2.0, 1.0, 0.0]


def test_an_index_that_jit_does_not_know_counts_from_the_end_too():
    read = cr.jit(lambda x, i: x[i])
    assert read(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([-1, 0])).tolist() == [3.0, 1.0]


def test_set_takes_the_last_of_repeated_values_in_every_mode():
    x, index, values = cr.zeros(3), cr.tensor([0, 2, 0]), cr.tensor([1.0, 2.0, 3.0])
    for write in (At, cr.jit(lambda x, i, v: x.at[i].set(v))):
        found = x.at[index].set(values) if write is At else write(x, index, values)
        assert found.tolist() == [3.0, 0.0, 2.0]
    gradient = cr.grad(lambda v: x.at[index].set(v).sum())(values)
    assert gradient.tolist() == [0.0, 1.0, 1.0]


def test_set_keeps_nan_of_what_it_replaces_out_of_the_derivative():
    x = cr.tensor([np.nan, 1.0])
    gradient = cr.grad(lambda x: (x.at[0].set(2.0) ** 2).sum())(x)
    assert gradient.tolist() == [0.0, 2.0]


def test_a_mask_unknown_to_jit_can_be_written_with_one_number():
    clear = cr.jit(lambda x: x.at[x < 0].set(0.0))
    assert clear(cr.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_multiply_min_and_max_combine_repeated_indices():
    x = cr.tensor([2.0, 5.0])
    assert x.at[[0, 0, 1]].multiply(cr.tensor([3.0, 4.0, 1.0])).tolist() == [24.0, 5.0]
    assert x.at[[0, 0]].max(cr.tensor([9.0, 3.0])).tolist() == [9.0, 5.0]
    assert x.at[[1, 1]].min(cr.tensor([4.0, 6.0])).tolist() == [2.0, 4.0]


def test_take_along_axis_goes_with_argsort():
    x = cr.tensor([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
    order = cr.argsort(x, axis=1)
    assert cr.take_along_axis(x, order, axis=1).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
