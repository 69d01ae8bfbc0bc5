"""Large results are written past the cache, and what is read next is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen import streaming
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import host_target, target_for
from tests.codegen.guarded import by_numpy, natively, optimized


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no array be too small."""
    for name in ("_LARGE", "_ALL", "_FAR"):
        monkeypatch.setattr(streaming, name, 1)


def text(f: Any, *inputs: np.ndarray) -> str:
    """The program in LLVM's language."""
    return compile_graph(optimized(f, *inputs)[0], host_target()).text


def numbers(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


CASES = {
    "element by element": lambda x: cr.tanh(x) * 2,
    "two results": lambda x: (x + 1, cr.exp(x) * x),
    "softmax": lambda x: cr.softmax(x, axis=-1),
    "read again": lambda x: (
        y := cr.softmax(x, axis=-1), y * cr.sum(y * x, axis=-1, keepdims=True)
    ),
    "masks": lambda x: x > 0,
    "other axes": lambda x: cr.moveaxis(x, 0, -1) + 1,
    "sums of columns": lambda x: (2 * x, cr.sum(x, axis=0)),
    "a part": lambda x: x[1:, 1:] + x[:-1, :-1],
}  # fmt: skip


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(64, 128), (37, 129), (5, 16), (300, 1000), (3, 7, 33)])
@pytest.mark.parametrize("name", CASES)
def test_what_is_written_past_the_cache_is_right(
    name: str, shape: tuple[int, ...], dtype: str
) -> None:
    graph, arrays = optimized(CASES[name], numbers(*shape, dtype=dtype))
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(
            got, wanted, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5
        )


@pytest.mark.usefixtures("everything")
def test_only_whole_vectors_at_known_places_are_streamed() -> None:
    softmax = CASES["softmax"]
    assert "!nontemporal" in text(softmax, numbers(64, 128))
    assert "!nontemporal" not in text(softmax, numbers(64, 129))  # rows begin anywhere
    assert "!nontemporal" in text(CASES["element by element"], numbers(64, 129))  # no rows


@pytest.mark.usefixtures("everything")
def test_what_is_read_again_stays_in_the_cache() -> None:
    def chain(x: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        y = cr.softmax(x, axis=-1)
        return y, y @ y.T

    def loop(x: cr.Tensor) -> cr.Tensor:
        return cr.scan(lambda c, a: (cr.tanh(c + a), c), x[0], x)[0]

    assert "!nontemporal" not in text(chain, numbers(64, 128))
    assert "!nontemporal" not in text(loop, numbers(64, 128))
    again = text(CASES["read again"], numbers(64, 128))
    assert again.count("!nontemporal !0") == 4  # four places of the one result side by side


def test_small_results_are_written_as_ever() -> None:
    found = text(lambda x: cr.exp(x) + 1, numbers(512, 1024))
    assert "!nontemporal" not in found
    assert "sfence" not in found


@pytest.mark.usefixtures("everything")
def test_a_kernel_ends_when_its_streams_have_ended() -> None:
    graph, _ = optimized(CASES["two results"], numbers(64, 128))
    for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
        assert "call void @llvm.x86.sse.sfence()" in compile_graph(graph, target_for(cpu)).text
    assert "sfence" not in compile_graph(graph, target_for("aarch64")).text


@pytest.mark.usefixtures("everything")
def test_the_next_row_is_asked_for_where_there_is_time() -> None:
    """By the pass with the exponential, not by the one that writes."""
    found = text(CASES["softmax"], numbers(64, 128))
    assert "@llvm.prefetch" in found
    assert found.index("call void @llvm.prefetch") < found.rindex("!nontemporal")
    assert "@llvm.prefetch" not in text(lambda x: cr.sum(x), numbers(64, 128))
