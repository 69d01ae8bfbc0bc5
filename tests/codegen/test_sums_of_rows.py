"""Long sums of all elements of rows that were just made: a part of the kernel that makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.quiet import quietly
from tests.codegen.guarded import by_numpy, natively, optimized


def drawn(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def classes(*shape: int, count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, count, shape)


def loss_and_gradient(logits: cr.Tensor, targets: cr.Tensor) -> Any:
    return cr.value_and_grad(lambda x: cr.loss.cross_entropy(x, targets))(logits)


def held(f: Any, *inputs: np.ndarray) -> int:
    """The bytes of what a program keeps from kernel to kernel."""
    return compile_graph(optimized(f, *inputs)[0], host_target()).arena


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(512, 1024), (517, 643), (5000, 64), (7, 43, 1025)])
def test_a_loss_is_that_of_the_reference(shape: tuple[int, ...], dtype: str) -> None:
    targets = classes(*shape[:-1], count=shape[-1])
    graph, arrays = optimized(loss_and_gradient, drawn(*shape, dtype=dtype), targets)
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        close = 1e-4 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(got, wanted, rtol=close, atol=close * np.abs(wanted).max())


KEPT = 512 * 4 + 64  # a number of each row, and a line for whether all labels are classes


def test_a_loss_keeps_one_number_of_each_row() -> None:
    logits, targets = drawn(512, 1024), classes(512, count=1024)
    assert held(loss_and_gradient, logits, targets) == KEPT
    assert held(cr.loss.cross_entropy, logits, targets) == KEPT
    text = cr.jit(cr.loss.cross_entropy).loops(logits, targets)
    assert "k2  5 statements by rows 512" in text
    assert "Σ i < 512" in text
    assert "k4" not in text


def test_sums_of_what_was_given_or_has_short_rows_stay_as_they_were() -> None:
    given = cr.jit(lambda x: cr.sum(cr.tanh(x))).loops(drawn(1024, 512))
    assert "f32[16]" in given
    short = cr.jit(lambda x: (y := cr.softmax(x, axis=-1), cr.sum(y * y))).loops(drawn(60000, 10))
    assert "f32[60000]" not in short


def test_a_sum_along_with_its_rows_keeps_axes_of_one() -> None:
    def f(x: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        y = cr.softmax(x, axis=-1)
        return y, cr.sum(y * x, keepdims=True)

    graph, arrays = optimized(f, drawn(700, 500))
    got, wanted = natively(graph, arrays), by_numpy(graph, arrays)
    assert got[1].shape == (1, 1)
    np.testing.assert_allclose(got[1], wanted[1], rtol=1e-4)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, arrays = optimized(loss_and_gradient, drawn(517, 643), classes(517, count=643))
    found = []
    for count in (1, 2, 3, 8):
        monkeypatch.setenv("CHAINRULE_THREADS", str(count))
        found.append([a.tobytes() for a in quietly(NativeProgram(graph), *arrays)])
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"])
def test_a_loss_is_written_for_every_processor(cpu: str) -> None:
    graph, _ = optimized(loss_and_gradient, drawn(512, 1024), classes(512, count=1024))
    assert compile_graph(graph, target_for(cpu)).arena == KEPT
