"""Searching, sorting, order statistics and sets: what the contracts over the lists do not say."""

import numpy as np
import pytest

from chainrule.errors import RecordingError
from chainrule.functions.reduction import sum
from chainrule.functions.searching import argmax, argmin, nonzero, searchsorted
from chainrule.functions.sets import unique_all, unique_counts, unique_inverse, unique_values
from chainrule.functions.sorting import argsort, median, quantile, sort, topk
from chainrule.ir.dtype import int64
from chainrule.tensors import tensor
from chainrule.transform import grad, jit, vmap

nan, inf = np.nan, np.inf


def test_of_equal_elements_the_first_comes_first_in_both_directions() -> None:
    x = tensor([2, 1, 2, 1, 2])
    np.testing.assert_array_equal(argsort(x).numpy(), [1, 3, 0, 2, 4])
    np.testing.assert_array_equal(argsort(x, descending=True).numpy(), [0, 2, 4, 1, 3])
    np.testing.assert_array_equal(topk(x, 2)[1].numpy(), [0, 2])
    assert argmax(x).item() == 0
    assert argmin(x).item() == 1


def test_nan_is_the_largest() -> None:
    x = tensor([nan, 1.0, inf, -inf])
    np.testing.assert_array_equal(sort(x).numpy(), [-inf, 1.0, inf, nan])
    np.testing.assert_array_equal(sort(x, descending=True).numpy(), [nan, inf, 1.0, -inf])
    assert argmax(x).item() == 0
    assert np.isnan(median(x).item())
    np.testing.assert_array_equal(quantile(x, np.array([0.0, 1.0])).numpy(), [nan, nan])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32"])
def test_sorting_keeps_the_dtype_and_indices_are_int64(dtype: str) -> None:
    x = tensor(np.array([1, 0, 1], dtype))
    np.testing.assert_array_equal(sort(x).numpy(), np.array([0, 1, 1], dtype))
    assert sort(x).dtype is x.dtype
    for indices in (argsort(x), argmax(x), topk(x, 1)[1], nonzero(x)[0], unique_all(x).indices):
        assert indices.dtype is int64


def test_the_derivative_of_sort_goes_back_to_where_elements_came_from() -> None:
    weights = tensor([[10.0, 20.0, 30.0]])
    found = grad(lambda x: sum(sort(x) * weights))(tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0]]))
    np.testing.assert_array_equal(found.numpy(), [[30, 10, 20], [20, 30, 10]])


def test_the_median_of_two_equal_infinities_is_infinite() -> None:
    assert median(tensor([inf, inf])).item() == inf
    assert quantile(tensor([1.0, 2.0, inf]), 0.5).item() == 2.0


def test_a_quantile_moves_with_its_fraction() -> None:
    x = tensor([0.0, 1.0, 10.0])
    found = grad(lambda q: quantile(x, q))(tensor(0.75))
    assert found.item() == 18.0


def test_searchsorted_finds_either_side_and_sorts_nan_last() -> None:
    row = tensor([1.0, 2.0, 2.0, 3.0])
    values = tensor([[2.0, 0.0], [nan, 9.0]])
    for side in ("left", "right"):
        expected = np.searchsorted(row.numpy(), values.numpy(), side)
        np.testing.assert_array_equal(searchsorted(row, values, side=side).numpy(), expected)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_searchsorted_under_vmap_is_a_loop(axes: tuple[int | None, int | None]) -> None:
    generator = np.random.default_rng(0)
    rows = np.sort(generator.integers(0, 9, (3, 5)), axis=1)
    values = generator.integers(0, 9, (3, 2, 2))
    x, v = (a if k == 0 else a[0] for a, k in zip((rows, values), axes, strict=True))
    found = vmap(searchsorted, in_axes=axes)(tensor(x), tensor(v)).numpy()
    for n in range(3):
        row, value = (a[n] if k == 0 else a[0] for a, k in zip((rows, values), axes, strict=True))
        np.testing.assert_array_equal(found[n], np.searchsorted(row, value))


def test_nonzero_is_allowed_where_values_are_known() -> None:
    def kept(x):
        (index,) = nonzero(x)
        assert index.shape == (2,)
        return sum(x * x)

    np.testing.assert_array_equal(grad(kept)(tensor([0.0, 1.0, 2.0])).numpy(), [0, 2, 4])


def test_unique_elements_are_sorted_and_every_nan_is_one() -> None:
    x = tensor([[3.0, nan], [1.0, 3.0], [nan, 1.0]])
    values, indices, inverse, counts = unique_all(x)
    np.testing.assert_array_equal(values.numpy(), [1, 3, nan, nan])
    np.testing.assert_array_equal(counts.numpy(), [2, 2, 1, 1])
    np.testing.assert_array_equal(x.numpy().reshape(-1)[indices.numpy()], values.numpy())
    np.testing.assert_array_equal(values.numpy()[inverse.numpy()], x.numpy())
    np.testing.assert_array_equal(unique_values(x).numpy(), values.numpy())
    np.testing.assert_array_equal(unique_counts(x).counts.numpy(), counts.numpy())
    np.testing.assert_array_equal(unique_inverse(x).inverse_indices.numpy(), inverse.numpy())


def test_there_are_no_unique_elements_of_nothing_and_one_of_a_number() -> None:
    assert unique_values(tensor(np.zeros((0, 3)))).shape == (0,)
    found = unique_all(tensor(2.0))
    assert found.inverse_indices.shape == ()
    np.testing.assert_array_equal(found.values.numpy(), [2.0])


def test_unique_values_are_constants() -> None:
    found = grad(lambda x: sum(x) + sum(unique_values(x)))(tensor([1.0, 2.0]))
    np.testing.assert_array_equal(found.numpy(), [1.0, 1.0])


def test_nonzero_is_allowed_under_jit_for_what_does_not_depend_on_its_arguments() -> None:
    def counted(x):
        return x * grad(lambda y: sum(y * nonzero(y)[0].shape[0]))(tensor([0.0, 1.0, 2.0]))

    np.testing.assert_array_equal(jit(counted)(tensor(3.0)).numpy(), [6.0, 6.0, 6.0])


def test_a_leaked_tensor_is_called_that() -> None:
    kept = []
    grad(lambda x: [kept.append(x), sum(x)][1])(tensor([1.0]))
    with pytest.raises(RecordingError, match="used after it has ended"):
        nonzero(kept[0])
