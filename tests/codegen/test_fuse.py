"""Which statements go through memory together."""

from typing import Any

import numpy as np

import chainrule as cr
from chainrule.codegen.statements.fuse import Fused, fuse
from chainrule.codegen.statements.steps import Check, Draw, Scattered, steps_of
from chainrule.data.augmentation import Flip, augment
from tests.codegen.guarded import by_numpy, natively, optimized

X = np.ones((300, 64), np.float32)


def items(f: Any, *inputs: Any) -> list[Any]:
    return fuse(steps_of(optimized(f, *inputs)[0]))


def kernels(f: Any, *inputs: Any) -> list[tuple[int, list[str]]]:
    """Of each kernel how many axes its rows have, and the kinds of its statements."""
    found = items(f, *inputs)
    assert all(isinstance(item, Fused) for item in found)
    return [(item.rank, [s.kind for s in item.statements]) for item in found]


def test_softmax_is_one_kernel_by_rows() -> None:
    assert kernels(lambda x: cr.softmax(x, axis=1), X) == [(1, ["max", "", "sum", ""])]


def test_layer_norm_is_one_kernel_by_rows() -> None:
    ones = np.ones(64, np.float32)
    (kernel,) = items(cr.layer_norm, X, ones, ones)
    assert kernel.rank == 1
    assert [s.kind for s in kernel.statements if s.kind] == ["sum", "sum"]


def test_what_reads_across_its_rows_goes_through_squares_and_its_results_by_rows() -> None:
    wide = np.ones((64, 300), np.float32)
    assert kernels(lambda x: cr.softmax(x.T, axis=1), wide) == [
        (0, ["max"]), (2, [""]), (1, ["sum", ""])
    ]  # fmt: skip
    ones = np.ones(64, np.float32)
    assert kernels(lambda x, w: cr.layer_norm(x.T, w, w), wide, ones)[-2:] == [(1, [""]), (2, [""])]


def test_small_rows_are_read_across_where_they_are_needed() -> None:
    few = kernels(lambda x: cr.softmax(x.T, axis=1), np.ones((64, 64), np.float32))
    assert few == [(0, ["max", "", "sum", ""])]


def test_a_chain_without_reductions_is_one_statement() -> None:
    assert kernels(lambda x: cr.relu(cr.tanh(2 * x + 1)) * x, X) == [(2, [""])]


def test_what_follows_a_product_on_its_elements_is_its_epilogue() -> None:
    w, b = np.ones((64, 10), np.float32), np.ones(10, np.float32)
    (kernel,) = items(lambda x, w, b: cr.relu(x @ w + b), X, w, b)
    assert kernel.product is not None
    assert [s.kind for s in kernel.statements] == [""]


def test_rows_of_a_product_are_read_after_it() -> None:
    w = np.ones((64, 10), np.float32)
    product, rows = items(lambda x, w: cr.softmax(x @ w, axis=1), X, w)
    assert product.product is not None
    assert product.statements == []
    assert [s.kind for s in rows.statements] == ["max", "", "sum", ""]


def test_a_matrix_and_its_transpose_times_a_vector_go_through_it_each_in_its_own_way() -> None:
    """Rows of the one are columns of the other: a kernel of both would go across one of them."""
    for size in (64, 300):
        a, v = np.ones((size, size), np.float32), np.ones(size, np.float32)
        for f in (lambda a, v: a @ v + v @ a, lambda a, v: v @ a + a @ v):
            found = [rank for rank, kinds in kernels(f, a, v) for kind in kinds if kind == "sum"]
            assert sorted(found) == [0, 1]


def test_column_sums_are_a_kernel_of_their_own() -> None:
    found = kernels(lambda x: (cr.sum(cr.exp(x), axis=0), 2 * x), X)
    assert found == [(0, ["sum"]), (2, [""])]


def test_what_reads_another_row_does_not_join() -> None:
    def f(x: Any) -> Any:
        y = cr.exp(x)
        return y, cr.flip(y, axis=0)

    assert kernels(f, X) == [(2, [""]), (2, [""])]
    assert len(kernels(lambda x: (cr.flip(cr.softmax(x, axis=1), axis=1), x), X)) == 1


def test_statements_through_the_same_memory_share_a_kernel() -> None:
    f = lambda x, y: (x + y, x - y, x * y)  # noqa: E731
    assert kernels(f, X, X) == [(2, ["", "", ""])]


def test_small_programs_are_one_row() -> None:
    f = lambda x: cr.sum(cr.exp(x - cr.max(x)))  # noqa: E731
    assert [rank for rank, _ in kernels(f, np.ones((7, 5)))] == [0]


def test_a_kernel_does_not_grow_without_end() -> None:
    def f(x: Any) -> Any:
        for _ in range(40):
            x = cr.softmax(x, axis=1)
        return x

    found = kernels(f, X)
    assert len(found) > 1
    assert max(len(kinds) for _, kinds in found) == 24


def test_what_is_read_by_index_comes_after_the_check_of_the_indices() -> None:
    table, index = np.ones((9, 4)), np.array([1, 8])
    found = items(lambda t, i: cr.embedding(i, t) * 2, table, index)
    check = next(k for k, item in enumerate(found) if isinstance(item, Check))
    reader = next(k for k, item in enumerate(found) if isinstance(item, Fused) and item.rank == 2)
    assert check < reader
    found = items(lambda t, i: t.at[i].add(1.0), table, index)
    kinds = [type(item) for item in found]
    assert kinds.index(Check) < kinds.index(Scattered)


def test_a_mask_that_is_drawn_goes_along_with_the_product_that_it_is_put_on() -> None:
    """The bits are drawn before the product, though nothing but what follows it needs them."""

    def f(x: Any, w: Any, key: Any) -> Any:
        first, second = cr.random.split(key)
        hidden = cr.random.dropout(cr.relu(x @ w), 0.1, first)
        return cr.random.dropout(hidden @ w, 0.1, second), hidden

    w, key = np.ones((70, 70), np.float32), np.array([1, 2], np.uint64)
    found = items(f, np.ones((99, 70), np.float32), w, key)
    products = [k for k, item in enumerate(found) if isinstance(item, Fused) and item.product]
    assert [len(found[k].statements) for k in products] == [1, 1]
    assert [k for k, item in enumerate(found) if isinstance(item, Draw)][1] < products[0]


def test_an_image_is_flipped_in_the_kernel_that_makes_it() -> None:
    def f(images: Any, mean: Any, keys: Any) -> Any:
        made = (cr.astype(images, "float32") - mean) / 7
        return augment([Flip()], keys, made)

    images = np.ones((40, 3, 32, 32), np.uint8)
    keys, mean = np.ones((40, 2), np.uint64), np.ones((3, 32, 32), np.float32)
    last = items(f, images, mean, keys)[-1]
    assert isinstance(last, Fused)
    assert [s.target.shape for s in last.statements] == [images.shape] * 2


def test_what_comes_after_a_draw_is_right() -> None:
    def f(x: Any, w: Any, key: Any) -> Any:
        kept = cr.random.dropout(cr.exp(x @ w), 0.5, key)
        return kept, cr.grad(lambda w: cr.sum(cr.random.dropout(cr.tanh(x @ w), 0.5, key)))(w)

    generator = np.random.default_rng(0)
    x, w = (generator.standard_normal(shape) for shape in ((40, 33), (33, 50)))
    graph, arrays = optimized(f, x, w, np.array([3, 4], np.uint64))
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
        assert ((got == 0) == (wanted == 0)).all()
