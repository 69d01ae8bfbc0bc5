"""What is read backwards is read in vectors whose lanes are turned around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import target_for
from tests.codegen.guarded import by_numpy, natively, optimized

CASES = {
    "a row": lambda x: cr.flip(x, axis=-1) + 1,
    "both axes": lambda x: cr.flip(x) * 2,
    "one or the other": lambda x: cr.where(x[:, :1] > 0, cr.flip(x, axis=-1), x),
    "a part": lambda x: cr.flip(x, axis=-1)[:, 1:] - x[:, :-1],
    "beyond the edge": lambda x: cr.pad(cr.flip(x, axis=-1), ((0, 0), (3, 2))) + 1,
    "sums": lambda x: cr.sum(cr.flip(x, axis=-1) * x, axis=-1),
    "rows that are picked": lambda x: cr.flip(cr.take(x, cr.tensor([1, 0, 1]), axis=0), axis=-1),
    "masks": lambda x: cr.where(cr.flip(x > 0, axis=-1), x, -x),
    "a factor": lambda x: cr.flip(x, axis=-1) @ x.T,
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("shape", [(2, 32), (5, 33), (3, 7), (40, 130)])
@pytest.mark.parametrize("name", CASES)
def test_what_is_read_backwards_is_right(name: str, shape: tuple[int, int], dtype: str) -> None:
    x = (np.random.default_rng(sum(shape)).standard_normal(shape) * 50).astype(dtype)
    graph, arrays = optimized(CASES[name], x)
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("name", ["a row", "one or the other", "rows that are picked"])
def test_nothing_is_gathered_lane_by_lane(name: str) -> None:
    graph: Any = optimized(CASES[name], np.ones((64, 64), np.float32))[0]
    assert "masked.gather" not in compile_graph(graph, target_for("x86-64-v4")).text
