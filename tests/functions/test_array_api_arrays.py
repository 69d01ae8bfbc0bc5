"""The array API standard: how arrays are made, moved, indexed, sorted and multiplied."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.ir.dtype import ALL, DType
from tests.functions.array_api import DTYPES, SHAPES, arrays, examples, moderate, same, xps

# ---------------------------------------------------------------- manipulation


@examples(100)
@given(data=st.data())
def test_axes_move_as_in_numpy(data: Any) -> None:
    x = arrays(data, data.draw(DTYPES))
    n = x.numpy()
    order = data.draw(st.permutations(range(x.ndim)))
    same(cr.permute_dims(x, order), n.transpose(order))
    same(cr.reshape(x, (-1,) if x.size else x.shape[::-1]), n.reshape(x.size or n.shape[::-1]))
    axes = data.draw(xps.valid_tuple_axes(x.ndim))
    same(cr.flip(x, axis=axes), np.flip(n, axes))
    shift = data.draw(st.tuples(*[st.integers(-4, 4)] * len(axes)))
    if axes:
        same(cr.roll(x, shift, axis=axes), np.roll(n, shift, axes))
    ones = tuple(a for a in axes if x.shape[a] == 1)
    same(cr.squeeze(x, axis=ones), np.squeeze(n, ones))
    axis = data.draw(st.integers(-x.ndim - 1, x.ndim))
    same(cr.expand_dims(x, axis=axis), np.expand_dims(n, axis))
    repetitions = data.draw(st.lists(st.integers(0, 2), max_size=4))
    same(cr.tile(x, tuple(repetitions)), np.tile(n, repetitions))
    wide = data.draw(xps.mutually_broadcastable_shapes(1, base_shape=x.shape, min_side=0))
    same(cr.broadcast_to(x, wide.result_shape), np.broadcast_to(n, wide.result_shape))


@examples(60)
@given(data=st.data())
def test_tensors_are_joined_as_in_numpy(data: Any) -> None:
    dtype, shape = data.draw(DTYPES), data.draw(xps.array_shapes(max_dims=3, max_side=3))
    parts = [arrays(data, dtype, shape) for _ in range(data.draw(st.integers(1, 3)))]
    plain = [p.numpy() for p in parts]
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    same(cr.concat(parts, axis=axis), np.concatenate(plain, axis))
    same(cr.concat(parts, axis=None), np.concatenate(plain, None))
    same(cr.stack(parts, axis=axis), np.stack(plain, axis))
    for ours, theirs in zip(
        cr.unstack(parts[0], axis=axis), np.unstack(plain[0], axis=axis), strict=True
    ):
        same(ours, theirs)
    count = data.draw(st.integers(0, 3))
    same(cr.repeat(parts[0], count, axis=axis), np.repeat(plain[0], count, axis))


# ---------------------------------------------------------------- indexing, sorting, searching


@examples(150)
@given(data=st.data())
def test_every_index_of_the_standard_reads_and_writes_as_in_numpy(data: Any) -> None:
    x = arrays(data, data.draw(DTYPES))
    index = data.draw(xps.indices(x.shape, allow_newaxis=True))
    same(x[index], x.numpy()[index])
    index = data.draw(xps.indices(x.shape))
    value = data.draw(xps.from_dtype(x.dtype))
    changed = x.numpy().copy()
    changed[index] = value
    same(x.at[index].set(value), changed)


@examples(60)
@given(data=st.data())
def test_masks_and_integer_arrays_select_as_in_numpy(data: Any) -> None:
    shape = data.draw(xps.array_shapes(max_dims=3, max_side=3))
    x = arrays(data, data.draw(DTYPES), shape)
    mask = arrays(data, cr.bool, shape[: data.draw(st.integers(1, len(shape)))])
    same(x[mask], x.numpy()[mask.numpy()])
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    bounds = {"min_value": 0, "max_value": shape[axis] - 1}
    places = arrays(data, cr.int64, (data.draw(st.integers(0, 4)),), bounds)
    same(cr.take(x, places, axis=axis), x.numpy().take(places.numpy(), axis))
    along = arrays(data, cr.int64, shape, bounds)
    same(
        cr.take_along_axis(x, along, axis=axis),
        np.take_along_axis(x.numpy(), along.numpy(), axis),
    )
    for ours, theirs in zip(cr.nonzero(x), x.numpy().nonzero(), strict=True):
        same(ours, theirs)


@examples(60)
@given(data=st.data())
def test_sorting_and_sets_are_those_of_numpy(data: Any) -> None:
    dtype = data.draw(xps.real_dtypes())
    number = {"allow_nan": False} if dtype.is_float else None
    x = arrays(data, dtype, xps.array_shapes(max_dims=3, max_side=3), number)
    n = x.numpy()
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    same(cr.sort(x, axis=axis), np.sort(n, axis))
    same(cr.argsort(x, axis=axis), np.argsort(n, axis, kind="stable"))
    same(cr.sort(x, axis=axis, descending=True), np.flip(np.sort(n, axis), axis))
    line = cr.sort(cr.reshape(x, (-1,)))
    for side in ("left", "right"):
        same(
            cr.searchsorted(line, x, side=side),
            np.searchsorted(line.numpy(), n, side=side),  # type: ignore[call-overload]
        )
    same(cr.unique_values(x), np.unique(n))
    for ours, theirs in zip(cr.unique_all(x), np.unique_all(n), strict=True):
        same(ours, theirs)


# ---------------------------------------------------------------- creation, products


@examples(60)
@given(dtype=DTYPES, shape=SHAPES, data=st.data())
def test_new_tensors_are_those_of_numpy(dtype: DType, shape: Any, data: Any) -> None:
    value = data.draw(xps.from_dtype(dtype))
    same(cr.full(shape, value, dtype=dtype), np.full(shape, value, dtype.numpy))
    made = cr.empty(shape, dtype=dtype)
    assert (made.shape, made.dtype) == (shape, dtype)
    for name in ("zeros", "ones"):
        same(getattr(cr, name)(shape, dtype=dtype), getattr(np, name)(shape, dtype.numpy))
        same(getattr(cr, f"{name}_like")(made), getattr(np, name)(shape, dtype.numpy))
    rows, columns, k = (data.draw(st.integers(low, 4)) for low in (0, 0, -5))
    same(cr.eye(rows, columns, k=k, dtype=dtype), np.eye(rows, columns, k, dtype.numpy))
    x = arrays(data, dtype, (rows, columns))
    same(cr.tril(x, k=k), np.tril(x.numpy(), k))
    same(cr.triu(x, k=k), np.triu(x.numpy(), k))
    same(cr.asarray(x.tolist(), dtype=dtype).reshape(x.shape), x.numpy())


@examples(60)
@given(start=st.integers(-9, 9), stop=st.integers(-9, 9), step=st.integers(1, 4), data=st.data())
def test_ranges_are_those_of_numpy(start: int, stop: int, step: int, data: Any) -> None:
    same(cr.arange(start, stop, step), np.arange(start, stop, step))
    same(cr.arange(stop, start, -step), np.arange(stop, start, -step))
    same(cr.arange(start, float(stop), step), np.arange(start, float(stop), step))
    endpoint = data.draw(st.booleans())
    expected = np.linspace(start, stop, step, endpoint=endpoint)
    same(cr.linspace(start, stop, step, endpoint=endpoint), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [d for d in ALL if d is not cr.bool], ids=repr)
@examples(15)
@given(data=st.data())
def test_products_are_those_of_numpy(dtype: DType, data: Any) -> None:
    stack = data.draw(xps.mutually_broadcastable_shapes(2, max_dims=2, max_side=3)).input_shapes
    m, n, p = (data.draw(st.integers(0, 3)) for _ in range(3))
    x = arrays(data, dtype, (*stack[0], m, n), moderate(dtype))
    y = arrays(data, dtype, (*stack[1], n, p), moderate(dtype))
    close = {"rtol": 1e-5, "atol": 1e-5}
    same(cr.matmul(x, y), np.matmul(x.numpy(), y.numpy()), **close)
    same(cr.matrix_transpose(x), np.matrix_transpose(x.numpy()))
    same(cr.tensordot(x, y, axes=0), np.tensordot(x.numpy(), y.numpy(), 0), **close)
    same(cr.vecdot(x, x), np.vecdot(x.numpy(), x.numpy()), **close)
