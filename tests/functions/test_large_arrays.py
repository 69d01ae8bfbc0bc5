"""What is quick for large arrays has the numbers of the plain way, at the hard points too."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import linalg
from chainrule.functions.pointwise import SILENT
from chainrule.ir.scalar import SCALARS

COUNT = 20_000
FLOATS = ["float16", "float32", "float64"]


def same_bits(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert found.tobytes() == expected.tobytes()


def drawn(count=COUNT, seed=0, dtype="float64"):
    return np.random.default_rng(seed).standard_normal(count).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_silent_ufuncs_warn_of_no_number(dtype):
    info, bits = np.finfo(dtype), np.dtype(dtype).str.replace("f", "u")
    signaling = (np.array([np.inf], dtype).view(bits) + 1).astype(bits).view(dtype)
    hard = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, info.max, info.min, info.smallest_subnormal]
    x = np.concatenate([np.array(hard, dtype), signaling])
    with np.errstate(all="raise"):
        for ufunc in SILENT:
            for count in (1, 5, 64):
                ufunc(np.tile(x, count))
                ufunc(np.tile(x, count)[::2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sort_leaves_zeros_of_both_signs_as_they_stand(dtype):
    x = drawn(dtype=dtype).round()
    x[::7] = -0.0
    for value, axis in ((x, -1), (x.reshape(200, 100), 0), (x.reshape(200, 100), 1)):
        order = np.argsort(value, axis, kind="stable")
        found = cr.sort(cr.tensor(value), axis=axis)
        same_bits(found, np.take_along_axis(value, order, axis))


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_largest_of_many_are_the_first_of_equal_ones(k):
    x = drawn()
    for value in (x, x.round(2), x.round(), np.zeros(COUNT), -np.abs(x), np.sort(x), x[::-1]):
        values, index = cr.topk(cr.tensor(value), k)
        expected = np.argsort(-value, kind="stable")[:k]
        same_bits(index, expected)
        same_bits(values, value[expected])


@pytest.mark.parametrize("place", [0, 777, COUNT - 1])
def test_a_nan_is_the_largest_of_many_wherever_it_stands(place):
    x = drawn()
    x[place] = np.nan
    values, index = cr.topk(cr.tensor(x), 3)
    assert index.tolist()[0] == place
    assert np.isnan(values.tolist()[0])
    same_bits(values[1:], -np.sort(-np.delete(x, place))[:2])


@pytest.mark.parametrize("q", [0.0, 0.3, 0.5, 1.0, [0.25, 0.5, 0.75], [[0.0, 1.0]]])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
def test_quantiles_are_numpy_s_and_leave_their_operand_as_it_was(q, axis):
    x = drawn(6000).reshape(20, 30, 10)
    tensor = cr.tensor(x)
    for keepdims in (False, True):
        found = cr.quantile(tensor, cr.tensor(q), axis=axis, keepdims=keepdims)
        expected = np.quantile(x, q, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-14, atol=1e-15)
    same_bits(tensor, x)


def test_quantiles_of_infinite_and_missing_numbers():
    x = np.array([[-np.inf, -np.inf, 1, 2], [1, 2, np.inf, np.inf], [1, np.nan, 2, 3]])
    for q in (0.1, [0.1, 0.9]):
        found = np.asarray(cr.quantile(cr.tensor(x), cr.tensor(q), axis=1))
        assert np.isnan(found[..., 2]).all()
        assert not np.isnan(found[..., :2]).any()
    assert cr.quantile(cr.tensor(x), 0.1, axis=1).tolist()[0] == -np.inf


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_copies_beside_each_other_are_numpy_s(dtype):
    x = (10 * drawn(600)).astype(dtype).reshape(20, 30)
    tensor = cr.tensor(x)
    for k in (1, 2, 3, 8, 9):
        same_bits(cr.repeat(tensor, k), np.repeat(x, k))
        same_bits(cr.repeat(tensor, k, axis=1), np.repeat(x, k, axis=1))
        same_bits(cr.repeat(tensor, k, axis=-2), np.repeat(x, k, axis=-2))
    for numbers in (2, (3,), (2, 3), (2, 1, 3), (0, 2), ()):
        same_bits(cr.tile(tensor, numbers), np.tile(x, numbers))
    for widths in (0, 2, (1, 2), ((0, 1), (3, 0))):
        same_bits(cr.pad(tensor, widths), np.pad(x, widths))
    for axis in (0, 1, 2, -1, -3):
        same_bits(cr.stack([tensor, tensor], axis=axis), np.stack([x, x], axis))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((8192,), 0), ((8193,), None), ((COUNT,), 0), ((3, COUNT), 1), ((COUNT, 3), 0),
     ((2, 100, 90), (1, 2)), ((100, 90, 2), (0, 1)), ((120, 130), None)],
)  # fmt: skip
def test_variances_of_long_rows(shape, axis, dtype):
    x = drawn(shape, dtype=dtype) + 1000
    for value in (x, np.asfortranarray(x), np.flip(x)):
        for correction, keepdims in ((0, False), (1, True)):
            found = cr.var(cr.tensor(value), axis=axis, correction=correction, keepdims=keepdims)
            how = {"axis": axis, "ddof": correction, "keepdims": keepdims}
            expected = np.var(value.astype("float64"), **how)
            assert (found.numpy().dtype, found.shape) == (x.dtype, expected.shape)
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_variances_of_long_rows_that_are_not_finite(wrong):
    x = drawn((3, COUNT))
    x[1, -1] = wrong
    np.testing.assert_array_equal(np.isnan(cr.var(cr.tensor(x), axis=1).numpy()), [0, 1, 0])
    huge = np.full(COUNT, 1e30, "float32") * np.where(np.arange(COUNT) % 2, 1, -1)
    assert cr.var(cr.tensor(huge.astype("float32"))).item() == np.inf


def test_matrices_with_ones_on_the_diagonal():
    for rows, columns in ((0, 0), (1, 1), (5, 5), (2, 7), (7, 2), (3, 0), (0, 3)):
        same_bits(cr.eye(rows, columns), np.eye(rows, columns))
        same_bits(cr.eye(rows, columns, k=1, dtype="int32"), np.eye(rows, columns, 1, np.int32))


@pytest.mark.parametrize("shape", [(9, 9), (3, 9, 9), (2, 3, 1, 1), (2, 0, 0)])
def test_a_trace_is_that_of_numpy_on_either_way(shape):
    x = drawn(int(np.prod(shape))).reshape(shape)
    expected = np.trace(x, axis1=-2, axis2=-1)
    same_bits(linalg.trace(cr.tensor(x)), expected)
    same_bits(cr.einsum("...ii", cr.tensor(x)), expected)
    cube = drawn(27).reshape(3, 3, 3)
    same_bits(cr.einsum("iii->i", cr.tensor(cube)), np.einsum("iii->i", cube))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 4), (1, 900), (900, 1), (122, 122)])
def test_a_matrix_times_a_vector_is_numpy_s_product(rows, columns):
    x, v = drawn(rows * columns).reshape(rows, columns), drawn(columns, 1)
    same_bits(cr.matmul(cr.tensor(x), cr.tensor(v)), np.matmul(x, v))
    turned = np.ascontiguousarray(x.T)
    same_bits(cr.matmul(cr.tensor(turned).T, cr.tensor(v)), np.matmul(turned.T, v))
    whole = np.arange(rows * columns).reshape(rows, columns)
    same_bits(cr.matmul(cr.tensor(whole), cr.tensor(whole[0])), np.matmul(whole, whole[0]))


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_blocks_of_a_long_array_have_the_bits_of_the_whole(name):
    value, x = SCALARS[name].numpy, drawn(3 * 2**13 + 5)
    parts = [value(x[k : k + 5000]) for k in range(0, len(x), 5000)]
    same_bits(value(x), np.concatenate(parts))
    same_bits(value(x[::-1])[::-1], value(x))


def test_xlogy_of_long_arrays_of_two_shapes():
    x, y = drawn(2**15).reshape(2, -1), np.abs(drawn(2**14, 1))
    x[:, ::5] = 0
    found = np.asarray(cr.xlogy(cr.tensor(x), cr.tensor(y)))
    same_bits(found[1], cr.xlogy(cr.tensor(x[1]), cr.tensor(y)))


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1000), (-5, 5), (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1), (-(2**62), 2**61), (3, 4)],
)
@pytest.mark.parametrize("count", [5, 9000])
def test_integers_are_the_high_words_of_products(low, high, count):
    key = cr.random.key(3)
    words = cr.random.bits(key, count).tolist()
    found = cr.random.randint(key, count, low, high).tolist()
    assert found == [low + (word * (high - low) >> 64) for word in words]


@pytest.mark.parametrize("shape", [(300_000, 2), (70_001, 16), (5_000, 3, 4), (4_600, 300)])
def test_sums_down_long_columns_of_float32_keep_their_digits(shape: tuple[int, ...]) -> None:
    """One by one, the variance of 300,000 numbers around 1,000 is off by 72 %."""
    x = (1000 + np.random.default_rng(5).standard_normal(shape)).astype(np.float32)
    own, c = x.astype(float), cr.tensor(x)
    y = c - 999
    found = {
        "sum": (cr.sum(c, axis=0), own.sum(0)),
        "mean": (cr.mean(c, axis=0, keepdims=True), own.mean(0, keepdims=True)),
        "var": (cr.var(c, axis=0), own.var(0)),
        "norm": (cr.linalg.vector_norm(c, axis=0), np.sqrt((own**2).sum(0))),
        "dot": (cr.vecdot(c, y, axis=0), (own * (own - 999)).sum(0)),
        "einsum": (cr.einsum("i...->...", c), own.sum(0)),
    }
    for name, (a, b) in found.items():
        np.testing.assert_allclose(a.numpy(), b, rtol=2e-6, err_msg=name)
