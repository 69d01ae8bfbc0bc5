"""What is computed from the sums of a matrix product where they are finished."""

from __future__ import annotations

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import target_for
from tests.codegen.guarded import by_numpy, natively, optimized


def arrays(inner: int, rows: int, columns: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = (inner, rows), (inner, columns), (rows, columns), (rows, columns)
    return [generator.uniform(1, 2, shape).astype(np.float32) for shape in shapes]


def update(x: cr.Tensor, d: cr.Tensor, m: cr.Tensor, v: cr.Tensor) -> tuple[cr.Tensor, ...]:
    """What Adam does with a gradient: two arrays read and three written at the same place."""
    g = x.T @ d
    first, second = 0.9 * m + 0.1 * g, 0.9 * v + 0.1 * g * g
    return first, second, m - first / cr.sqrt(second)


def test_memory_that_an_epilogue_touches_is_asked_for_ahead() -> None:
    graph, _ = optimized(update, *arrays(128, 42, 64))
    text = compile_graph(graph, target_for("x86-64-v4")).text
    hints = re.findall(r"llvm.prefetch.p0\(ptr %\S+, i32 ([01]), i32 2, i32 1\)", text)
    assert sorted(hints) == ["0", "0", "1", "1", "1"]


def test_an_epilogue_reads_all_before_it_writes() -> None:
    graph, _ = optimized(update, *arrays(128, 42, 64))
    text = compile_graph(graph, target_for("x86-64-v4")).text
    _, after = re.split(r"call <16 x float> @llvm.x86.avx512.rsqrt14", text, maxsplit=1)
    stores = list(re.finditer(r"store <16 x float>", after))
    written = after[stores[0].start() : stores[2].end()]
    assert "load" not in written
    assert "fdiv" in after[: stores[0].start()]


@pytest.mark.parametrize("shape", [(128, 42, 64), (40, 13, 31), (300, 29, 70), (3, 5, 130)])
def test_an_epilogue_of_several_arrays_is_what_numpy_computes(shape: tuple[int, int, int]) -> None:
    graph, given = optimized(update, *arrays(*shape))
    for found, expected in zip(natively(graph, given), by_numpy(graph, given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_an_epilogue_of_other_types_is_what_numpy_computes() -> None:
    def f(x: cr.Tensor, d: cr.Tensor, m: cr.Tensor, v: cr.Tensor) -> tuple[cr.Tensor, ...]:
        g = x.T @ d
        return g > m, g.astype("float64") * v.astype("float64"), g

    graph, given = optimized(f, *arrays(128, 42, 67))
    for found, expected in zip(natively(graph, given), by_numpy(graph, given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
