"""What the native compiler says, word for word."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, CompileError


@pytest.mark.parametrize("name", ["numpy", "Native", " native", "0"])
def test_a_runtime_that_does_not_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f = cr.jit(cr.exp)
    monkeypatch.setenv("CHAINRULE_RUNTIME", name)
    with pytest.raises(ArgumentError) as caught:
        f(cr.ones(3))
    assert str(caught.value) == (
        f"CHAINRULE_RUNTIME is {name!r}; there are 'native' and 'reference'"
    )
    monkeypatch.setenv("CHAINRULE_RUNTIME", "")
    assert f(cr.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_a_profile_of_what_numpy_computes() -> None:
    with pytest.raises(CompileError) as caught:
        cr.jit(lambda x: cr.sort(x) * 2).profile(cr.ones(3))
    assert str(caught.value) == ("profile: NumPy computes a part of this program; see .loops(…)")


def test_a_processor_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_CPU", "z80")
    with pytest.raises(ArgumentError) as caught:
        cr.jit(cr.exp)(cr.ones(3))
    assert str(caught.value) == (
        "there is no processor 'z80': take one of x86-64-v2, x86-64-v3, x86-64-v4, cooperlake, "
        "sapphirerapids, aarch64, neoverse-v1"
    )


@pytest.mark.parametrize("threads", [0, -1, 257, 1.0, True])
def test_a_number_of_threads_that_makes_no_sense_is_refused(threads):
    with pytest.raises(cr.errors.ArgumentError) as error:
        cr.jit(lambda x: x, threads=threads)
    assert str(error.value) == f"jit: threads={threads!r} is no number of threads from 1 to 256"


@pytest.mark.parametrize("precision", ["bfloat16", "float64", None, 16])
def test_a_precision_that_does_not_exist(precision):
    names = f"there is no precision {precision!r}; there are 'float32' and 'bf16'"
    with pytest.raises(ArgumentError) as caught:
        cr.jit(lambda x: x, precision=precision)
    assert str(caught.value) == f"jit: {names}"
    line = cr.nn.Linear(1, 1, key=cr.random.key(0))
    with pytest.raises(ArgumentError) as caught:
        cr.fit(line, (cr.ones((2, 1)), cr.ones((2, 1))), precision=precision)
    assert str(caught.value) == f"fit: {names}"


def test_a_way_to_multiply_bf16_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_BF16", "on")
    with pytest.raises(ArgumentError) as caught:
        cr.jit(cr.exp, precision="bf16")(cr.ones(3))
    assert str(caught.value) == (
        "CHAINRULE_BF16 is 'on'; it may be 'emulated', 'emulated-tiles', or nothing"
    )
    assert cr.jit(cr.exp)(cr.zeros(3)).tolist() == [1.0, 1.0, 1.0]
