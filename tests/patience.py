"""How long tests wait, and how they measure work without a clock: machines differ in speed."""

import sys
import time
from collections.abc import Callable
from subprocess import Popen
from typing import Any

# Seconds after which what a test waits for is taken to be stuck. It says nothing about speed: all
# that is waited for comes a hundred times sooner on a slow machine too.
LIMIT = 600.0


def wait_until(event: Callable[[], object], process: "Popen[Any] | None" = None) -> None:
    """Wait until something is so, or until the process that would bring it about has ended."""
    deadline = time.monotonic() + LIMIT
    while not event() and (process is None or process.poll() is None):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


def calls(work: Callable[[], object]) -> int:
    """Count the functions that something calls, in Python and of C: its cost on any machine."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
