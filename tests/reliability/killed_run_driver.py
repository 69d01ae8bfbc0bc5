"""Train in one folder after another, each time killed one system call later, and go on there.

Arguments: MODE OUT CALLS. MODE is ``hook`` or a system call that strace kills us before, when it
is made for the TOTAL-th time. CALLS says which of them: ``1,5,9``, or ``all`` until a training gets
through. Writes a line of JSON: how many were killed, and what was lost.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from chainrule.errors import CheckpointError
from chainrule.train import checkpoint, checkpointing, run
from tests.reliability.training import outcome, partials, train
from tests.train.kill_driver import hook, pad

TOTAL = 400


def forked(action: Callable[[], object]) -> int:
    """Do something in a child, and give its exit status; the negative number of a signal."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(mode: str, number: int, folder: Path) -> bool:
    def training() -> None:
        if mode == "hook":
            hook(number)
        else:
            vars(checkpointing)["_SMALL"] = -1  # no threads: each has its own count
            pad(mode, TOTAL - number)
        train(folder)

    code = forked(training)
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"the training ended with {code}")
    return code != 0


def check(folder: Path, meant: object) -> None:
    """Read all that is there, go on, and compare the end."""
    if (folder / "config.json").exists():
        opened = run.open(folder)
        opened.metrics()
        loaded = opened.latest()
        missing = "latest.json is missing"  # before the first checkpoint is pointed to
        assert loaded is None or all(w.startswith(missing) for w in loaded.warnings)
        if (folder / "checkpoints" / "best.json").exists():
            checkpoint.load(opened.checkpoints, "best")
        if opened.finished:
            opened.load_model()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*latest.json is missing")
        train(folder)
    assert outcome(folder) == meant
    assert partials(folder) == []


def numbers(calls: str) -> Iterator[int]:
    return count(1) if calls == "all" else map(int, calls.split(","))


def main() -> None:
    mode, out, calls = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    reference = out / "reference"
    if forked(lambda: train(reference)):
        raise SystemExit("the training fails even if nothing kills it")
    meant, tried, lost = outcome(reference), 0, []
    for number in numbers(calls):
        folder = out / f"{mode}-{number}"
        if not killed(mode, number, folder):
            break
        tried += 1
        if forked(lambda folder=folder: check(folder, meant)):  # type: ignore[misc]
            lost.append(number)
    sys.stdout.write(json.dumps({"tried": tried, "lost": lost}) + "\n")


if __name__ == "__main__":
    try:
        main()
    except CheckpointError as error:
        raise SystemExit(str(error)) from error
