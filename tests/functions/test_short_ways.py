"""What is computed at once for a known Tensor has the numbers that a recorded program has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

import chainrule as cr
from chainrule import stats
from chainrule.errors import AxisError, IndexingError
from chainrule.ir.routines.ordering import stable_order
from chainrule.runtime.quiet import quiet, quietly

WAYS: dict[str, Callable[[Any], Any]] = {
    "all of all": cr.all,
    "any of each column": lambda x: cr.any(x, axis=0, keepdims=True),
    "argmax": lambda x: cr.argmax(x, axis=1),
    "argmax that keeps its axis": lambda x: cr.argmax(x, axis=1, keepdims=True),
    "argmin of all": cr.argmin,
    "argsort": lambda x: cr.argsort(x, axis=0),
    "broadcast_to": lambda x: cr.broadcast_to(x[:, None], (2, 6, 3, 1100)),
    "clip": lambda x: cr.clip(x, -0.5, 0.5),
    "clip of integers": lambda x: cr.clip(cr.argsort(x), 10, 700),
    "concat": lambda x: cr.concat([x, x], axis=1),
    "count_nonzero": lambda x: cr.count_nonzero(x, axis=0, keepdims=True),
    "cross": lambda x: cr.linalg.cross(x[:, :3], x[:, 2:5]),
    "cumulative_prod": lambda x: cr.cumulative_prod(x, axis=1),
    "cumulative_sum": lambda x: cr.cumulative_sum(x, axis=0),
    "cumulative_sum of integers": lambda x: cr.cumulative_sum(
        cr.argsort(x).astype("int32"), axis=1
    ),
    "diagonal": lambda x: cr.linalg.diagonal(x, offset=1),
    "diff": lambda x: cr.diff(x, axis=0),
    "diff of integers": lambda x: cr.diff(cr.argsort(x), axis=0),
    "dot products of columns": lambda x: cr.vecdot(x, x + 1, axis=0),
    "dot products along the middle": lambda x: cr.vecdot(
        x.reshape((3, 2, 1100)), x.reshape((3, 2, 1100)), axis=-2
    ),
    "dot products of one number": lambda x: cr.vecdot(x[:1], x[1:2], axis=0),
    "kron": lambda x: cr.kron(x[:2, :3], x[1:3, :2]),
    "layer_norm": lambda x: cr.layer_norm(x, x[0], x[-1]),
    "layer_norm with a bias": lambda x: cr.layer_norm(x, bias=x[0]),
    "log_softmax": cr.log_softmax,
    "logsumexp": cr.logsumexp,
    "logsumexp of columns": lambda x: cr.logsumexp(x, axis=0, keepdims=True),
    "many matrices times one": lambda x: (
        cr.tile(x, (10, 1)).reshape((1375, 3, 16)) @ x[0, :256].reshape((16, 16))
    ),
    "matrices times one": lambda x: x.reshape((275, 3, 8)) @ x[0, :64].reshape((8, 8)),
    "matrix times a vector": lambda x: x @ x[0],
    "matrix_norm": cr.linalg.matrix_norm,
    "norm": cr.linalg.norm,
    "norm of columns that lie apart": lambda x: cr.linalg.norm(cr.tile(x, (5, 1)).T[::3]),
    "norms of rows": lambda x: cr.linalg.vector_norm(x, axis=-1, keepdims=True),
    "norm of more numbers": lambda x: cr.linalg.norm(cr.tile(x.reshape(-1), 3)),
    "norm of a row": lambda x: cr.linalg.vector_norm(x[5], axis=0),
    "norm along all axes": lambda x: cr.linalg.vector_norm(x, axis=(1, 0)),
    "norm that keeps axes": lambda x: cr.linalg.vector_norm(x, keepdims=True),
    "norms of columns": lambda x: cr.linalg.vector_norm(x, axis=0, keepdims=True),
    "norms of order 0": lambda x: cr.linalg.vector_norm(x, axis=1, ord=0),
    "norms of order 1": lambda x: cr.linalg.vector_norm(x, axis=1, ord=1),
    "norms of order -1": lambda x: cr.linalg.vector_norm(x, axis=0, ord=-1),
    "norms of order 3": lambda x: cr.linalg.vector_norm(x, axis=0, ord=3),
    "norms of order -inf": lambda x: cr.linalg.vector_norm(x, axis=1, ord=-np.inf),
    "norms of order inf": lambda x: cr.linalg.vector_norm(x, ord=np.inf),
    "matrix_norm of columns": lambda x: cr.linalg.matrix_norm(x, ord=1, keepdims=True),
    "matrix_norm of rows": lambda x: cr.linalg.matrix_norm(x.reshape((2, 3, 1100)), ord=-np.inf),
    "matrix_norm of a larger one": lambda x: cr.linalg.matrix_norm(cr.concat([x, x, x])),
    "max of integers": lambda x: cr.max(cr.argsort(x).astype("uint8"), axis=1),
    "mean of integers": lambda x: cr.mean(cr.argsort(x), axis=0),
    "median of columns": lambda x: cr.median(x, axis=0),
    "one_hot": lambda x: cr.one_hot(cr.argsort(x)[:, :5] - 300, 500),
    "one_hot of bytes": lambda x: cr.one_hot(cr.argsort(x)[:, :5].astype("uint8"), 200),
    "one_hot of no class": lambda x: cr.one_hot(cr.argsort(x)[:, :5], 0),
    "one_hot of unsigned numbers": lambda x: cr.one_hot(cr.argsort(x)[:, :5].astype("uint64"), 9),
    "outer": lambda x: cr.outer(x[0], x[1]),
    "pad": lambda x: cr.pad(x, ((1, 2), (0, 3))),
    "permute_dims": lambda x: cr.permute_dims(x, (1, 0)),
    "prod": lambda x: cr.prod(x, axis=1),
    "prod of integers": lambda x: cr.prod(cr.argsort(x).astype("uint16"), axis=0),
    "quantile of all": lambda x: cr.quantile(x, 0.3, keepdims=True),
    "quantiles of rows": lambda x: cr.quantile(x, cr.tensor([0.0, 0.25, 0.9, 1.0]), axis=1),
    "repeat": lambda x: cr.repeat(x, 3, axis=1),
    "repeat by numbers": lambda x: cr.repeat(x, [2, 0, 1, 1, 3, 1], axis=0),
    "repeat by unsigned numbers": lambda x: cr.repeat(
        x, np.asarray([2, 0, 1, 1, 3, 1], np.uint64), axis=0
    ),
    "repeat of all, twice": lambda x: cr.repeat(x.astype("float32"), 2),
    "roll": lambda x: cr.roll(x, 5),
    "roll back along both axes": lambda x: cr.roll(x, (-1, 1103), axis=(0, 1)),
    "roll by a whole turn": lambda x: cr.roll(x[0], 2200),
    "sigmoid": cr.sigmoid,
    "softmax": cr.softmax,
    "softmax of all": lambda x: cr.softmax(x, axis=(0, 1)),
    "sort": cr.sort,
    "sort of columns": lambda x: cr.sort(x, axis=0),
    "square": cr.square,
    "square root as a power": lambda x: x**0.5,
    "square of integers": lambda x: cr.argsort(x).astype("int16") ** 2,
    "squeeze": lambda x: cr.squeeze(x[:, None], -2),
    "stack": lambda x: cr.stack([x, x], axis=-1),
    "std": lambda x: cr.std(x, axis=1, keepdims=True),
    "stack of matrices in front": lambda x: cr.stack([x, x + 1, x]),
    "sums of columns": lambda x: cr.sum(cr.tile(x, (2, 1)), axis=0),
    "sums of many short rows": lambda x: cr.sum(cr.tile(x, (2, 1)).reshape((1320, 10)), axis=0),
    "means of many short matrices": lambda x: cr.mean(
        cr.tile(x, (2, 1)).reshape((660, 4, 5)), axis=0
    ),
    "sums of products": lambda x: cr.einsum("ij,ij->j", x, x + 1),
    "products of rows": lambda x: cr.einsum("ij,ik->ijk", x[:, :3], x[:, 4:6]),
    "cube of integers": lambda x: cr.argsort(x).astype("int16") ** 3,
    "cholesky": lambda x: cr.linalg.cholesky(
        x[:, 30:54].reshape((6, 4, 6)) @ x[:, 30:54].reshape((6, 4, 6)).mT + cr.eye(4)
    ),
    "take": lambda x: cr.take(x, cr.tensor([0, 1, 1]), axis=1),
    "take_along_axis": lambda x: cr.take_along_axis(x, cr.argsort(x)),
    "tile": lambda x: cr.tile(x, (2, 3)),
    "times a mask": lambda x: x * (x > 0),
    "topk": lambda x: cr.topk(x, 2)[0],
    "topk of equal elements": lambda x: cr.topk(cr.round(x), 40)[1],
    "topk of a row": lambda x: cr.topk(x[5], 7)[1],
    "topk of columns": lambda x: cr.topk(x, 2, axis=0)[1],
    "topk of a long row": lambda x: cr.topk(x.reshape(-1), 3)[1],
    "trace": lambda x: cr.linalg.trace(x[:5, 7:12]),
    "trace of integers": lambda x: cr.linalg.trace(cr.argsort(x).astype("int8"), offset=-2),
    "trace right of the diagonal": lambda x: cr.linalg.trace(x, offset=30),
    "transposed": lambda x: x.T + 1,
    "traces": lambda x: cr.linalg.trace(x[:, :16].reshape((6, 4, 4))),
    "unstack": lambda x: cr.unstack(x, axis=1)[7],
    "var": cr.var,
    "var of columns": lambda x: cr.var(x, axis=0, correction=1),
}


def _recorded(f: Callable[[Any], Any], x: cr.Tensor) -> np.ndarray:
    found = []

    def loss(y: cr.Tensor) -> cr.Tensor:
        found.append(f(y).detach().numpy())
        return cr.sum(y)

    cr.grad(loss)(x)
    return found[0]


def _matrix(dtype: str, special: bool) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((6, 1100)).astype(dtype)
    if special:
        x[0, 0], x[1, 1], x[2, 2] = np.nan, np.inf, -np.inf
        x[3], x[4] = 0, 1
        x[3, 3] = -0.0
    return x


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WAYS)
def test_the_short_way_gives_the_same_bits(name: str, dtype: str, special: bool) -> None:
    x = cr.tensor(_matrix(dtype, special))
    known, recorded = WAYS[name](x).numpy(), _recorded(WAYS[name], x)
    assert known.dtype == recorded.dtype
    assert known.shape == recorded.shape
    assert known.tobytes() == recorded.tobytes()


OTHERS: dict[str, Callable[[Any], Any]] = {
    "a copy": lambda x: cr.tensor(x.numpy()),
    "a cast": lambda x: cr.astype(x, cr.float32),
    "a product of matrices": lambda x: x @ x.T,
    "a sum on whole lines": lambda x: x + x,
    "differences": cr.diff,
    "dot products": lambda x: cr.vecdot(x, x),
    "exponentials": cr.exp,
    "products of stacks": lambda x: x.reshape((11, 6, 100)) @ x.reshape((11, 100, 6)),
}


@pytest.mark.parametrize("name", [*WAYS, *OTHERS])
def test_a_finalizer_in_the_middle_of_another_function_computes_too(name: str) -> None:
    """Garbage is collected while NumPy makes something; signals come where a function is ours."""
    x = cr.tensor(_matrix("float64", special=False))
    way = {**WAYS, **OTHERS}[name]
    expected = way(x).numpy()
    found = quiet.aligned(quiet.call, quietly, lambda: way(x).numpy())
    np.testing.assert_array_equal(found, expected)


NUMBERS = some.one_of(
    some.integers(-3, 3).map(float), some.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan])
)


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 2**32 - 1), some.sampled_from(["f4", "f8", "i8", "u4"]), some.booleans())
def test_the_order_of_long_rows_leaves_equal_elements_as_they_stand(
    seed: int, dtype: str, many: bool
) -> None:
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 50 if many else 10**6, (2, 1500)).astype(dtype)
    if dtype[0] == "f":
        x[:, draw.integers(0, 1500, 40)] = np.nan
        x[:, draw.integers(0, 1500, 40)] = -0.0
    np.testing.assert_array_equal(stable_order(x), np.argsort(x, -1, kind="stable"))
    np.testing.assert_array_equal(stable_order(x[0]), np.argsort(x[0], kind="stable"))
    np.testing.assert_array_equal(stable_order(np.sort(x)), np.arange(1500) + np.zeros((2, 1), int))


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(float, arrays.array_shapes(max_dims=2, max_side=12), elements=NUMBERS))
def test_sets_are_those_of_numpy(x: np.ndarray) -> None:
    theirs = np.unique_all(x)
    ours = cr.unique_all(cr.tensor(x))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(cr.unique_counts(cr.tensor(x)).counts, theirs.counts)
    np.testing.assert_array_equal(cr.unique_values(cr.tensor(x)), theirs.values)
    inverse = cr.unique_inverse(cr.tensor(x)).inverse_indices
    if not np.isnan(x).any():
        np.testing.assert_array_equal(inverse, theirs.inverse_indices)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(float, some.integers(2, 60), elements=some.floats(-1e6, 1e6)),
    some.integers(1, 40),
    some.sampled_from([None, (-1.0, 2.0), (0.1, 0.7)]),
)
def test_histograms_are_those_of_their_edges(
    x: np.ndarray, bins: int, range_: tuple[float, float] | None
) -> None:
    x = np.concatenate([x, np.linspace(-1, 2, 31), np.linspace(0.1, 0.7, 13)])
    counts, edges = stats.histogram(cr.tensor(x), bins, range=range_)
    inside = x[(x >= edges.numpy()[0]) & (x <= edges.numpy()[-1])]
    places = np.searchsorted(edges.numpy()[1:-1], inside, side="right")
    np.testing.assert_array_equal(counts, np.bincount(places, minlength=bins))


def test_a_range_as_small_as_numbers_are_has_a_histogram() -> None:
    x = cr.tensor([0.0, 5e-324, 1e-323])
    assert stats.histogram(x, 2).counts.tolist() == [1, 2]


@pytest.mark.parametrize("rows", [5, 40, 64, 130])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_factors_of_small_and_large_matrices_are_those_of_numpy(rows: int, dtype: str) -> None:
    draw = np.random.default_rng(rows)
    a = draw.standard_normal((rows, rows))
    s = (a @ a.T + rows * np.eye(rows)).astype(dtype)
    near = {"rtol": 2e-4 if dtype == "float32" else 1e-10, "atol": 1e-4}
    factor = cr.linalg.cholesky(cr.tensor(s))
    np.testing.assert_allclose(factor, np.linalg.cholesky(s), **near)
    np.testing.assert_array_equal(factor, np.tril(factor))
    upper = cr.linalg.cholesky(cr.tensor(s), upper=True)
    np.testing.assert_array_equal(upper, factor.numpy().T)
    solved = cr.linalg.solve_triangular(factor, cr.tensor(s))
    np.testing.assert_allclose(factor.numpy() @ solved.numpy(), s, **near)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("vector", [False, True])
def test_least_squares_has_its_residuals_whatever_the_rank(rank: int, vector: bool) -> None:
    draw = np.random.default_rng(rank)
    a = draw.standard_normal((9, rank)) @ draw.standard_normal((rank, 3))
    b = draw.standard_normal(9 if vector else (9, 2))
    found = cr.linalg.lstsq(cr.tensor(a), cr.tensor(b))
    recorded = cr.vmap(cr.linalg.lstsq)(cr.tensor(a[None]), cr.tensor(b[None]))
    for ours, other in zip(found, recorded, strict=True):
        assert ours.dtype is other.dtype
        assert ours.shape == other.shape[1:]
        np.testing.assert_allclose(ours, other[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["sum", "prod", "mean", "max", "min", "any", "all", "argmax", "argmin", "count_nonzero",
     "softmax", "log_softmax", "logsumexp"],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_a_number_has_no_axes_on_either_way(name: str, dtype: str) -> None:
    x, function = cr.tensor(np.ones((), dtype)), getattr(cr, name)
    for axis in (0, -1):
        for way in (function, cr.jit(function)):
            with pytest.raises(AxisError, match=f"{name}: there is no axis {axis}"):
                way(x, axis=axis)


def test_an_overflowing_length_is_infinite_without_a_warning() -> None:
    x = cr.tensor(np.full(4, 1e30, np.float32))
    assert cr.linalg.norm(x).item() == cr.linalg.vector_norm(x).item() == np.inf
    assert cr.linalg.matrix_norm(x.reshape((2, 2))).item() == np.inf


@pytest.mark.parametrize("take", [cr.take, cr.take_along_axis])
def test_an_index_into_an_empty_axis_is_refused_on_either_way(take) -> None:
    x, index = cr.tensor(np.zeros((0, 2))), cr.tensor(np.ones((3, 2), int))
    index = index if take is cr.take_along_axis else index[:, 0]
    for way in (take, cr.jit(take)):
        with pytest.raises(IndexingError, match=r"is out of bounds for axis . of size 0"):
            way(x, index, axis=0)


@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 1), ((0, 3, 2), (1, 2))])
def test_of_no_rows_there_are_no_medians_on_either_way(shape, axis) -> None:
    x = cr.tensor(np.zeros(shape))
    for way in (stats.median, cr.jit(lambda x, axis: stats.median(x, axis=axis))):
        assert way(x, axis=axis).shape == (0,)


def test_a_long_list_of_floats_holds_what_else_is_in_it() -> None:
    numbers = np.random.default_rng(0).standard_normal(100).tolist()
    assert cr.tensor(numbers).numpy().tobytes() == np.array(numbers).tobytes()
    assert cr.tensor(numbers, dtype="float32").numpy().tobytes() == np.float32(numbers).tobytes()
    assert cr.tensor([*numbers, 1]).dtype is cr.float64
    assert cr.grad(lambda x: cr.sum(cr.tensor([*numbers, x])))(cr.tensor(2.0)).item() == 1
    with pytest.raises(cr.errors.DTypeError, match="'a' is not a number"):
        cr.tensor([*numbers, "a"])


def test_numbers_of_a_vector_are_unstacked() -> None:
    assert [part.shape for part in cr.unstack(cr.tensor([1.0, 2.0]))] == [(), ()]


@pytest.mark.parametrize("order", [1, -1, np.inf, -np.inf])
def test_norms_of_matrices_without_numbers_are_refused(order: float) -> None:
    with pytest.raises(cr.errors.ShapeError, match="no largest or smallest"):
        cr.linalg.matrix_norm(cr.zeros((2, 0, 3)), ord=order)
