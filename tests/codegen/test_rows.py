"""Products whose input is shifted on the way in, and whose rows are summed on the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.codegen.layout import items_of
from chainrule.codegen.statements.fuse import Fused
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.native import NativeProgram
from tests.codegen.guarded import by_numpy, natively, optimized

Form = Callable[[Any, Any, Any], Any]

FORMS: dict[str, Form] = {
    "squares": lambda x, m, w: (((x - m) @ w) ** 2).sum(axis=-1),
    "density": lambda x, m, w: -0.5 * (((x - m) @ w) ** 2).sum(axis=-1) - 3.0,
    "two sums": lambda x, m, w: (lambda z: (z.sum(axis=-1), (z * z).sum(axis=-1)))((x * m) @ w),
    "weighted": lambda x, m, w: cr.exp((((x - m) @ w) * w[0]).sum(axis=-1) / 9.0),
    "with the elements": lambda x, m, w: (lambda z: (cr.tanh(z), (cr.tanh(z) * z).sum(axis=-1), z))(
        x @ w
    ),
}
sizes = st.one_of(st.integers(1, 36), st.sampled_from([63, 64, 65, 129, 300]))


def drawn(rows: int, inner: int, columns: int, dtype: str) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(rows + 100 * inner + 10_000 * columns)
    made = [random.standard_normal(s) for s in ((rows, inner), (inner,), (inner, columns))]
    return tuple(cr.tensor(a.astype(dtype)) for a in made)  # type: ignore[return-value]


def near(found: np.ndarray, wanted: np.ndarray) -> None:
    step = 2e-5 if found.dtype == np.float32 else 1e-12
    size = max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=step, atol=step * size)


@settings(max_examples=40)
@given(st.sampled_from(sorted(FORMS)), sizes, st.integers(1, 40), st.integers(1, 40),
       st.sampled_from(["float32", "float64"]))  # fmt: skip
def test_sums_over_rows_are_those_of_the_reference(
    name: str, rows: int, inner: int, columns: int, dtype: str
) -> None:
    graph, arrays = optimized(FORMS[name], *drawn(rows, inner, columns, dtype))
    for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        near(a, b)


@pytest.mark.parametrize("columns", [1, 3, 8, 16, 31, 32])
def test_one_kernel_goes_through_the_rows_once(columns: int) -> None:
    graph, _ = optimized(FORMS["density"], *drawn(200, 8, columns, "float64"))
    items = items_of(graph, target_for("x86-64-v4"))
    products = [i for i in items if isinstance(i, Fused) and i.product is not None]
    if columns > 1:  # a product with one column is a sum
        assert len(items) == len(products) == 1
    assert len(items) == 1


@pytest.mark.parametrize(
    "form",
    [
        lambda x, m, w: (x @ w).sum(axis=0),  # over columns
        lambda x, m, w: (x @ w).max(axis=-1),  # no sum
        lambda x, m, w: ((x @ w) * (x @ w)[::-1]).sum(axis=-1),  # of other rows
        lambda x, m, w: ((x @ w) - (x @ w).sum(axis=-1, keepdims=True)) ** 2,  # what is read again
    ],
    ids=["over columns", "no sum", "of other rows", "read again"],
)
def test_what_is_no_sum_over_rows_stays_right(form: Form) -> None:
    graph, arrays = optimized(form, *drawn(37, 5, 9, "float64"))
    for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        near(a, b)


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3"])
def test_narrower_processors_compute_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_target()
    if not host.triple.startswith("x86_64") or target_for(name).vector_bits > host.vector_bits:
        pytest.skip("this machine lacks the instructions")
    monkeypatch.setenv("CHAINRULE_CPU", name)
    for columns in (3, 8, 16):
        graph, arrays = optimized(FORMS["with the elements"], *drawn(37, 7, columns, "float32"))
        for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
            near(a, b)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, arrays = optimized(FORMS["density"], *drawn(30_000, 8, 8, "float64"))
    found = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setenv("CHAINRULE_THREADS", str(threads))
        found.append(NativeProgram(graph)(*arrays)[0].tobytes())
    assert len(set(found)) == 1


def test_an_input_that_two_products_read_shifted_is_shifted_once() -> None:
    def f(x: Any, m: Any, w: Any) -> Any:
        shifted = x - m
        return shifted @ w, shifted.T @ cr.exp(x)

    listed = cr.jit(f).loops(*drawn(200, 8, 8, "float64"))
    assert listed.count("−") == 1
