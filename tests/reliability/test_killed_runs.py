"""Killed at any call and gone on with, a training ends with the bits of an undisturbed one.

Once by hooks on ``os`` (always), once by strace at each write, fsync, rename and so on.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.effort import THOROUGH
from tests.reliability.killed_run_driver import TOTAL

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("killed_run_driver.py")
CALLS = ("write", "fsync", "rename", "mkdir", "unlinkat", "ftruncate")
OTHER_NAMES = {"rename": ("renameat", "renameat2"), "mkdir": ("mkdirat",)}


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def drive(mode: str, folder: Path, calls: str, *before: str) -> int:
    """Kill the training at some calls or at all; nothing may be lost. Give how many they were."""
    command = [*before, sys.executable, str(DRIVER), mode, str(folder), calls]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["lost"] == [], done.stderr
    return int(found["tried"])


def test_a_training_that_is_killed_at_any_call_loses_nothing(tmp_path: Path, capsys) -> None:
    tried = drive("hook", tmp_path, "all" if THOROUGH else "13,85,160")
    assert tried >= (200 if THOROUGH else 3)
    with capsys.disabled():
        if THOROUGH:
            sys.stdout.write(f"\n{tried} kill points tried by hooks, 0 lost\n")


@pytest.mark.parametrize("call", CALLS if THOROUGH else ("rename",))
def test_a_training_that_strace_kills_loses_nothing(call: str, tmp_path: Path, capsys) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    may = subprocess.run([strace, "-f", "-o", os.devnull, "true"], check=False)
    if may.returncode:
        pytest.skip("strace may not trace here")
    names = ",".join(f"?{name}" for name in (call, *OTHER_NAMES.get(call, ())))
    inject = f"inject={names}:signal=KILL:when={TOTAL}"
    options = ["-f", "-o", os.devnull, "-e", f"trace={names}", "-e", inject]
    tried = drive(call, tmp_path, "all" if THOROUGH else "7", strace, *options)
    assert tried >= 1
    with capsys.disabled():
        if THOROUGH:
            sys.stdout.write(f"\n{tried} kill points tried by strace at {call}, 0 lost\n")
