"""Reductions: what the contracts over the lists do not say."""

import numpy as np
import pytest

from chainrule.functions.deviations import std, var
from chainrule.functions.reduction import all, any, max, mean, min, prod, sum
from chainrule.ir.dtype import float32, float64, int64, uint64
from chainrule.tensors import tensor
from chainrule.transform import grad, hessian, jit, vmap

nan, inf = np.nan, np.inf


@pytest.mark.parametrize("function", [sum, prod])
@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [
        ("bool", int64), ("int8", int64), ("int64", int64), ("uint8", uint64), ("uint64", uint64),
        ("float32", float32), ("float64", float64),
    ],
)  # fmt: skip
def test_sums_and_products_of_narrow_integers_are_wide(function, dtype, wanted) -> None:
    assert function(tensor(np.ones((2, 2), dtype))).dtype is wanted
    assert function(tensor(np.ones((2, 2), dtype)), dtype="float32").dtype is float32


def test_a_sum_of_bytes_does_not_overflow() -> None:
    assert sum(tensor(np.full(10, 200, np.uint8))).item() == 2000


def test_the_mean_of_float32_stays_float32_and_that_of_integers_is_float64() -> None:
    assert mean(tensor(np.ones(3, np.float32))).dtype is float32
    assert var(tensor([1, 2])).dtype is float64


@pytest.mark.parametrize("function", [sum, prod, mean, max, min])
def test_nan_propagates(function) -> None:
    x = np.array([[1.0, nan], [3.0, 4.0]])
    oracle = getattr(np, function.__name__)
    np.testing.assert_array_equal(function(tensor(x), axis=1).numpy(), oracle(x, axis=1))
    np.testing.assert_array_equal(function(tensor(x)).numpy(), nan)


def test_infinities_reduce_as_in_numpy() -> None:
    x = tensor([inf, -inf, 1.0])
    assert np.isnan(sum(x).item())
    assert max(x).item() == inf
    assert min(x).item() == -inf


def test_empty_sums_are_0_products_1_means_nan_and_truths_vacuous() -> None:
    x = tensor(np.zeros((2, 0)))
    np.testing.assert_array_equal(sum(x, axis=1).numpy(), [0, 0])
    np.testing.assert_array_equal(prod(x, axis=1).numpy(), [1, 1])
    np.testing.assert_array_equal(mean(x, axis=1).numpy(), [nan, nan])
    np.testing.assert_array_equal(mean(x, axis=0).numpy(), [])
    np.testing.assert_array_equal(var(x, axis=1).numpy(), [nan, nan])
    assert not any(x).item()
    assert all(x).item()


@pytest.mark.parametrize("function", [max, min])
def test_tied_extrema_share_the_derivative_evenly(function) -> None:
    x = tensor([[2.0, 2.0, 2.0], [1.0, 2.0, 1.0]])
    found = grad(lambda x: sum(function(x, axis=1)))(x).numpy()
    second = [0, 1, 0] if function is max else [0.5, 0, 0.5]
    np.testing.assert_array_equal(found, [[1 / 3] * 3, second])
    np.testing.assert_array_equal(
        grad(function)(tensor(np.zeros((2, 2)))).numpy(), [[0.25] * 2] * 2
    )


def test_the_product_has_derivatives_of_every_order_where_factors_are_0() -> None:
    x = tensor([0.0, 3.0, 0.0, 2.0])
    np.testing.assert_array_equal(grad(prod)(x).numpy(), np.zeros(4))
    expected = np.zeros((4, 4))
    expected[0, 2] = expected[2, 0] = 6.0
    np.testing.assert_array_equal(np.asarray(hessian(prod)(x)), expected)


def test_the_variance_of_numbers_with_a_large_mean_keeps_its_digits() -> None:
    """The numbers 1, 2, 3, 4 shifted by 10⁹; one pass would leave no digit."""
    x = tensor(np.array([1.0, 2.0, 3.0, 4.0]) + 1e9)
    assert var(x).item() == 1.25
    np.testing.assert_array_equal(grad(var)(x).numpy(), np.array([-1.5, -0.5, 0.5, 1.5]) / 2)


def test_the_correction_may_be_a_fraction_and_leaves_nothing_where_it_eats_all_freedom() -> None:
    x = tensor([1.0, 2.0, 4.0])
    assert var(x, correction=0.5).item() == pytest.approx(np.var(x.numpy()) * 3 / 2.5)
    assert np.isnan(var(x, correction=3).item())
    assert np.isnan(std(x, correction=4).item())
    assert np.isnan(var(tensor(2.0), correction=1).item())


def test_the_standard_deviation_of_equal_numbers_has_derivative_0_in_all_orders() -> None:
    x = tensor([[3.0, 3.0], [1.0, 3.0]])
    found = grad(lambda x: sum(std(x, axis=1)))(x).numpy()
    np.testing.assert_array_equal(found, [[0, 0], [-0.5, 0.5]])
    assert np.isfinite(np.asarray(hessian(lambda x: sum(std(x, axis=1)))(x))).all()
    twice = grad(lambda x: sum(grad(lambda x: sum(std(x, axis=1)))(x)))(x)
    np.testing.assert_array_equal(twice.numpy(), np.zeros((2, 2)))


def test_truth_of_numbers_is_being_other_than_0() -> None:
    x = tensor([[0.0, -0.0], [nan, 0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(any(x, axis=1).numpy(), [False, True, True])
    np.testing.assert_array_equal(all(x, axis=1).numpy(), [False, False, True])
    np.testing.assert_array_equal(vmap(any)(x).numpy(), [False, True, True])


def test_arrays_lists_of_axes_and_numbers_are_taken() -> None:
    assert sum(3).item() == 3
    assert sum(np.ones((2, 3, 4)), axis=[0, -1]).shape == (3,)
    assert sum(np.ones((2, 3)), axis=np.int64(1)).shape == (2,)
    assert max(2.5).item() == 2.5


@pytest.mark.parametrize("function", [sum, mean, max, var])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": (1, -1), "keepdims": True}])
def test_the_short_way_gives_the_bits_of_the_program(function, options) -> None:
    x = tensor(np.random.default_rng(0).standard_normal((3, 5, 7)).astype(np.float32))
    np.testing.assert_array_equal(
        function(x, **options).numpy(), jit(lambda x: function(x, **options))(x).numpy()
    )
