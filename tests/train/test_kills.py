"""A process killed at any system call leaves the old or the new, whole.

Each scenario is killed before each of its calls, once by its own hooks on ``os`` (always) and once
by strace (where it is installed and may trace). What is left is then read by this process. One
process is the parent of all that are killed, as to start takes longer than to be killed.
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


def drive(mode: str, folder: Path) -> None:
    """Kill each scenario at every call."""
    for scenario in kill_driver.SCENARIOS:
        (folder / mode / scenario).mkdir(parents=True)
    command = [sys.executable, str(DRIVER), mode, str(folder / "bases"), str(folder / mode)]
    if mode == "strace":
        calls = ",".join(f"?{call}" for call in (*kill_driver.PADDING, *OTHER_NAMES))
        inject = f"inject={calls}:signal=KILL:when={kill_driver.TOTAL}"
        command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject, *command]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@functools.cache
def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-o", os.devnull, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def prepared(bases: Path) -> Path:
    """Make what each scenario finds."""
    for scenario in kill_driver.SCENARIOS:
        (bases / scenario).mkdir(parents=True)
    for scenario in ("save", "save_again"):
        checkpoint.save(bases / scenario, kill_driver.content(1), best=True)
    (bases / "write" / "file").write_bytes(b"old")
    durable.append_line(bases / "append" / "lines", "old")
    with run.create(bases / "finish", {}) as opened:
        opened.save_model({"w": np.full(4, 1.0)}, {"version": 1})
    with run.create(bases / "rewind", {}) as opened:
        for step in (10, 20, 30):
            opened.append_metrics({"step": step})
    return bases


LeftBehind = Callable[[str], list[Path]]
LEAST = {"hook": 3, "strace": len(kill_driver.PADDING)}


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> LeftBehind:
    """Give what was left by each killed process of a scenario, and by those that got through."""
    folder = tmp_path_factory.mktemp("kills")
    prepared(folder / "bases")
    modes = ["hook", "strace"] if can_trace() else ["hook"]
    for mode in modes:
        drive(mode, folder)

    def left(scenario: str) -> list[Path]:
        found = []
        for mode in modes:
            by_mode = sorted((folder / mode / scenario).iterdir())
            assert len(by_mode) > LEAST[mode]
            found += by_mode
        return found

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


@pytest.mark.parametrize(
    ("scenario", "new"),
    [("save", kill_driver.content(2)), ("save_again", kill_driver.content(1, version=2))],
)
def test_a_killed_save_leaves_the_old_or_the_new_checkpoint(
    scenario: str, new: checkpoint.Checkpoint, left_behind: LeftBehind
) -> None:
    old = kill_driver.content(1)
    outcomes = set()
    for folder in left_behind(scenario):
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


def test_a_killed_write_leaves_the_old_or_the_new_file(left_behind: LeftBehind) -> None:
    contents = set()
    for folder in left_behind("write"):
        contents.add((folder / "file").read_bytes())
        durable.sweep(folder)
        assert kill_driver.names(folder) == ["file"]
    assert contents == {b"old", b"new" * 1000}


def whole_lines(path: Path) -> tuple[bytes, ...]:
    """The lines of a file without a torn last one, which never counted."""
    return tuple(path.read_bytes().split(b"\n")[:-1])


def test_a_killed_append_leaves_the_old_lines_or_one_more(left_behind: LeftBehind) -> None:
    contents = {whole_lines(f / "lines") for f in left_behind("append")}
    assert contents == {(b"old",), (b"old", b"new")}


def test_a_killed_create_leaves_a_run_or_a_folder_that_create_takes(
    left_behind: LeftBehind,
) -> None:
    for folder in left_behind("create"):
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
    left_behind: LeftBehind,
) -> None:
    versions = set()
    for folder in left_behind("finish"):
        arrays, description = run.open(folder).load_model()
        assert (arrays["w"] == description["version"]).all()
        versions.add(description["version"])
    assert versions == {1, 2}


def test_a_killed_rewind_leaves_all_metrics_or_those_kept(left_behind: LeftBehind) -> None:
    found = {
        tuple(record["step"] for record in run.open(folder).metrics())
        for folder in left_behind("rewind")
    }
    assert found == {(10, 20), (10, 20, 30)}
