"""Which kernels wake a second thread: those that take longer than the waking."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_texts
from chainrule.codegen.kernels.effort import PAYS, of_product
from chainrule.codegen.outline import Native, works
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import target_for
from tests.codegen.guarded import optimized


def program(f: Callable[[cr.Tensor], cr.Tensor], n: int, target: Target) -> Native:
    """A function of n numbers as machine code for a processor."""
    graph, _ = optimized(f, np.ones(n, np.float32))
    return compile_graph(graph, target)


def efforts(native: Native) -> list[int]:
    return [work.kernel.effort for s in native.segments for work, _ in works(s.parts)]


def shares(native: Native) -> bool:
    """Whether a kernel's tiles are shared among threads."""
    return any("call void @chainrule_parallel(" in text for text in module_texts(native.module))


@pytest.mark.parametrize(
    ("f", "alone", "together"),
    [
        (lambda x: 2 * x + x * x, 40_000, 400_000),
        (cr.tanh, 10_000, 100_000),
        (lambda x: cr.softmax(x.reshape(-1, 100), axis=-1), 10_000, 100_000),
        (lambda x: cr.flip(x, axis=0) + 1, 10_000, 100_000),
        (lambda x: cr.sum(cr.square(x)), 100_000, 600_000),
    ],
    ids=["arithmetic", "tanh", "softmax", "flip", "sum"],
)
def test_a_second_thread_is_woken_where_it_pays(
    f: Callable[[cr.Tensor], cr.Tensor], alone: int, together: int
) -> None:
    """Waking one takes 5 to 15 µs; 6,000 elements of 2x + y take 1.4."""
    target = target_for("x86-64-v4")
    assert not shares(program(f, alone, target))
    assert shares(program(f, together, target))


def test_narrower_vectors_take_longer() -> None:
    wide, narrow = (
        sum(efforts(program(cr.tanh, 10_000, target_for(name))))
        for name in ("x86-64-v4", "x86-64-v3")
    )
    assert narrow == 2 * wide
    assert of_product(target_for("x86-64-v3"), 10**9, "float") == 2 * of_product(
        target_for("x86-64-v4"), 10**9, "float"
    )


def test_what_does_not_fit_into_the_caches_takes_as_long_as_its_bytes() -> None:
    (effort,) = efforts(program(lambda x: x + 1, 10**6, target_for("x86-64-v4")))
    assert effort == pytest.approx(8e6 * 0.03, rel=0.01)
    assert effort > PAYS


def test_a_product_in_tiles_takes_less() -> None:
    x = np.ones((512, 512), np.float32)
    graph, _ = optimized(lambda x: x @ x, x)
    plain = target_for("sapphirerapids")
    found = [
        sum(efforts(compile_graph(graph, target)))
        for target in (plain, plain.replaced(precision="bf16"))
    ]
    assert PAYS < found[1] < found[0] / 2
