"""Element-wise functions: promotion, numbers in either place, and what the standard asks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.functions import elementary as el
from chainrule.functions import elementwise as ew
from chainrule.ir.dtype import ALL, PROMOTION, with_scalar
from chainrule.ir.primitives import Einsum
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jit

BINARY = [ew.add, ew.subtract, ew.multiply, ew.maximum, cr.less, ew.remainder, ew.floor_divide]
FLOATING = [ew.divide, el.atan2, el.hypot, el.logaddexp, el.xlogy, ew.copysign]
each_binary = pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
each_floating = pytest.mark.parametrize("function", FLOATING, ids=lambda f: f.__name__)
each_rounding = pytest.mark.parametrize("function", [ew.floor, ew.ceil, ew.trunc, ew.round])

NUMBERS = [d for d in ALL if d.kind != "bool"]


def ones(dtype: Any) -> Tensor:
    return tensor(np.ones(3, dtype.numpy))


@each_binary
def test_two_dtypes_meet_in_their_common_one(function: Callable[..., Tensor]) -> None:
    for a in NUMBERS:
        for b in NUMBERS:
            common = PROMOTION[a, b]
            if common is None:
                continue
            expected = "bool" if function is cr.less else common.name
            assert function(ones(a), ones(b)).dtype.name == expected
            assert jit(function)(ones(a), ones(b)).dtype.name == expected


@each_floating
def test_integers_become_floating(function: Callable[..., Tensor]) -> None:
    for a in NUMBERS:
        for b in NUMBERS:
            common = PROMOTION[a, b]
            if common is not None:
                expected = common.name if common.is_float else "float64"
                assert function(ones(a), ones(b)).dtype.name == expected


@each_binary
@pytest.mark.parametrize("number", [1, 2.0, True])
def test_a_python_number_has_no_width_in_either_place(
    function: Callable[..., Tensor], number: float
) -> None:
    for dtype in NUMBERS:
        expected = "bool" if function is cr.less else with_scalar(dtype, number).name
        for call in (function, jit(function)):
            assert call(ones(dtype), number).dtype.name == expected
            assert call(number, ones(dtype)).dtype.name == expected


@each_binary
def test_eager_and_recorded_calls_agree_for_every_kind_of_operand(
    function: Callable[..., Tensor],
) -> None:
    x = tensor(np.array([[1.5, -2.0, 3.0]]))
    others = [2, 0.5, np.float64(0.5), x, tensor([1, 2, 3]), np.array([[1.0], [2.0]]), tensor(2.0)]
    for other in others:
        for left, right in ((x, other), (other, x)):
            expected = function(left, right)
            actual = jit(lambda left=left, right=right: function(left, right))()
            inside = jit(lambda x, f=function, y=other: (f(x, y), f(y, x)))(x)
            assert actual.dtype is expected.dtype
            np.testing.assert_array_equal(actual.numpy(), expected.numpy())
            known = inside[0] if left is x else inside[1]
            np.testing.assert_array_equal(known.numpy(), expected.numpy())


@each_rounding
@pytest.mark.parametrize("dtype", ["int8", "uint64", "int64"])
def test_rounding_leaves_integers_alone(function: Callable[..., Tensor], dtype: str) -> None:
    x = tensor([1, 2, 3], dtype=dtype)
    assert function(x).dtype.name == dtype
    np.testing.assert_array_equal(function(x).numpy(), x.numpy())


def test_halves_are_rounded_to_the_even_integer() -> None:
    x = tensor([-1.5, -0.5, 0.5, 1.5, 2.5])
    np.testing.assert_array_equal(ew.round(x).numpy(), [-2, -0.0, 0, 2, 2])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "float32", "float64"])
def test_clip_takes_one_bound_or_none_and_keeps_the_dtype(dtype: str) -> None:
    x = tensor([0, 5, 100], dtype=dtype)
    for low, high in ((None, None), (3, None), (None, 50), (3, 50)):
        result = ew.clip(x, low, high)
        assert result.dtype.name == dtype
        expected = np.clip([0, 5, 100], 0 if low is None else low, 100 if high is None else high)
        np.testing.assert_array_equal(result.numpy(), expected)


def test_clip_broadcasts_its_bounds_and_lets_nan_through() -> None:
    x = tensor([[np.nan], [5.0]])
    result = ew.clip(x, tensor([0.0, 6.0]), max=tensor([1.0, 7.0]))
    np.testing.assert_array_equal(result.numpy(), [[np.nan, np.nan], [1, 6]])
    np.testing.assert_array_equal(ew.clip(tensor([-np.inf, np.inf]), min=0).numpy(), [0, np.inf])


@pytest.mark.parametrize("exponent", [2, 3, -1, 2.0, 3.0, -1.0])
def test_small_powers_are_products(exponent: float) -> None:
    x = np.linspace(-2, 2, 41) + 0.01
    power = el.pow(tensor(x), exponent)
    np.testing.assert_allclose(power.numpy(), x ** float(exponent), rtol=4e-16)
    ops = {n.op.__class__ for n in jit(lambda x: el.pow(x, 2)).graph(tensor(x)).nodes()}
    assert Einsum in ops


def test_integer_powers_are_integers() -> None:
    assert el.pow(tensor([2, 3], dtype="int32"), 2).dtype.name == "int32"
    np.testing.assert_array_equal(el.pow(tensor([2, 3]), tensor([5, 3])).numpy(), [32, 27])
    np.testing.assert_array_equal(el.pow(2, tensor([0, 3])).numpy(), [1, 8])


def test_a_broadcast_product_is_one_contraction_that_copies_nothing() -> None:
    x, w = tensor(np.ones((4, 3))), tensor(np.arange(3.0))
    graph = jit(ew.multiply).graph(x, w)
    assert [type(n.op).__name__ for n in graph.nodes() if n.inputs] == ["Einsum"]
    gradient = grad(lambda w: ew.multiply(x, w).sum())(w)
    np.testing.assert_array_equal(gradient.numpy(), [4, 4, 4])


@pytest.mark.parametrize("shapes", [((0, 3), (3,)), ((0, 1), (1, 3)), ((1,), (1, 1)), ((), (0,))])
def test_axes_of_size_zero_and_one_broadcast(shapes: tuple[tuple[int, ...], ...]) -> None:
    a, b = (tensor(np.ones(s)) for s in shapes)
    for function in (ew.add, ew.multiply, ew.divide):
        expected = np.broadcast_shapes(*shapes)
        assert function(a, b).shape == jit(function)(a, b).shape == expected
        left, right = grad(lambda a, b, f=function: f(a, b).sum(), argnums=(0, 1))(a, b)
        assert (left.shape, right.shape) == shapes


def test_where_promotes_and_broadcasts_and_takes_numbers() -> None:
    mask = tensor([[True], [False]])
    result = ew.where(mask, tensor([1, 2], dtype="float32"), 0)
    assert result.dtype.name == "float32"
    np.testing.assert_array_equal(result.numpy(), [[1, 2], [0, 0]])
    assert ew.where(True, 1, 2.5).dtype.name == "float64"
    assert ew.where(mask, tensor([1, 2]), True).dtype.name == "int64"


def test_no_result_shares_memory_that_could_be_written_to() -> None:
    x = np.ones(3)
    for function in (ew.positive, ew.floor, ew.abs):
        result = function(x)
        x[0] = 7
        assert result.numpy()[0] == 1
        x[0] = 1
