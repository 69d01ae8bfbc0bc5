"""A process killed at any system call leaves the old or the new, whole.

Each scenario is killed before each of its calls, once by its own hooks on ``os`` (always) and once
by strace (where it is installed and may trace). What is left is then read by this process.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule.errors
from chainrule.train import checkpoint, durable, run
from tests.train import kill_driver

DRIVER = Path(__file__).with_name("kill_driver.py")
SOURCE = Path(chainrule.errors.__file__).parents[1]
OTHER_NAMES = ("renameat", "renameat2", "mkdirat")  # what arm64 calls rename and mkdir


def drive(mode: str, scenario: str, folder: Path) -> list[Path]:
    """Kill the scenario at every call; return the folder that each process left."""
    out = folder / mode
    out.mkdir()
    command = [sys.executable, str(DRIVER), mode, scenario, str(folder / "base"), str(out)]
    if mode == "strace":
        calls = ",".join(f"?{call}" for call in (*kill_driver.PADDING, *OTHER_NAMES))
        inject = f"inject={calls}:signal=KILL:when={kill_driver.TOTAL}"
        command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject, *command]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(out.iterdir())


@functools.cache
def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-o", os.devnull, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def left_behind(scenario: str, folder: Path) -> list[Path]:
    """Return what was left by each killed process, and by those that got through."""
    left = drive("hook", scenario, folder)
    assert len(left) > 3
    if can_trace():
        traced = drive("strace", scenario, folder)
        assert len(traced) > len(kill_driver.PADDING)
        left += traced
    return left


def is_same(found: checkpoint.Checkpoint, meant: checkpoint.Checkpoint) -> bool:
    parts = ("model", "optimizer", "state")
    return found.position == meant.position and all(
        np.array_equal(getattr(found, part)[name], array)
        for part in parts
        for name, array in getattr(meant, part).items()
    )


def partials(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if durable.is_partial(path.name)]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("scenario", "new"),
    [("save", kill_driver.content(2)), ("save_again", kill_driver.content(1, version=2))],
)
def test_a_killed_save_leaves_the_old_or_the_new_checkpoint(
    scenario: str, new: checkpoint.Checkpoint, tmp_path: Path, base: Path
) -> None:
    old = kill_driver.content(1)
    checkpoint.save(base, old, best=True)
    outcomes = set()
    for folder in left_behind(scenario, tmp_path):
        loaded = checkpoint.load(folder)
        assert loaded.warnings == ()
        is_new = is_same(loaded.checkpoint, new)
        outcomes.add(is_new)
        assert is_new or is_same(loaded.checkpoint, old)
        checkpoint.load(folder, "best")
        durable.sweep(folder)
        assert partials(folder) == []
        checkpoint.save(folder, kill_driver.content(3), keep=1)
        assert is_same(checkpoint.load(folder).checkpoint, kill_driver.content(3))
    assert outcomes == {False, True}


def test_a_killed_write_leaves_the_old_or_the_new_file(tmp_path: Path, base: Path) -> None:
    (base / "file").write_bytes(b"old")
    contents = set()
    for folder in left_behind("write", tmp_path):
        contents.add((folder / "file").read_bytes())
        durable.sweep(folder)
        assert kill_driver.names(folder) == ["file"]
    assert contents == {b"old", b"new" * 1000}


def whole_lines(path: Path) -> tuple[bytes, ...]:
    """The lines of a file without a torn last one, which never counted."""
    return tuple(path.read_bytes().split(b"\n")[:-1])


def test_a_killed_append_leaves_the_old_lines_or_one_more(tmp_path: Path, base: Path) -> None:
    durable.append_line(base / "lines", "old")
    contents = {whole_lines(f / "lines") for f in left_behind("append", tmp_path)}
    assert contents == {(b"old",), (b"old", b"new")}


def test_a_killed_create_leaves_a_run_or_a_folder_that_create_takes(
    tmp_path: Path, base: Path
) -> None:
    for folder in left_behind("create", tmp_path):
        is_run = (folder / "run" / "config.json").exists()
        again: Callable[[], run.Run] = (
            functools.partial(run.open, folder / "run", write=True)
            if is_run
            else functools.partial(run.create, folder / "run", {"epochs": 3})
        )
        with again() as opened:
            assert opened.config == {"epochs": 3}
        assert partials(folder) == []


def test_a_kill_while_the_final_model_is_replaced_leaves_one_whole(
    tmp_path: Path, base: Path
) -> None:
    with run.create(base, {}) as opened:
        opened.save_model({"w": np.full(4, 1.0)}, {"version": 1})
    versions = set()
    for folder in left_behind("finish", tmp_path):
        arrays, description = run.open(folder).load_model()
        assert (arrays["w"] == description["version"]).all()
        versions.add(description["version"])
    assert versions == {1, 2}


def test_a_killed_rewind_leaves_all_metrics_or_those_kept(tmp_path: Path, base: Path) -> None:
    with run.create(base, {}) as opened:
        for step in (10, 20, 30):
            opened.append_metrics({"step": step})
    found = {
        tuple(record["step"] for record in run.open(folder).metrics())
        for folder in left_behind("rewind", tmp_path)
    }
    assert found == {(10, 20), (10, 20, 30)}
