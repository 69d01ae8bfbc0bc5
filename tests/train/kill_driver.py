"""Run each scenario again and again, each time killed one system call later.

Arguments: MODE BASES OUT. For k = 1, 2, … the scenario's folder in BASES is copied into its folder
in OUT, and a forked child runs the scenario in the copy, to be killed before its k-th call; the
last child of a kind gets through.

* ``hook``: the child replaces functions of ``os`` and kills itself with SIGKILL.
* ``strace``: this process runs under strace, which kills every traced process before its
  TOTAL-th call of a kind. The child first makes TOTAL − k calls that fail and change nothing, so
  one strace run covers all k, and, as strace counts each kind by itself, all kinds.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from chainrule.train import checkpoint, durable, run

TOTAL = 60
NO_PATH = Path("/nonexistent/x")
PADDING: dict[str, Callable[[], object]] = {
    "write": lambda: os.write(9999, b""),
    "fsync": lambda: os.fsync(9999),
    "rename": lambda: NO_PATH.rename(NO_PATH),
    "mkdir": NO_PATH.mkdir,
    "unlink": NO_PATH.unlink,
    "unlinkat": lambda: os.unlink("x", dir_fd=9999),
    "ftruncate": lambda: os.ftruncate(9999, 0),
}
HOOKED = (
    *("open", "write", "pwrite", "fsync", "replace", "rename"),
    *("mkdir", "unlink", "rmdir", "ftruncate", "chmod"),
)


def content(step: int, version: int = 1) -> checkpoint.Checkpoint:
    """Return a checkpoint that is different for each step and version."""
    value = np.full((3, 2), step + version / 8, np.float32)
    return checkpoint.Checkpoint(
        {"w": value}, {"w.momentum": -value}, {"mean": value[0]}, {"step": step, "v": version}
    )


def names(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def save(folder: Path) -> None:
    checkpoint.save(folder, content(2), keep=1, best=True)


def save_again(folder: Path) -> None:
    checkpoint.save(folder, content(1, version=2), keep=1)


def write(folder: Path) -> None:
    durable.write_bytes(folder / "file", b"new" * 1000)


def append(folder: Path) -> None:
    durable.append_line(folder / "lines", "new")


def create(folder: Path) -> None:
    run.create(folder / "run", {"epochs": 3}).close()


def finish(folder: Path) -> None:
    with run.open(folder, write=True) as opened:
        opened.save_model({"w": np.full(4, 2.0)}, {"version": 2})


def rewind(folder: Path) -> None:
    with run.open(folder, write=True) as opened:
        opened.rewind(20)


SCENARIOS = {f.__name__: f for f in (save, save_again, write, append, create, finish, rewind)}


def pad(syscall: str, count: int) -> None:
    """Make calls of one kind that fail, so that only their number matters."""
    for _ in range(count):
        with suppress(OSError):
            PADDING[syscall]()


def hook(limit: int) -> None:
    """Kill this process before the call of that number to any of the hooked functions."""
    count = 0

    def counting(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in HOOKED:
        setattr(os, name, counting(getattr(os, name)))


def survives(number: int, syscall: str | None, scenario: str, folder: Path) -> bool:
    child = os.fork()
    if child == 0:
        if syscall is None:
            hook(number)
        else:
            pad(syscall, TOTAL - number)
        SCENARIOS[scenario](folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        return True
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    raise SystemExit(f"the child ended with status {status}")


def copy(base: Path, folder: Path) -> None:
    """Copy in a child of its own, so that this process makes few system calls."""
    child = os.fork()
    if child == 0:
        shutil.copytree(base, folder)
        os._exit(0)
    os.waitpid(child, 0)


def kill_everywhere(syscall: str | None, scenario: str, base: Path, out: Path) -> None:
    for number in range(1, TOTAL if syscall else 1000):
        folder = out / f"{syscall or 'hook'}-{number:03d}"
        copy(base, folder)
        if survives(number, syscall, scenario, folder):
            return
    raise SystemExit(f"the scenario makes too many calls of {syscall}")


def main() -> None:
    mode, bases, out = sys.argv[1:]
    for scenario in SCENARIOS:
        for syscall in PADDING if mode == "strace" else (None,):
            kill_everywhere(syscall, scenario, Path(bases, scenario), Path(out, scenario))


if __name__ == "__main__":
    main()
