"""Running sums and products: what the contracts over the lists do not say."""

import numpy as np
import pytest

from chainrule.functions.cumulative import cumulative_prod, cumulative_sum, diff
from chainrule.functions.reduction import sum
from chainrule.ir.dtype import float32, int64, uint64
from chainrule.tensors import tensor
from chainrule.transform import grad, jacobian


@pytest.mark.parametrize("function", [cumulative_sum, cumulative_prod])
def test_narrow_integers_are_widened(function) -> None:
    assert function(tensor(np.ones(3, np.int8))).dtype is int64
    assert function(tensor(np.ones(3, np.uint8))).dtype is uint64
    assert function(tensor(np.ones(3, bool))).dtype is int64
    assert function(tensor(np.ones(3, np.float32))).dtype is float32
    assert function(tensor([1, 2]), dtype="float32").dtype is float32


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
def test_the_jacobian_of_a_running_product_is_right_at_zeros(size: int) -> None:
    """∂pᵢ/∂x_j is the product of the other factors up to i."""
    x = np.random.default_rng(size).integers(-1, 3, size).astype(float)
    expected = [
        [np.prod(np.delete(x[: i + 1], j)) if j <= i else 0.0 for j in range(size)]
        for i in range(size)
    ]
    found = np.asarray(jacobian(cumulative_prod)(tensor(x)))
    np.testing.assert_array_equal(found, expected)


def test_a_third_derivative_of_a_running_product_is_right_at_zeros() -> None:
    """p = x³ at the last place, once for each of three equal factors."""

    def cube(x):
        return sum(cumulative_prod(x * np.ones(3)))  # x + x² + x³

    for order, expected in ((1, 1.0), (2, 2.0), (3, 6.0)):
        derivative = cube
        for _ in range(order):
            derivative = grad(derivative)
        assert derivative(tensor(0.0)).item() == expected


def test_nan_and_infinity_run_on() -> None:
    x = tensor([1.0, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(cumulative_sum(x).numpy(), [1.0, np.inf, np.nan, np.nan])


def test_diff_promotes_what_it_joins() -> None:
    found = diff(tensor([1, 4], dtype="int8"), prepend=np.zeros(1, np.int8), append=np.array([9.0]))
    np.testing.assert_array_equal(found.numpy(), [1.0, 3.0, 5.0])


def test_diff_joins_numbers_as_one_element_and_nothing_where_nothing_is_subtracted() -> None:
    x = tensor([[1.0, 4.0], [9.0, 5.0]])
    np.testing.assert_array_equal(diff(x, prepend=0).numpy(), [[1.0, 3.0], [9.0, -4.0]])
    np.testing.assert_array_equal(diff(x, n=0, prepend=0).numpy(), x.numpy())


def test_diff_undoes_the_running_sum() -> None:
    x = tensor(np.arange(12.0).reshape(3, 4) ** 2)
    for axis in (0, 1):
        back = diff(cumulative_sum(x, axis=axis, include_initial=True), axis=axis)
        np.testing.assert_array_equal(back.numpy(), x.numpy())
