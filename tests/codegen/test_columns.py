"""Sums by columns: memory is read as it lies, and other kernels take such sums along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.texts import module_texts
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements.fuse import Fused, fuse
from chainrule.codegen.statements.split import split_sums
from chainrule.codegen.statements.steps import steps_of
from chainrule.runtime.engine import target_for
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.quiet import quietly
from tests.codegen.guarded import by_numpy, natively, optimized, shared_at_once


def drawn(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(dtype)


def agree(f: Any, *inputs: np.ndarray) -> None:
    """Machine code gives the reference runtime's numbers, and writes nowhere else."""
    graph, arrays = optimized(f, *inputs)
    close = 2e-4 if inputs[0].dtype == np.float32 else 1e-11
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        np.testing.assert_allclose(got, wanted, rtol=close, atol=close * scale)


def kernels(f: Any, *inputs: np.ndarray) -> list[tuple[int, int, int]]:
    """Of each kernel how many axes its rows have, its statements, and the sums by columns."""
    found = fuse(split_sums(steps_of(optimized(f, *inputs)[0]), lambda s: False))
    assert all(isinstance(item, Fused) for item in found)
    return [
        (item.rank, len(item.statements), sum(s.added > 0 for s in item.statements))
        for item in found
        if isinstance(item, Fused)
    ]


def layer_norm_back(x: cr.Tensor, w: cr.Tensor, b: cr.Tensor, c: cr.Tensor) -> tuple[Any, ...]:
    y, pull = cr.vjp(cr.layer_norm, x, w, b)
    return (y, *pull(c))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(4096, 64), (4099, 65), (4097, 100), (9000, 33), (20011, 16)])
def test_sums_of_any_size_down_columns(shape: tuple[int, int], dtype: str) -> None:
    x, w = drawn(*shape, dtype=dtype), drawn(shape[1], dtype=dtype)
    r = drawn(shape[0], dtype=dtype)

    def f(x: cr.Tensor, w: cr.Tensor, r: cr.Tensor) -> tuple[cr.Tensor, ...]:
        return cr.sum(x, axis=0), cr.sum(cr.sin(x) * w, axis=0), cr.einsum("nd,n->d", x * x, r)

    agree(f, x, w, r)


@pytest.mark.parametrize("shape", [(40, 107, 65), (64, 64, 2, 37), (7, 641, 64)])
def test_sums_over_several_axes_of_rows(shape: tuple[int, ...]) -> None:
    axes = tuple(range(len(shape) - 1))
    agree(lambda x: (cr.sum(x, axis=axes), cr.sum(x * x, axis=axes[:1])), drawn(*shape))


def test_the_gradient_of_layer_norm_reads_its_rows_once() -> None:
    x, w, b = drawn(4096, 256), drawn(256), drawn(256) + 1
    (whole, *totals) = kernels(layer_norm_back, x, w, b, x)
    assert whole == (1, 10, 2)
    assert totals == [(0, 1, 0), (0, 1, 0)]
    agree(layer_norm_back, x, w, b, drawn(4096, 256))


@pytest.mark.parametrize("shape", [(2050, 129), (3, 700, 131), (2048, 1, 130)])
def test_the_gradient_of_layer_norm_at_odd_sizes(shape: tuple[int, ...]) -> None:
    agree(layer_norm_back, drawn(*shape), drawn(shape[-1]), drawn(shape[-1]), drawn(*shape) + 1)


def test_a_sum_goes_along_with_what_is_computed_element_by_element() -> None:
    def f(x: cr.Tensor, c: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        gradient = cr.where(x > 0, c, 0.5 * c)
        return gradient, cr.sum(gradient, axis=0)

    x, c = drawn(3000, 129), drawn(3000, 129) + 1
    assert kernels(f, x, c) == [(1, 2, 1), (0, 1, 0)]
    agree(f, x, c)


def test_a_sum_that_is_needed_at_once_is_there() -> None:
    def f(x: cr.Tensor) -> tuple[cr.Tensor, ...]:
        centered = x - cr.mean(x, axis=0)
        scaled = centered / cr.sqrt(cr.mean(centered * centered, axis=0) + 1e-5)
        return scaled, cr.sum(scaled * x, axis=0)

    agree(f, drawn(5001, 67))


def test_sums_by_columns_inside_a_loop() -> None:
    def f(x: cr.Tensor) -> cr.Tensor:
        return cr.scan(lambda c, _: (cr.sum(cr.tanh(x + c), axis=0) / 4099, c), x[0], x[:3])[0]

    agree(f, drawn(4099, 65))


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = (drawn(4099, 129), drawn(129), drawn(129) + 1, drawn(4099, 129) + 1)
    graph, arrays = optimized(layer_norm_back, *inputs)
    shared_at_once(monkeypatch)
    found = []
    for count in (1, 2, 3, 8):
        monkeypatch.setenv("CHAINRULE_THREADS", str(count))
        found.append([a.tobytes() for a in quietly(NativeProgram(graph), *arrays)])
    assert all(one == found[0] for one in found)


def test_what_is_listed_says_where_sums_are_added() -> None:
    text = cr.jit(lambda x: cr.sum(x, axis=0)).loops(drawn(4096, 64))
    assert "[tile,j] += %0[64i+j]" in text


@pytest.mark.parametrize(
    "shape", [(128, 512), (33, 129), (1, 100), (0, 40), (20, 3, 65), (9, 40, 17)]
)
@pytest.mark.parametrize("name", ["sum", "max", "prod", "any"])
def test_short_columns_go_side_by_side(name: str, shape: tuple[int, ...]) -> None:
    if 0 in shape and name == "max":
        pytest.skip("nothing has no largest element")

    def f(x: cr.Tensor) -> tuple[cr.Tensor, ...]:
        given = x > 0.5 if name == "any" else x
        made = getattr(cr, name)(given, axis=0)
        return made, cr.sum(x, axis=0) * 2 - cr.where(made, 1.0, 0.0) if name == "any" else made * 2

    agree(f, drawn(*shape))
    if shape[0]:
        agree(lambda x: x - cr.mean(x, axis=0) + cr.max(cr.sin(x), axis=0), drawn(*shape))


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda v, x: v @ x, [(200,), (200, 300)]),
        (lambda v, x: cr.einsum("bi,bij->bj", v, x), [(3, 70), (3, 70, 40)]),
        (lambda x: cr.sum(x, axis=0), [(50, 10_000)]),
        (lambda x: cr.max(x, axis=0), [(50, 10_000)]),
        (lambda x: cr.max(x, axis=0), [(5000, 10)]),
        (lambda x: cr.sum(x, axis=0), [(60_000, 10)]),
        (lambda x: cr.any(x > 9, axis=0), [(5000, 3)]),
    ],
)
def test_reductions_down_columns_read_memory_as_it_lies(f: Any, shapes: list[Any]) -> None:
    """A row after another for several columns: a column alone was up to 40 times slower."""
    arrays = [drawn(*shape) for shape in shapes]
    agree(f, *arrays)
    graph, _ = optimized(f, *arrays)
    text = "".join(module_texts(compile_graph(graph, target_for("x86-64-v4")).module))
    lanes = "<16 x float>" if min(shapes[-1]) > 16 else " x float>"
    assert lanes in text


def test_products_with_a_vector_have_the_values_of_sums() -> None:
    for rows, columns in ((1, 3), (2, 2), (17, 5), (300, 3), (257, 16), (400, 33)):
        agree(lambda v, x: v @ x, drawn(rows), drawn(rows, columns))
        agree(lambda x: cr.min(x, axis=0), drawn(rows, columns))
        agree(lambda x: cr.prod(x, axis=0), drawn(rows, columns))
