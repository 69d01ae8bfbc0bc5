"""Timing side by side: competitors alternate in one run; medians and ratios are reported."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def alternate(
    work: Mapping[str, Callable[[], object]],
    rounds: int = 15,
    seconds: float = 0.05,
    pause: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time each function in turn, round after round; give seconds per call for each round.

    With a pause, the threads of one library may fall asleep before the next one works, and what
    is short makes one call that does not count when its turn comes. time.process_time as the clock
    leaves out what other processes take.
    """
    repeats = {name: _repeats(function, seconds) for name, function in work.items()}
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, function in work.items():
            if pause:
                time.sleep(pause)
                if repeats[name] > 1:
                    function()
            start = clock()
            for _ in range(repeats[name]):
                function()
            times[name].append((clock() - start) / repeats[name])
    return times


def _repeats(function: Callable[[], object], seconds: float) -> int:
    """How many calls take so many seconds, once those are over that prepare the next ones.

    The second and third call of a jitted function make its short way.
    """
    function()
    least, spent = seconds + 1e-7, 0.0
    for _ in range(5):
        start = time.perf_counter()
        function()
        took = time.perf_counter() - start
        least, spent = min(least, took), spent + took
        if spent >= seconds:
            break
    return max(1, int(seconds / max(least, 1e-7)))


def median(times: list[float]) -> float:
    """The median."""
    return statistics.median(times)


def ratio(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Median, smallest and largest ratio, round by round."""
    ratios = [a / b for a, b in zip(slow, fast, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def machine() -> str:
    """One line about the machine."""
    name = platform.processor() or platform.machine()
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            name = next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def table(rows: list[list[str]]) -> str:
    """Rows, the first of them the heading, as a Markdown table."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])
