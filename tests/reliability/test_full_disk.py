"""A disk that is full, or refuses, at any moment of a training: named, and nothing is lost.

Once by functions of ``os`` that fail (always), once by a real limit on the size of files, once by a
real disk that is too small (where this user may mount one).
"""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chainrule.errors import CheckpointError
from chainrule.train import run
from tests.reliability.effort import THOROUGH, many, some
from tests.reliability.killed_run_driver import forked
from tests.reliability.training import fault_of, outcome, partials, train

WRITERS = ("write", "fsync", "replace", "rename", "mkdir", "ftruncate")
SPACE = "Free space on the disk that holds "


@pytest.fixture(scope="module")
def meant(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    train(folder)
    return outcome(folder)


def refusing(monkeypatch: pytest.MonkeyPatch, fail_at: int, code: int) -> list[str]:
    """Let the calls of that number and after fail; give the names of the calls that were made."""
    made: list[str] = []

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            if len(made) >= fail_at:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **options)

        return call

    for name in WRITERS:
        monkeypatch.setattr(os, name, wrapped(name, getattr(os, name)))
    return made


def check_left(folder: Path, meant: object) -> None:
    """What a refused training leaves is whole, and going on gives the end of an undisturbed one."""
    if (folder / "config.json").exists():
        opened = run.open(folder)
        opened.metrics()
        opened.latest()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*latest.json is missing")
        train(folder)
    assert outcome(folder) == meant
    assert partials(folder) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO] if THOROUGH else [errno.ENOSPC])
def test_a_disk_that_is_full_from_any_call_on_loses_nothing(
    code: int, tmp_path: Path, meant: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = refusing(patch, sys.maxsize, code)
        train(tmp_path / "counted")
    places = some(range(1, len(made) + 1), 6)
    for fail_at in places:
        folder = tmp_path / str(fail_at)
        with pytest.MonkeyPatch.context() as patch:
            refusing(patch, fail_at, code)
            with pytest.raises(CheckpointError) as caught:
                train(folder)
        assert os.strerror(code) in str(caught.value)
        assert (SPACE in str(caught.value)) == (code == errno.ENOSPC)
        check_left(folder, meant)
    if THOROUGH:
        with capsys.disabled():
            sys.stdout.write(f"\n{len(places)} places of {errno.errorcode[code]}, 0 lost\n")


def limited(folder: Path, size: int) -> int:
    """Train in a child whose files may be so long; give its exit status."""

    def training() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        message = fault_of(lambda: train(folder))
        os._exit(0 if "File too large" in message else 3 if message else 4)

    return forked(training)


def test_files_that_may_not_grow_lose_nothing(tmp_path: Path, meant: object) -> None:
    for size in some([0, 1, 100, 400, 1000, 2000, 3000, 4000, 5000, 6000], 3):
        folder = tmp_path / str(size)
        assert limited(folder, size) == 0
        check_left(folder, meant)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 256 KiB."""
    mount = shutil.which("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_is_full_loses_nothing(small_disk: Path, meant: object) -> None:
    for kib in some(range(0, many(128, 160), 4), 4):
        folder, filler = small_disk / "run", small_disk / "filler"
        filler.write_bytes(b"")
        free = shutil.disk_usage(small_disk).free
        filler.write_bytes(bytes(max(0, free - 1024 * kib)))
        message = fault_of(lambda folder=folder: train(folder))  # type: ignore[misc]
        assert "No space left on device" in message or not message
        assert kib > 8 or message
        filler.unlink()
        check_left(folder, meant)
        shutil.rmtree(folder)
