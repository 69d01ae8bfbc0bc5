"""Quotients of a row by one number are those of the instruction, wherever the number lies."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.texts import module_text
from tests.codegen.native import ulps

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0]
DIVISORS = [1.0, 1.5, 3.0, -7.0, 0.1, 1e-20, 1e20, 2.0**60, 2.0**61, 2.0**126, 3e38, *SPECIAL]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [64, 100])
def test_rows_divided_by_their_own_number_are_quotients_to_half_a_unit(
    width: int, dtype: str
) -> None:
    draw = np.random.default_rng(width)
    x = draw.standard_normal((len(DIVISORS), width)) * 10.0 ** draw.integers(-35, 30, width)
    x[:, : len(SPECIAL)] = SPECIAL
    x = np.concatenate([x, np.full((len(DIVISORS), 8), 3.4e38)], 1).astype(dtype)
    parts = np.zeros((len(DIVISORS), 48), dtype)
    parts[:, 17] = DIVISORS

    @cr.jit
    def shares(x: cr.Tensor, parts: cr.Tensor) -> cr.Tensor:
        return x / cr.sum(parts, axis=1, keepdims=True)

    got = shares(cr.tensor(x), cr.tensor(parts)).numpy()
    with np.errstate(all="ignore"):
        wide = np.float64 if dtype == "float32" else np.longdouble
        exact = x.astype(wide) / parts.sum(1, keepdims=True).astype(wide)
    far = ulps(got, exact)
    tiny = abs(x) < 2.0**-100  # there float32 flushes the remainder
    assert far.max() <= 1.5
    assert far[~tiny].max() <= 0.5001
    known = ~np.isnan(exact)
    assert np.array_equal(np.signbit(got[known]), np.signbit(exact[known]))


def test_softmax_of_a_row_with_nan_or_infinity_says_so() -> None:
    x = np.zeros((4, 70), np.float32)
    x[0, 69], x[1, 3], x[2, 64] = np.nan, np.inf, -np.inf
    x[3] = -np.inf
    got = cr.jit(cr.softmax)(cr.tensor(x)).numpy()
    assert np.isnan(got[0]).all()
    assert np.array_equal(got[1], np.eye(70)[3])
    assert got[2, 64] == 0
    assert np.allclose(got[2].sum(), 1)
    assert np.array_equal(got[3], np.zeros(70))


@pytest.mark.parametrize(("lines", "calls", "inlined"), [(30, 4, True), (30, 20, False)])
def test_short_functions_are_written_out_where_they_are_called_a_few_times(
    lines: int, calls: int, inlined: bool
) -> None:
    module = Module()
    own = module.function("own", [("x", "float")], "float", internal=True)
    value = own.arguments[0]
    for _ in range(lines):
        value = own.binary("fadd", value, own.arguments[0])
    own.ret(value)
    b = module.function("outer", [("x", "float")], "float")
    value = b.arguments[0]
    for _ in range(calls):
        value = b.call("own", "float", value)
    b.ret(value)
    assert ("alwaysinline" in module_text(module)) is inlined
