"""The gamma functions as machine code, against values of 24 digits and against SciPy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.special

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.mathematics.scalars import is_native
from chainrule.ir.dtype import float32, float64
from chainrule.ir.scalar import SCALARS
from chainrule.runtime.engine import host_target, target_for
from tests.codegen.native import Kernel, native, ulps
from tests.codegen.test_scalars import LANES, LONG, OLDER, flushed

FUNCTIONS = {
    "lgamma": ("lgamma", ()),
    "digamma": ("polygamma", (0,)),
    "trigamma": ("polygamma", (1,)),
}
COLUMN = {name: k for k, name in enumerate(FUNCTIONS, 1)}
SCIPY = {
    "lgamma": scipy.special.gammaln,
    "digamma": scipy.special.psi,
    "trigamma": lambda x: scipy.special.polygamma(1, x),
}
HOST = host_target()
EACH = pytest.mark.parametrize("name", FUNCTIONS)


def kernel(name: str, lanes: int, target: Target = HOST, *, flush: bool = False) -> Kernel:
    record, params = FUNCTIONS[name]
    return native(SCALARS[record], float64, lanes, target, params, flushed=flush)


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and values of a function there."""
    text = (Path(__file__).parent / "gamma_values.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines()[1:]]
    x = np.array([float.fromhex(row[0]) for row in rows])
    return x, np.array([np.longdouble(row[COLUMN[name]]) for row in rows])


def check(name: str, got: np.ndarray, x: np.ndarray, wanted: np.ndarray) -> None:
    """Four units in the last place of the value; below 0 of the terms that make it up."""
    above = x > 0
    off = ulps(got[above], wanted[above])
    worst = int(off.argmax())
    assert off[worst] <= 4, (x[above][worst], off[worst])
    x, got, wanted = x[~above], got[~above], wanted[~above]
    slope = np.abs(np.pi / np.sin(np.pi * (x - np.rint(x))))
    term = {"lgamma": np.log(slope), "digamma": slope, "trigamma": slope**2}[name]
    scale = np.maximum(np.abs(term), np.abs(SCIPY[name](1 - x)))
    assert (np.abs(got - wanted) / np.spacing(scale)).max() <= 4


@LONG
@EACH
@pytest.mark.parametrize("lanes", LANES)
def test_values_are_right_to_the_last_digits_next_to_zeros_too(name: str, lanes: int) -> None:
    x, wanted = table(name)
    check(name, kernel(name, lanes, flush=flushed(lanes))(x), x, wanted)


@OLDER
@LONG
@EACH
def test_they_are_without_fused_multiplication(name: str) -> None:
    x, wanted = table(name)
    target = target_for("x86-64-v2").replaced(triple=HOST.triple)
    check(name, kernel(name, 2, target)(x), x, wanted)


@EACH
def test_float32_is_rounded_to_the_nearest(name: str) -> None:
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.uniform(0, 8, 4000), np.exp(draw.uniform(-30, 30, 4000))])
    x = x.astype(np.float32)
    record, params = FUNCTIONS[name]
    got = native(SCALARS[record], float32, 4, HOST, params)(x)
    assert ulps(got, SCIPY[name](x.astype(np.float64))).max() < 0.51


@EACH
@pytest.mark.parametrize("lanes", LANES)
def test_poles_infinities_and_nan_are_those_of_scipy(name: str, lanes: int) -> None:
    x = np.array([0.0, -0.0, -1, -2, -7, -np.inf, np.inf, np.nan, 1e308, 1, 2, 1e-300])
    with np.errstate(all="ignore"):
        wanted = SCIPY[name](x)
    np.testing.assert_allclose(kernel(name, lanes)(x), wanted, rtol=4e-16)


def test_of_the_polygamma_functions_the_first_two_are_native() -> None:
    record = SCALARS["polygamma"]
    assert [is_native(record, float64, (order,)) for order in range(4)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_gradient_of_log_gamma_is_compiled_whole(machine_code: None) -> None:
    x = cr.tensor(np.linspace(0.1, 9, 50))
    slope = cr.jit(cr.grad(lambda x: cr.sum(cr.lgamma(x) * cr.digamma(x))))
    v = x.numpy()
    wanted = scipy.special.psi(v) ** 2 + scipy.special.gammaln(v) * scipy.special.polygamma(1, v)
    np.testing.assert_allclose(slope(x).numpy(), wanted, rtol=1e-12)
    assert "host" not in str(slope.loops(x))
