"""Large results are written past the cache, and what is read next is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.kernels import streaming
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Load
from chainrule.ir import build
from chainrule.ir.dtype import float32
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.translation import assembly
from tests.codegen.guarded import by_numpy, natively, optimized


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no array be too small."""
    for name in ("_LARGE", "_ALL", "_FAR"):
        monkeypatch.setattr(streaming, name, 1)


def text(f: Any, *inputs: np.ndarray, cpu: str = "") -> str:
    """The program in LLVM's language, for this processor or another one."""
    target = target_for(cpu) if cpu else host_target()
    return compile_graph(optimized(f, *inputs)[0], target).text


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
    again = text(CASES["read again"], numbers(64, 128), cpu="x86-64-v4")
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


PRODUCTS = {
    "two results": lambda x, y: (z := x @ y, (cr.tanh(z), 2 * z + 1))[1],
    "along rows": lambda x, y: (z := x.T @ y[: x.shape[0]], (z + 1, z * z))[1],
    "a stack": lambda x, y: cr.relu(cr.stack([x, 2 * x]) @ y),
    "symmetric": lambda x, y: (x @ x.T + 1, cr.sum(y)),
    "sums of rows": lambda x, y: (z := cr.exp(x @ y), (z, cr.sum(z, axis=-1)))[1],
    "axes apart": lambda x, y: cr.einsum("n k,k m->m n", x, y) + 1,
}


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("sizes", [(64, 128, 96), (70, 65, 33), (300, 40, 640), (9, 256, 8)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_that_are_written_past_the_cache_are_right(
    name: str, sizes: tuple[int, int, int]
) -> None:
    n, k, m = sizes
    scale = np.float32(k) ** -0.5
    y = np.resize(numbers(k, m), (max(n, k), m) if name == "along rows" else (k, m))
    graph, arrays = optimized(PRODUCTS[name], numbers(n, k) * scale, y)
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("everything")
def test_a_product_streams_what_nobody_reads_and_does_not_ask_for_it() -> None:
    def step(x: cr.Tensor, y: cr.Tensor, w: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        new = w - (x @ y)
        return new, cr.sum(cr.tanh(new), axis=0)

    given = numbers(64, 128), numbers(128, 96)
    two = text(PRODUCTS["two results"], *given, cpu="x86-64-v4")
    written = "i32 1, i32 2, i32 1)"  # the end of a call that asks for a line in the second cache
    assert two.count("!nontemporal !0") == 6  # three vectors of each of the two results
    assert asked(two, written) == 0
    assert two.count("call void @llvm.x86.sse.sfence()") == 1
    odd = text(PRODUCTS["two results"], numbers(64, 128), numbers(128, 97), cpu="x86-64-v4")
    assert "!nontemporal" not in odd  # rows begin anywhere
    again = text(step, *given, numbers(64, 96), cpu="x86-64-v4")
    assert "!nontemporal" not in again  # the sums read it
    assert asked(again, written) > 0


# ---------------------------------------------------------------- what is asked for

READ, WRITTEN = "i32 0, i32 3, i32 1)", "i32 1, i32 3, i32 1)"
"""How calls end that ask for a line in the first cache."""


@pytest.fixture
def through_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for parts of any array, and write all of them through the cache."""
    monkeypatch.setattr(streaming, "_FAR", 1)


def asked(found: str, how: str) -> int:
    """How many lines a program's loops ask for, as it is written."""
    return sum("call void @llvm.prefetch" in s and s.endswith(how) for s in found.splitlines())


@pytest.mark.usefixtures("everything")
def test_what_is_streamed_is_not_asked_for() -> None:
    found = text(CASES["softmax"], numbers(64, 128), cpu="x86-64-v4")
    assert asked(found, READ) == 4  # of four vectors of 64 bytes in a turn
    assert asked(found, WRITTEN) == 0


@pytest.mark.usefixtures("through_the_cache")
def test_a_line_is_asked_for_before_a_pass_writes_it() -> None:
    """By the pass with the exponential, not by the one that writes."""
    cpu = "x86-64-v4"
    found = text(CASES["softmax"], numbers(64, 128), cpu=cpu)
    assert asked(found, WRITTEN) == 4
    assert found.index(WRITTEN) < found.index("call <16 x float> @exp")
    assert found.index("call <16 x float> @exp") < found.rindex(READ)
    single = text(lambda x, b: cr.relu(x + b), numbers(64, 128), numbers(128), cpu=cpu)
    assert (asked(single, READ), asked(single, WRITTEN)) == (4, 4)


@pytest.mark.usefixtures("through_the_cache")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(64, 128), (37, 129), (3, 7, 33)])
@pytest.mark.parametrize("name", CASES)
def test_asking_changes_no_number(
    name: str, shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, arrays = optimized(CASES[name], numbers(*shape, dtype=dtype))
    found = natively(graph, arrays)
    monkeypatch.setattr(streaming, "_FAR", 1 << 40)
    for got, wanted in zip(found, natively(graph, arrays), strict=True):
        assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("work", [(3, 25, 9), (3, 7, 12), (1, 1), (5,), (2, 100, 1, 1, 40)])
def test_passes_ask_for_each_quarter_of_the_next_row_once(work: tuple[int, ...]) -> None:
    plan = streaming._Plan(work, 1024, 1)
    x = Load(build.parameter((64, 1024), float32), Affine(0, ((0, 1024), (1, 1))), (), float32)
    plan.write(x, len(work) - 1)
    plan.read(x)
    asks = [ask for asks in plan.asks for ask in asks]
    assert [a.quarters for a in asks if a.written] == [4]
    quarters = [
        a.load.flat.constant + 256 * k for a in asks if not a.written for k in range(a.quarters)
    ]
    assert quarters == [1024, 1280, 1536, 1792]


@pytest.mark.usefixtures("through_the_cache")
def test_rows_that_fill_the_first_cache_are_asked_for_into_the_second() -> None:
    softmax = CASES["softmax"]
    assert "i32 0, i32 2, i32 1)" not in text(softmax, numbers(4, 1024))
    assert "i32 0, i32 2, i32 1)" in text(softmax, numbers(4, 4096))


@pytest.mark.usefixtures("through_the_cache")
@pytest.mark.parametrize(
    ("cpu", "instruction"),
    [("x86-64-v2", "prefetch"), ("x86-64-v3", "prefetch"), ("x86-64-v4", "prefetch"),
     ("aarch64", "prfm")],
)  # fmt: skip
def test_every_processor_is_asked_in_its_own_words(cpu: str, instruction: str) -> None:
    graph, _ = optimized(CASES["softmax"], numbers(64, 128))
    found = compile_graph(graph, target_for(cpu)).text
    assert asked(found, WRITTEN) > 0
    assert instruction in assembly(found, target_for(cpu))
