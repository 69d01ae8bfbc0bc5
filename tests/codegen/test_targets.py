"""Programs for older processors run here, those for other ones are at least written."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.runtime.engine import host_target, target_for
from tests.codegen.test_program import network
from tests.patience import LIMIT

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("masked_driver.py")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are levels of x86-64")
@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_cases_give_the_same_numbers_on_every_processor(cpu: str) -> None:
    if target_for(cpu).vector_bits > host_target().vector_bits:
        pytest.skip(f"this processor is no {cpu}")
    environment = {**os.environ, "CHAINRULE_CPU": cpu, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "error", DRIVER], env=environment, cwd=ROOT, text=True,
        capture_output=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[0]) > 30


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_is_translated_for_arm(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_CPU", "aarch64")
    shapes = ((33, 19), (19, 40), (40, 10))
    code = cr.jit(network).assembly(*(np.ones(s, dtype) for s in shapes))
    assert "fmla\tv" in code
    assert (".4s" if dtype == "float32" else ".2d") in code
    assert "xmm" not in code
