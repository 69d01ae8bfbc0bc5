"""The disk cache saves time and never does harm: broken, foreign, full, shared or absent."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule.runtime import cache, engine
from chainrule.runtime.cache import fetch, folder, keep, key_of, remove, trim
from chainrule.runtime.engine import host_target, load
from tests.patience import LIMIT
from tests.runtime.programs import run_saxpy, saxpy_text

ROOT = Path(__file__).parents[2]
KEY = key_of("test")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CHAINRULE_CACHE_SIZE", raising=False)
    monkeypatch.setattr(cache, "_written", 0)
    return tmp_path / "cache" / "kernels"


def entries(place: Path) -> list[Path]:
    return sorted(place.glob("*.kernel"))


def saxpy(factor: float = 2.5) -> engine.Library:
    """A library that is known to compute, fetched or made."""
    target = host_target()
    library = load(saxpy_text(target, factor), target)
    np.testing.assert_array_equal(run_saxpy(library, target), 1 + factor * np.arange(64))
    return library


# ---------------------------------------------------------------- entries


def test_what_is_kept_is_fetched(place):
    assert fetch(KEY) is None
    assert keep(KEY, b"code")
    assert fetch(KEY) == b"code"
    remove(KEY)
    assert fetch(KEY) is None


def test_the_folder_and_the_files_are_ours_alone(place):
    keep(KEY, b"code")
    assert place.stat().st_mode & 0o777 == 0o700
    assert entries(place)[0].stat().st_mode & 0o777 == 0o600
    assert [p.name for p in place.iterdir()] == [KEY + ".kernel"]


def test_a_flipped_bit_anywhere_is_noticed_and_the_entry_deleted(place):
    keep(KEY, b"some code")
    whole = entries(place)[0].read_bytes()
    for at in range(len(whole)):
        broken = bytearray(whole)
        broken[at] ^= 1 << at % 8
        entries(place)[0].write_bytes(broken)
        assert fetch(KEY) is None, at
        assert entries(place) == []
        keep(KEY, b"some code")


def test_an_entry_that_ends_too_early_is_deleted(place):
    keep(KEY, b"some code")
    whole = entries(place)[0].read_bytes()
    for size in range(len(whole)):
        (place / f"{KEY}.kernel").write_bytes(whole[:size])
        assert fetch(KEY) is None, size
        assert entries(place) == []


def test_an_entry_under_the_name_of_another_is_not_taken(place):
    keep(KEY, b"code")
    other = key_of("other")
    entries(place)[0].rename(place / f"{other}.kernel")
    assert fetch(other) is None


def test_a_folder_that_others_may_write_to_is_not_trusted(place):
    keep(KEY, b"code")
    place.chmod(0o777)
    assert fetch(KEY) is None
    assert not keep(key_of("more"), b"code")


def test_a_folder_that_belongs_to_somebody_else_is_not_trusted(place, monkeypatch):
    keep(KEY, b"code")
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    assert fetch(KEY) is None
    assert not keep(KEY, b"code")


def test_a_directory_in_the_place_of_an_entry_is_no_trouble(place):
    (place / f"{KEY}.kernel").mkdir(parents=True)
    place.chmod(0o700)
    assert fetch(KEY) is None
    assert not keep(KEY, b"code")
    assert [p.name for p in place.iterdir()] == [f"{KEY}.kernel"]


# ---------------------------------------------------------------- where


def test_the_folder_follows_the_system(monkeypatch, tmp_path):
    assert folder() == tmp_path / "cache" / "kernels"
    monkeypatch.delenv("CHAINRULE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert folder() == tmp_path / "xdg" / "chainrule" / "kernels"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert folder() == tmp_path / ".cache" / "chainrule" / "kernels"


def test_without_a_home_nothing_is_kept(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CHAINRULE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert folder() is None
    assert not keep(KEY, b"code")
    assert not saxpy().cached
    assert not saxpy().cached


def test_a_size_of_zero_keeps_nothing(place, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "0")
    assert not saxpy().cached
    assert not saxpy().cached
    assert not place.exists()


# ---------------------------------------------------------------- size


def test_what_was_not_used_for_longest_goes_first(place, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "1")
    keys = [key_of(k) for k in range(12)]
    for age, key in enumerate(reversed(keys)):
        keep(key, bytes(100_000))
        old = time.time() - 100 + age
        os.utime(place / f"{key}.kernel", (old, old))
    assert fetch(keys[11]) is not None  # the oldest, but used just now
    trim(place)
    assert sum(p.stat().st_size for p in entries(place)) <= (1 << 20) * 7 // 8
    left = {k for k, key in enumerate(keys) if fetch(key) is not None}
    assert left == {0, 1, 2, 3, 4, 5, 6, 7, 11}


def test_the_size_is_looked_at_now_and_then(place, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "1")
    for k in range(60):
        keep(key_of(k), bytes(50_000))
    assert sum(p.stat().st_size for p in entries(place)) < 2 << 20


def test_what_a_kill_left_half_written_is_swept(place):
    keep(KEY, b"code")
    old, new = place / ".a.1-2.partial", place / ".b.1-2.partial"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (1, 1))
    trim(place)
    assert not old.exists()
    assert new.exists()


# ---------------------------------------------------------------- programs


def test_a_program_is_translated_once(place):
    assert not saxpy().cached
    assert saxpy().cached
    assert not saxpy(3.0).cached
    assert saxpy(3.0).cached


def test_the_level_and_the_processor_are_part_of_the_key():
    target = host_target()
    text = saxpy_text(target)
    load(text, target)
    assert load(text, target).cached
    assert not load(text, target, 1).cached
    assert not load(text, target.replaced(vector_bits=64)).cached


def test_another_version_of_llvm_or_of_the_abi_means_another_entry(monkeypatch):
    saxpy()
    with monkeypatch.context() as patch:
        patch.setattr(engine, "llvm_version", lambda: "0.1")
        assert not saxpy().cached
    with monkeypatch.context() as patch:
        patch.setattr(engine, "ABI", 999)
        assert not saxpy().cached
    assert saxpy().cached


def damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "flipped":
        path.write_bytes(data[:-100] + bytes([data[-100] ^ 255]) + data[-99:])
    else:
        path.write_bytes(b"\x7fELF" + data)


@pytest.mark.parametrize("how", ["cut", "empty", "flipped", "foreign"])
def test_a_damaged_entry_is_made_anew(place, how):
    saxpy()
    for path in entries(place):
        damaged(path, how)
    assert not saxpy().cached
    assert saxpy().cached


def test_an_entry_that_is_whole_but_not_code_is_made_anew(place):
    saxpy()
    for path in entries(place):
        keep(path.stem, b"neither code nor processor")
    assert not saxpy().cached
    assert saxpy().cached


def test_a_folder_that_cannot_be_written_is_done_without(place, monkeypatch):
    saxpy()
    refuse = OSError(errno.EROFS, os.strerror(errno.EROFS))

    def refused(*_: object, **__: object) -> None:
        raise refuse

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    assert saxpy().cached
    assert not saxpy(4.0).cached
    assert not saxpy(4.0).cached


def test_a_file_where_the_folder_should_be_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file"))
    assert not saxpy().cached
    assert not saxpy().cached


def test_a_full_disk_is_done_without(place, monkeypatch):
    real, written = os.write, []

    def full(handle: int, data: memoryview) -> int:
        written.append(len(data))
        if len(written) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data[:100])

    monkeypatch.setattr(os, "write", full)
    assert not saxpy().cached
    monkeypatch.undo()
    assert written
    assert not place.exists() or list(place.iterdir()) == []


def test_a_real_limit_on_the_size_of_files_is_done_without(tmp_path):
    code = (
        "from tests.runtime.programs import *\n"
        "target = host_target()\n"
        "for _ in range(2):\n"
        "    library = load(saxpy_text(target), target)\n"
        "    print(run_saxpy(library, target)[2], library.cached)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(tmp_path / "small"),
        preexec_fn=limit,
        timeout=LIMIT,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "6.0 False\n6.0 False\n", "")
    assert [p for p in (tmp_path / "small").rglob("*") if p.suffix == ".partial"] == []


def environment(place: Path) -> dict[str, str]:
    path = f"{ROOT / 'src'}:{ROOT}"
    return {**os.environ, "PYTHONPATH": path, "CHAINRULE_CACHE": str(place)}


TWO = """
import sys
from tests.runtime.programs import *
target = host_target()
print("ready", flush=True)
sys.stdin.readline()
for k in range(8):
    found = run_saxpy(load(saxpy_text(target, float(k)), target), target)
    assert (found == 1 + k * np.arange(64)).all()
print("good")
"""


def test_processes_at_once_are_no_trouble(tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TWO],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
        )
        for _ in range(3)
    ]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 3
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        out, errors = process.communicate(timeout=LIMIT)
        assert (process.returncode, out, errors) == (0, "good\n", "")
    found = list((tmp_path / "kernels").iterdir())
    assert {p.suffix for p in found} == {".kernel"}
    assert len(found) == 9  # eight programs and the processor
