"""The array API standard, by hypothesis' own strategies for it: every dtype, shape and index.

Each function is called on what the strategies draw, NaN, infinities and empty arrays included, and
must give NumPy's dtype, shape and numbers. ``docs/array-api.md`` tells how the standard's own suite
was run, which asks more.
"""

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import DTypeError, ShapeError
from chainrule.ir.dtype import PROMOTION, DType, with_scalar
from tests.cases.elementwise import oracle
from tests.functions.array_api import (
    DTYPES,
    FLOATING,
    INTEGERS,
    SHAPES,
    arrays,
    examples,
    moderate,
    same,
    xps,
)

ACCEPTED = {
    "any": DTYPES,
    "numbers": xps.real_dtypes(),
    "floating": FLOATING,
    "integers": INTEGERS,
    "bits": INTEGERS | xps.boolean_dtypes(),
    "bool": xps.boolean_dtypes(),
}
"""What the standard lets a function take."""

UNARY = {
    "any": "isfinite isinf isnan",
    "numbers": "abs ceil conj floor negative positive real round sign square trunc",
    "floating": "acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p log2 "
    "reciprocal signbit sin sinh sqrt tan tanh",
    "bits": "bitwise_invert",
    "bool": "logical_not",
}
BINARY = {
    "any": "equal not_equal",
    "numbers": "add floor_divide greater greater_equal less less_equal maximum minimum multiply "
    "pow remainder subtract",
    "floating": "atan2 copysign divide hypot logaddexp nextafter",
    "integers": "bitwise_left_shift bitwise_right_shift",
    "bits": "bitwise_and bitwise_or bitwise_xor",
    "bool": "logical_and logical_or logical_xor",
}
OPERATORS = {
    "any": "eq ne",
    "numbers": "add sub mul lt le gt ge floordiv mod pow",
    "floating": "truediv",
    "integers": "lshift rshift",
    "bits": "and_ or_ xor",
}


def each(table: dict[str, str]) -> Any:
    """One test for each name, with what that function accepts."""
    rows = [(name, ACCEPTED[kind]) for kind, names in table.items() for name in names.split()]
    return pytest.mark.parametrize(("name", "dtypes"), rows, ids=[name for name, _ in rows])


def second_operands(name: str, dtype: DType) -> Any:
    """What a second operand is made of where the standard leaves some results open."""
    if dtype.is_integer and name in ("floor_divide", "remainder", "floordiv", "mod"):
        return {"min_value": 1}
    if "shift" in name:
        return {"min_value": 0, "max_value": dtype.bits - 1}
    if dtype.is_integer and name == "pow":
        return {"min_value": 0, "max_value": 5}
    if dtype.is_float and name in ("floor_divide", "floordiv"):  # NumPy has other limits
        return {"min_value": 0.125, "max_value": 8}
    return None


def first_operands(name: str, dtype: DType) -> Any:
    if dtype.is_float and name in ("floor_divide", "floordiv"):
        return {"allow_nan": True, "allow_infinity": False}
    return None


def pairs(data: Any, name: str, left: DType, right: DType) -> tuple[Any, Any]:
    """Two operands of shapes that broadcast."""
    shapes = data.draw(xps.mutually_broadcastable_shapes(2, max_dims=3, max_side=3)).input_shapes
    return (
        arrays(data, left, shapes[0], first_operands(name, left)),
        arrays(data, right, shapes[1], second_operands(name, right)),
    )


# ---------------------------------------------------------------- element-wise functions

ROUNDING = {name: getattr(np, name) for name in ("round", "real", "conj")}


@each(UNARY)
@examples(20)
@given(data=st.data())
def test_a_function_of_one_operand_is_that_of_numpy(name: str, dtypes: Any, data: Any) -> None:
    x = arrays(data, data.draw(dtypes))
    function = getattr(cr, name)
    with np.errstate(all="ignore"):
        expected = ROUNDING.get(name, oracle(name))(x.numpy())
    same(function(x), expected)
    same(cr.jit(function)(x), expected, rtol=1e-6)


@each(BINARY)
@examples(25)
@given(data=st.data())
def test_a_function_of_two_operands_promotes_and_broadcasts(
    name: str, dtypes: Any, data: Any
) -> None:
    left, right = data.draw(dtypes), data.draw(dtypes)
    common = PROMOTION[left, right]
    if common is None:
        with pytest.raises(DTypeError, match="have no common integer type"):
            getattr(cr, name)(cr.ones(2, dtype=left), cr.ones(2, dtype=right))
        return
    narrow = left if "shift" in name and left.bits < right.bits else right
    x, y = pairs(data, name, left, narrow)
    function = getattr(cr, name)
    with np.errstate(all="ignore"):
        common = PROMOTION[left, narrow]
        assert common is not None
        expected = oracle(name)(x.numpy().astype(common.numpy), y.numpy().astype(common.numpy))
    same(function(x, y), expected)
    same(cr.jit(function)(x, y), expected, rtol=1e-6)


@each(OPERATORS)
@examples(20)
@given(data=st.data())
def test_an_operator_is_that_of_numpy(name: str, dtypes: Any, data: Any) -> None:
    dtype = data.draw(dtypes)
    called = {"lshift": "left_shift", "rshift": "right_shift"}.get(name, name)
    x, y = pairs(data, called, dtype, dtype)
    with np.errstate(all="ignore"):
        same(getattr(operator, name)(x, y), getattr(operator, name)(x.numpy(), y.numpy()))


@each({"numbers": "add sub mul lt ge floordiv", "floating": "truediv", "bits": "and_ or_ xor"})
@examples(20)
@given(data=st.data())
def test_a_python_number_takes_the_dtype_of_the_tensor(name: str, dtypes: Any, data: Any) -> None:
    dtype = data.draw(dtypes)
    x = arrays(data, dtype, elements=first_operands(name, dtype))
    number = data.draw(xps.from_dtype(dtype, **(second_operands("floordiv", dtype) or {})))
    function = getattr(operator, name)
    assert with_scalar(dtype, number) is dtype
    with np.errstate(all="ignore"):
        same(function(x, number), function(x.numpy(), number))
        if name != "floordiv":
            same(function(number, x), function(number, x.numpy()))


@examples(100)
@given(data=st.data())
def test_clip_and_where_choose_as_numpy_does(data: Any) -> None:
    dtype = data.draw(xps.real_dtypes())
    shapes = data.draw(xps.mutually_broadcastable_shapes(3, max_dims=3, max_side=3)).input_shapes
    mask = arrays(data, cr.bool, shapes[0])
    x, y = (arrays(data, dtype, s) for s in shapes[1:])
    low, high = np.minimum(x.numpy(), y.numpy()), np.maximum(x.numpy(), y.numpy())
    same(cr.where(mask, x, y), np.where(mask.numpy(), x.numpy(), y.numpy()))
    middle = arrays(data, dtype, low.shape)
    same(cr.clip(middle, low, high), np.clip(middle.numpy(), low, high))
    same(cr.clip(middle, min=low), np.maximum(middle.numpy(), low))
    same(cr.clip(middle, max=high), np.minimum(middle.numpy(), high))


@examples(50)
@given(left=SHAPES, right=SHAPES)
def test_shapes_that_numpy_does_not_broadcast_are_refused(left: Any, right: Any) -> None:
    try:
        shape = np.broadcast_shapes(left, right)
    except ValueError:
        for function in (cr.add, cr.multiply, cr.maximum, cr.broadcast_arrays):
            with pytest.raises(ShapeError):
                function(cr.ones(left), cr.ones(right))
        return
    assert cr.add(cr.ones(left), cr.ones(right)).shape == shape
    assert [t.shape for t in cr.broadcast_arrays(cr.ones(left), cr.ones(right))] == [shape] * 2


# ---------------------------------------------------------------- dtypes


@examples(100)
@given(x=DTYPES.flatmap(lambda d: xps.arrays(d, SHAPES, elements=moderate(d))), target=DTYPES)
def test_astype_converts_as_numpy_does(x: Any, target: DType) -> None:
    if target.kind == "unsigned" and x.dtype.is_float:
        x = cr.abs(x)  # negative numbers have no unsigned value
    same(cr.astype(x, target), x.numpy().astype(target.numpy))


@examples(60)
@given(left=DTYPES, right=DTYPES)
def test_dtypes_are_compared_as_the_standard_says(left: DType, right: DType) -> None:
    assert cr.isdtype(left, right) == (left is right)
    assert cr.isdtype(left, "numeric") == (left is not cr.bool)
    assert cr.isdtype(left, "integral") == np.issubdtype(left.numpy, np.integer)
    assert cr.isdtype(left, "real floating") == np.issubdtype(left.numpy, np.floating)
    limits = cr.finfo if left.is_float else cr.iinfo
    if left is not cr.bool:
        theirs: Any = (np.finfo if left.is_float else np.iinfo)(left.numpy)  # type: ignore[operator]
        assert (limits(left).min, limits(left).max) == (theirs.min, theirs.max)
    same_kind = left.kind == right.kind
    if PROMOTION[left, right] is not None and (same_kind or not (left.is_float ^ right.is_float)):
        assert cr.result_type(left, right).numpy == np.result_type(left.numpy, right.numpy)


# ---------------------------------------------------------------- reductions

REDUCTIONS = {
    "any": "all any count_nonzero",
    "numbers": "sum prod max min",
    "floating": "mean var std",
}


@each(REDUCTIONS)
@examples(40)
@given(data=st.data())
def test_a_reduction_is_that_of_numpy(name: str, dtypes: Any, data: Any) -> None:
    dtype = data.draw(dtypes)
    least = 0 if name in ("all", "any", "count_nonzero", "sum", "prod") else 1
    shape = data.draw(xps.array_shapes(min_dims=0, max_dims=3, min_side=least, max_side=3))
    x = arrays(data, dtype, shape, moderate(dtype))
    axis = data.draw(st.none() | xps.valid_tuple_axes(len(shape)))
    keepdims = data.draw(st.booleans())
    if axis == () and name == "count_nonzero":
        axis = None
    expected = getattr(np, name)(x.numpy(), axis=axis, keepdims=keepdims)
    same(getattr(cr, name)(x, axis=axis, keepdims=keepdims), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["argmax", "argmin", "cumulative_sum", "cumulative_prod"])
@examples(40)
@given(data=st.data())
def test_what_runs_along_one_axis_is_that_of_numpy(name: str, data: Any) -> None:
    dtype = data.draw(xps.real_dtypes())
    shape = data.draw(xps.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
    x = arrays(data, dtype, shape, moderate(dtype))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    expected = getattr(np, name)(x.numpy(), axis=axis)
    same(getattr(cr, name)(x, axis=axis), expected, rtol=1e-4, atol=1e-5)
