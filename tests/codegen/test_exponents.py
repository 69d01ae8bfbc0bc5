"""Exponentials of what is no more than 0 are found, and give the bits of any other exponential."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.kernels import fused
from chainrule.codegen.kernels.exponents import exponentials_below_one
from chainrule.codegen.layout import items_of
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements.fuse import Fused
from chainrule.codegen.statements.loops import Apply, parts
from chainrule.runtime.engine import host_target, target_for
from tests.codegen.guarded import natively, optimized


def drawn(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers, large enough that many exponentials are 0."""
    return 40 * np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def found(f: Any, *inputs: np.ndarray) -> tuple[int, int]:
    """How many exponentials are known to be at most 1, and how many there are."""
    items = items_of(optimized(f, *inputs)[0], host_target())
    statements = [item.statements for item in items if isinstance(item, Fused)]
    known = {k for some in statements for k in exponentials_below_one(some)}
    every = {
        id(e)
        for some in statements
        for s in some
        for e in parts(s.value)
        if isinstance(e, Apply) and e.record.name == "exp"
    }
    return len(known & every), len(every)


def less_its_largest(x: cr.Tensor) -> cr.Tensor:
    return cr.exp(x - cr.max(x, axis=-1, keepdims=True))


KNOWN = {
    "softmax": lambda x: cr.softmax(x, axis=-1),
    "log softmax": lambda x: cr.log_softmax(x, axis=-1),
    "less its largest": less_its_largest,
}  # fmt: skip

UNKNOWN = {
    "an exponential": cr.exp,
    "less its least": lambda x: cr.exp(x - cr.min(x, axis=-1, keepdims=True)),
    "largest of another": lambda x: cr.exp(x - cr.max(2 * x, axis=-1, keepdims=True)),
    "more than its largest": lambda x: cr.exp(x + cr.max(x, axis=-1, keepdims=True)),
    "its largest less it": lambda x: cr.exp(cr.max(x, axis=-1, keepdims=True) - x),
    "another row's largest": lambda x: cr.exp(x - cr.max(x[::-1], axis=-1, keepdims=True)),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_an_exponent_that_is_no_more_than_0_is_seen(name: str) -> None:
    known, every = found(KNOWN[name], drawn(64, 128))
    assert known == every == 1


@pytest.mark.parametrize("name", UNKNOWN)
def test_another_exponent_is_not(name: str) -> None:
    assert found(UNKNOWN[name], drawn(64, 128)) == (0, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_changes_no_bit(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = 10 * drawn(33, 129, dtype=dtype)
    x[1, 2], x[2, 3], x[3, 4], x[5] = np.inf, -np.inf, np.nan, -np.inf
    graph, arrays = optimized(KNOWN[name], x)
    got = natively(graph, arrays)
    monkeypatch.setattr(fused, "exponentials_below_one", lambda _: frozenset())
    for one, other in zip(got, natively(graph, arrays), strict=True):
        nan = np.isnan(one)
        np.testing.assert_array_equal(nan, np.isnan(other))
        assert one[~nan].tobytes() == other[~nan].tobytes()


@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"])
def test_it_is_so_for_every_processor(cpu: str) -> None:
    graph, _ = optimized(KNOWN["softmax"], drawn(64, 128))
    assert "@exp_f32_no_more_than_0_" in compile_graph(graph, target_for(cpu)).text
