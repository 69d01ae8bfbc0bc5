"""Symmetric products: half is computed, and the other half is the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.products.product import Product
from chainrule.ir.symmetry import is_symmetric
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.translation import object_code
from tests.codegen.guarded import by_numpy, natively, optimized
from tests.codegen.test_product import LAYOUTS, close, compiled, operands_of, text_of

# ---------------------------------------------------------------- kernels

SHAPES = [(1, 1), (1, 40), (5, 3), (10, 300), (16, 2), (17, 33), (65, 19), (97, 101), (131, 700)]


def mirrored(exact: np.ndarray) -> np.ndarray:
    """What is on and below the diagonal, and the same above it."""
    return np.tril(exact) + np.swapaxes(np.tril(exact, -1), -1, -2)


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_element_is_written_once_and_those_above_are_those_below(
    shape: tuple[int, int], layouts: str, kind: str
) -> None:
    size, inner = shape
    product = Product(size, inner, size, kind, symmetric=True)
    a, w, c, exact = operands_of(product, layouts)
    compiled(product, layouts, host_target(), plain=layouts != "tn")(a, w, c)
    close(c, mirrored(exact), inner)
    assert np.array_equal(c, np.swapaxes(c, 1, 2))


def test_a_batch_is_that_many_symmetric_products() -> None:
    product = Product(21, 50, 21, symmetric=True)
    a, w, c, exact = operands_of(product, "tn", 7)
    compiled(product, "tn", host_target(), batch=7)(a, w, c)
    close(c, mirrored(exact), 50)


@pytest.mark.parametrize("layouts", ["nt", "tn"])
def test_tiles_computed_apart_and_in_any_order_have_the_same_bits(layouts: str) -> None:
    product = Product(301, 300, 301, symmetric=True)
    a, w, c, _ = operands_of(product, layouts)
    kernel = compiled(product, layouts, host_target())
    assert kernel.tiles > 1
    kernel(a, w, c)
    assert np.array_equal(c, kernel.tile_by_tile(a, w, c))


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("shape", [(13, 17), (10, 300), (70, 300)], ids=str)
def test_narrower_processors_compute_the_same(shape: tuple[int, int], name: str) -> None:
    host, target = host_target(), target_for(name)
    if not host.triple.startswith("x86_64") or target.vector_bits > host.vector_bits:
        pytest.skip("this machine lacks the instructions")
    own: Target = target.replaced(triple=host.triple)
    product = Product(shape[0], shape[1], shape[0], symmetric=True)
    a, w, c, exact = operands_of(product, "tn")
    compiled(product, "tn", own)(a, w, c)
    close(c, mirrored(exact), shape[1])


def test_code_for_another_kind_of_processor_is_made() -> None:
    text, _, _ = text_of(Product(40, 30, 40, symmetric=True), "tn", target_for("aarch64"))
    assert object_code(text, target_for("aarch64"))


# ---------------------------------------------------------------- programs

Form = Callable[[Any, Any], Any]

SYMMETRIC: dict[str, Form] = {
    "XᵀX": lambda x, s: x.T @ x,
    "XXᵀ": lambda x, s: x @ x.T,
    "Xᵀ diag(s) X": lambda x, s: (x.T * s) @ x,
    "Xᵀ (s ⊙ X)": lambda x, s: x.T @ (s[:, None] * x),
    "a scale on both sides": lambda x, s: (x.T * s) @ (x * (s * s)[:, None]),
    "−XᵀX / 3": lambda x, s: (-x.T) @ x / 3.0,
    "a product of factors": lambda x, s: (x * cr.exp(x) * s[:, None]).T @ (x * cr.exp(x)),
    "a shifted matrix": lambda x, s: (x - x.mean(axis=0)).T @ (s[:, None] * (x - x.mean(axis=0))),
}
OTHERS: dict[str, Form] = {
    "A A": lambda x, s: (x.T @ x) @ (x.T @ cr.exp(x)),
    "XᵀY": lambda x, s: x.T @ (s[:, None] * cr.exp(x)),
    "columns the other way": lambda x, s: x.T @ (s[:, None] * x[:, ::-1]),
    "a scale of the columns": lambda x, s: x.T @ (x * x[0]),
    "two matrices": lambda x, s: (x * cr.exp(x)).T @ (x * cr.cos(x)),
}

sizes = st.one_of(st.integers(1, 40), st.sampled_from([48, 63, 64, 65, 100, 129, 257]))


def drawn(rows: int, columns: int, dtype: str) -> tuple[Any, Any]:
    random = np.random.default_rng(rows * 1000 + columns)
    x = random.standard_normal((rows, columns)).astype(dtype)
    return cr.tensor(x), cr.tensor(random.random(rows).astype(dtype) - 0.3)


def computed(f: Form, *inputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """What machine code and the reference runtime make of the optimized graph."""
    graph, arrays = optimized(f, *inputs)
    return natively(graph, arrays)[0], by_numpy(graph, arrays)[0]


def near(found: np.ndarray, wanted: np.ndarray) -> None:
    step = 1e-4 if found.dtype == np.float32 else 1e-12
    size = max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=step * size)


@settings(max_examples=40)
@given(st.sampled_from(sorted(SYMMETRIC)), sizes, sizes, st.sampled_from(["float32", "float64"]))
def test_both_runtimes_give_the_product_and_it_is_exactly_symmetric(
    name: str, rows: int, columns: int, dtype: str
) -> None:
    x, s = drawn(rows, columns, dtype)
    f = SYMMETRIC[name]
    native, reference = computed(f, x, s)
    wanted = f(x.astype(cr.float64), s.astype(cr.float64)).numpy()
    assert native.dtype == np.dtype(dtype)
    near(native, wanted)
    near(reference, wanted)
    assert np.array_equal(native, native.T)


@pytest.mark.parametrize("name", sorted(SYMMETRIC))
def test_a_product_of_a_matrix_with_itself_is_seen_as_symmetric(name: str) -> None:
    graph, _ = optimized(SYMMETRIC[name], *drawn(9, 9, "float64"))
    assert any(map(is_symmetric, graph.nodes()))


@settings(max_examples=15)
@given(st.sampled_from(sorted(OTHERS)), st.integers(2, 40), st.integers(2, 70))
def test_what_only_looks_alike_is_computed_whole(name: str, rows: int, columns: int) -> None:
    x, s = drawn(rows, columns, "float64")
    graph, _ = optimized(OTHERS[name], x, s)
    (result,) = graph.outputs
    assert not is_symmetric(result)
    native, reference = computed(OTHERS[name], x, s)
    near(native, reference)
    near(native, OTHERS[name](x, s).numpy())


@pytest.mark.parametrize("size", [3, 40, 200])
def test_what_follows_need_not_be_symmetric(size: int) -> None:
    x, s = drawn(30, size, "float64")
    away = cr.tensor(np.random.default_rng(1).standard_normal((size, size)))

    def f(x: Any, s: Any) -> Any:
        return cr.tanh((x.T * s) @ x + away) * away

    native, reference = computed(f, x, s)
    near(native, f(x, s).numpy())
    near(reference, native)


@pytest.mark.parametrize("shape", [(3, 20, 7), (2, 5, 40), (4, 1, 1), (2, 60, 100)], ids=str)
def test_stacks_of_symmetric_products(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    x, s = cr.tensor(random.standard_normal(shape)), cr.tensor(random.random(shape[:2]))
    native, reference = computed(lambda x, s: cr.einsum("bki,bk,bkj->bij", x, s, x), x, s)
    near(native, np.einsum("bki,bk,bkj->bij", x.numpy(), s.numpy(), x.numpy()))
    near(reference, native)
    assert np.array_equal(native, np.swapaxes(native, 1, 2))


@pytest.mark.parametrize("shape", [(50, 4, 5), (30, 20, 13), (9, 1, 7)], ids=str)
def test_rows_of_several_axes(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(0)
    x, s = cr.tensor(random.standard_normal(shape)), cr.tensor(random.random(shape[0]))
    native, reference = computed(lambda x, s: cr.einsum("kab,k,kcd->abcd", x, s, x), x, s)
    near(native, np.einsum("kab,k,kcd->abcd", x.numpy(), s.numpy(), x.numpy()))
    near(reference, native)
    assert np.array_equal(native, native.transpose(2, 3, 0, 1))


@pytest.mark.parametrize("output", ["eij", "iej", "ije"])
@pytest.mark.parametrize("shape", [(30, 7, 3), (60, 40, 2), (5, 1, 4), (20, 4, 4)], ids=str)
def test_one_matrix_with_several_scales(shape: tuple[int, int, int], output: str) -> None:
    """Xᵀ diag(sₑ) X for each e: what blocks of a multinomial Hessian are."""
    random = np.random.default_rng(0)
    rows, columns, count = shape
    x = cr.tensor(random.standard_normal((rows, columns)))
    s = cr.tensor(random.random((rows, count)))
    form = f"ki,ke,kj->{output}"
    graph, arrays = optimized(lambda x, s: cr.einsum(form, x, s, x), x, s)
    if columns > count:  # else products of two elements of X come first
        assert any(map(is_symmetric, graph.nodes()))
    (native,), (reference,) = natively(graph, arrays), by_numpy(graph, arrays)
    near(native, np.einsum(form, x.numpy(), s.numpy(), x.numpy()))
    near(reference, native)
    swapped = native.transpose([output.index({"i": "j", "j": "i", "e": "e"}[n]) for n in output])
    assert np.array_equal(native, swapped)


def test_nothing_is_stored_for_the_scale() -> None:
    """The factor that is scaled is made where it is packed: there is no array for it."""
    x, s = drawn(300, 70, "float32")
    listed = cr.jit(SYMMETRIC["Xᵀ diag(s) X"]).loops(x, s)
    assert "symmetric product 70×300×70" in listed
    assert listed.count("\nk") == 1


def test_large_products_of_the_reference_are_symmetric_too() -> None:
    x, s = drawn(150, 211, "float64")
    f = SYMMETRIC["Xᵀ diag(s) X"]
    _, found = computed(f, x, s)
    near(found, f(x, s).numpy())
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, arrays = optimized(SYMMETRIC["Xᵀ diag(s) X"], *drawn(400, 300, dtype))
    found = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setenv("CHAINRULE_THREADS", str(threads))
        found.append(NativeProgram(graph)(*arrays)[0].tobytes())
    assert len(set(found)) == 1


def test_nan_and_infinity_are_where_they_were() -> None:
    x, s = drawn(50, 70, "float64")
    value = x.numpy().copy()
    value[3, 7] = np.nan
    native, _ = computed(SYMMETRIC["Xᵀ diag(s) X"], cr.tensor(value), s)
    bad = np.isnan(native)
    assert bad[7].all()
    assert bad[:, 7].all()
    assert bad.sum() == 139


def test_half_of_the_operations_are_counted() -> None:
    x, s = drawn(300, 70, "float32")
    assert cr.jit(SYMMETRIC["XᵀX"]).cost(x, s).operations == 2 * 300 * 70 * 71 // 2


@pytest.mark.parametrize("output", ["nij", "ijn", "inj"])
@pytest.mark.parametrize("shape", [(5, 3), (17, 33), (5, 0)])
def test_one_product_repeated_along_an_axis(shape: tuple[int, int], output: str) -> None:
    a = np.random.default_rng(0).normal(size=shape)

    def f(a: cr.Tensor) -> cr.Tensor:
        return cr.einsum(f"ik,njk->{output}", a, cr.broadcast_to(a, (4, *shape)))

    graph, arrays = optimized(f, a)
    (found,) = natively(graph, arrays)
    exact = np.einsum(f"ik,njk->{output}", a, np.broadcast_to(a, (4, *shape)))
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)
