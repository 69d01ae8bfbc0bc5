"""How many processors there are for us, and how many threads may use them.

CHAINRULE_THREADS   how many threads a program may use; else as many as the process has processors
"""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

from chainrule.errors import ArgumentError
from chainrule.runtime.team_layout import CAPACITY

__all__ = ["processors", "thread_count", "threads_beside"]


def processors() -> int:
    """How many processors this process may use, by its affinity and its control group.

    >>> processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        own = len(os.sched_getaffinity(0))
    else:
        own = os.cpu_count() or 1
    return max(1, min(own, _quota(), CAPACITY))


def thread_count() -> int:
    """How many threads a program may use: CHAINRULE_THREADS, or the number of processors."""
    given = os.environ.get("CHAINRULE_THREADS", "")
    if not given:
        return processors()
    if not given.isdecimal() or not 1 <= int(given) <= CAPACITY:
        raise ArgumentError(
            f"CHAINRULE_THREADS is {given!r}; it is a number of threads from 1 to {CAPACITY}"
        )
    return int(given)


def threads_beside() -> int:
    """How many threads may work beside programs that run: a fourth of them all, at least one.

    >>> 1 <= threads_beside() <= thread_count()
    True
    """
    return max(1, thread_count() // 4)


@cache
def _quota() -> int:
    """The processors that a container leaves to its processes (control groups, version 2)."""
    try:
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return CAPACITY if most == "max" else math.ceil(int(most) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return CAPACITY
