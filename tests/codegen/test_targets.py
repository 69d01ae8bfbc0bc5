"""Programs for older processors run here, those for other ones are at least written."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import tree
from chainrule.runtime.engine import host_target, target_for
from tests.cases import ALL
from tests.cases.case import Case
from tests.codegen.test_program import network
from tests.patience import LIMIT

SOME = [case for case in ALL if case.batched][::16]
SHAPES = ((33, 19), (19, 40), (40, 10))
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="these are levels of x86-64")


@pytest.fixture(params=["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def older(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write programs for one level of processors."""
    if target_for(request.param).vector_bits > host_target().vector_bits:
        pytest.skip(f"this processor is no {request.param}")
    monkeypatch.setenv("CHAINRULE_CPU", request.param)
    assert host_target().cpu == request.param


def compare(
    f: Callable[..., Any], inputs: Sequence[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both runtimes give the same numbers up to rounding."""
    compiled, tensors = cr.jit(f), [cr.tensor(x) for x in inputs]
    found = {}
    for runtime in ("native", "reference"):
        monkeypatch.setenv("CHAINRULE_RUNTIME", runtime)
        found[runtime] = [t.numpy() for t in tree.flatten(compiled(*tensors))[0]]
    for a, b in zip(found["native"], found["reference"], strict=True):
        tolerance = 1e-3 if b.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@X86
@pytest.mark.parametrize("case", SOME, ids=lambda case: case.name)
def test_a_case_gives_the_same_numbers_on_every_processor(
    case: Case, older: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dtype in ("float32", "float64"):
        compare(case.function, case.draw(dtype), monkeypatch)


@X86
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_transposed_reads_and_small_systems_are_the_same_on_every_processor(
    dtype: str, older: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((37, 37)).astype(dtype) + 40 * np.eye(37, dtype=dtype)
    compare(lambda a: a - 2 * a.T, [a], monkeypatch)
    compare(lambda a: cr.linalg.solve(a, a[:, :5] + 1), [a], monkeypatch)


@X86
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_gives_the_same_numbers_on_every_processor(
    dtype: str, older: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal(s).astype(dtype) for s in SHAPES]
    compare(network, inputs, monkeypatch)


ALL_OF_IT = """
import os, numpy as np, chainrule as cr
x = cr.tensor(np.random.default_rng(0).standard_normal((512, 256)).astype("float32"))
f = cr.jit(cr.grad(lambda w: cr.sum(cr.softmax(w @ x, axis=1) ** 2)))
found = f(x.T).numpy()
os.environ["CHAINRULE_RUNTIME"] = "reference"
np.testing.assert_allclose(found, f(x.T).numpy(), rtol=1e-3, atol=1e-3)
"""


@X86
def test_a_process_in_which_all_code_is_for_an_older_processor() -> None:
    """The pool of threads too, which is loaded once in a process."""
    named = {"CHAINRULE_CPU": "x86-64-v2", "CHAINRULE_THREADS": "2", "CHAINRULE_RUNTIME": "native"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALL_OF_IT], env={**os.environ, **named}, text=True,
        capture_output=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_is_translated_for_arm(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_CPU", "aarch64")
    code = cr.jit(network).assembly(*(np.ones(s, dtype) for s in SHAPES))
    assert "fmla\tv" in code
    assert (".4s" if dtype == "float32" else ".2d") in code
    assert "xmm" not in code
