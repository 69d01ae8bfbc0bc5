"""A row of the table: the same work by several libraries, checked to be the same, then timed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks.timing import alternate, median, ratio, table
from benchmarks.work.limits import Limit

OURS = "chainrule"
_COMPARED = 16  # losses of the first epoch; rounding grows with each step
_CLOSE = 1e-3
_BEHIND, _LONG = 4, 1.0  # a run of more seconds that is so many times the quickest is made once
_PAUSE = 0.05  # seconds in which the threads of one library fall asleep before another works


class Absent(Exception):  # noqa: N818  it is no error that a peer is not there
    """A peer cannot take part; the message says why."""


class Contestant(NamedTuple):
    """``run`` does the work once and waits for it; ``figures`` are the numbers that it gave."""

    run: Callable[[], Any]
    figures: Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    contestants  how each is made ready; names that start with "chainrule" are ours
    limit        of one step, of which a run has ``steps``
    asked        the best peer's time ÷ ours that must be reached
    close        by which share the figures of two contestants may differ
    precision    that of our products, where it is not what the title says, and why; else ""
    """

    name: str
    title: str
    asked: float
    limit: Limit
    contestants: Mapping[str, Callable[[], Contestant]]
    steps: int = 1
    close: float = _CLOSE
    precision: Callable[[], str] = str

    def shown(self, name: str) -> str:
        """A contestant's name, for ours with the precision that it computes in."""
        precision = self.precision() if name.startswith(OURS) else ""
        return f"{name}, {precision}" if precision else name


class Options(NamedTuple):
    """How a row is measured."""

    rounds: int
    seconds: float
    without: tuple[str, ...]
    disk: bool

    def takes(self, name: str) -> bool:
        """Whether a contestant is wanted."""
        return not any(word.casefold() in name.casefold() for word in self.without)


class Result(NamedTuple):
    """What a row came to.

    times    seconds a step of each round
    first    how much longer the first call takes than a later one
    absent   why someone was not timed
    """

    row: Row
    times: dict[str, list[float]]
    first: dict[str, str]
    absent: dict[str, str]


def hold(row: Row, options: Options) -> Result:
    """Make everyone ready, compare what they compute, and time them in turn."""
    ready: dict[str, Contestant] = {}
    began: dict[str, float] = {}
    figures: dict[str, np.ndarray] = {}
    absent: dict[str, str] = {}
    for name, make in row.contestants.items():
        if not options.takes(name):
            continue
        try:
            contestant = make()
            start = time.perf_counter()
            made = contestant.run()
            began[name] = time.perf_counter() - start
        except Absent as reason:
            absent[name] = str(reason)
            continue
        except ImportError as missing:
            absent[name] = f"no {missing.name}"
            continue
        ready[name], figures[name] = contestant, contestant.figures(made)
    _agree(row, figures)
    runs = {name: contestant.run for name, contestant in ready.items()}
    for name, seconds in _far_behind(runs).items():
        absent[name] = f"{shown(seconds / row.steps)}, one run"
        del runs[name]
    whole = alternate(runs, options.rounds, options.seconds, _PAUSE)
    first = {n: f"{max(began[n] - median(t), 0.0):.2f} s" for n, t in whole.items()}
    if options.disk:
        first |= {n: from_disk(row.name, n) for n in runs if n.startswith(OURS)}
    times = {name: [t / row.steps for t in found] for name, found in whole.items()}
    return Result(row, times, first, absent)


def _far_behind(runs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Those who would take most of the time and could not be first, with the seconds of a run."""
    seconds = {}
    for name, run in runs.items():
        start = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - start
    least = max(_LONG, _BEHIND * min(seconds.values()))
    return {n: t for n, t in seconds.items() if t > least and not n.startswith(OURS)}


def _agree(row: Row, figures: Mapping[str, np.ndarray]) -> None:
    """Raise unless all computed the same."""
    (base, wanted), *others = figures.items()
    wanted = _compared(wanted)
    scale = float(np.max(np.abs(wanted)))
    if not np.isfinite(scale):
        raise SystemExit(f"{row.name}: {base} computes {wanted}")
    for other, given in others:
        found = _compared(given)
        if found.shape != wanted.shape or not np.allclose(
            found, wanted, rtol=row.close, atol=row.close * scale
        ):
            raise SystemExit(f"{row.name}: {base} computes {wanted}, {other} {found}")


def _compared(figures: np.ndarray) -> np.ndarray:
    return figures[:_COMPARED] if figures.ndim == 1 else figures


# ---------------------------------------------------------------- the first call


def from_disk(row: str, name: str) -> str:
    """The first call of a process with an empty cache on the disk, and with a full one."""
    cache = tempfile.mkdtemp(prefix="chainrule-bench-")
    command = [sys.executable, "-m", "benchmarks", "native", "--first", row, name]
    environment = {**os.environ, "CHAINRULE_CACHE": cache}
    try:
        seconds = [
            json.loads(
                subprocess.run(command, check=True, capture_output=True, env=environment).stdout
            )
            for _ in range(2)
        ]
    finally:
        shutil.rmtree(cache)
    return f"{seconds[0]:.2f} s, {seconds[1]:.2f} s from the disk"


def first_call(row: Row, name: str) -> None:
    """Print how much longer the first call takes than the quickest of three more."""
    contestant = row.contestants[name]()
    times = []
    for _ in range(4):
        start = time.perf_counter()
        contestant.run()
        times.append(time.perf_counter() - start)
    print(json.dumps(max(times[0] - min(times[1:]), 0.0)))


# ---------------------------------------------------------------- tables


def shown(seconds: float) -> str:
    """A time with the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1e3 * size else f"{seconds:.0f} s"
    return f"{seconds * 1e9:.0f} ns"


def spread(slow: list[float], fast: list[float]) -> str:
    """The median of the ratios round by round, with the smallest and the largest."""
    middle, low, high = ratio(slow, fast)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _scans(name: str) -> bool:
    return "scan" in name


def _rival(result: Result, ours: str) -> str | None:
    """The best peer of one of our forms: a single call is not held against a whole epoch."""
    peers = [n for n in result.times if not n.startswith(OURS)]
    if not _scans(ours):
        peers = [n for n in peers if not _scans(n)]
    return min(peers, key=lambda n: median(result.times[n]), default=None)


def details(result: Result) -> str:
    """The table of one row: everyone's time, and how it compares with our best form."""
    best = next((n for n in result.times if n.startswith(OURS)), None)
    rows = [["", "a step", f"÷ {best or OURS}", "first call, less a later one"]]
    for name, times in result.times.items():
        against = spread(times, result.times[best]) if best and name != best else ""
        rows.append([result.row.shown(name), shown(median(times)), against, result.first[name]])
    rows += [[name, reason, "", ""] for name, reason in result.absent.items()]
    limit = result.row.limit
    rows.append(["roofline", shown(limit.seconds()), "", ""])
    return f"{result.row.name}: {result.row.title}\n\n{table(rows)}\n"


HEADING = ["work", "form", "time", "best peer", "its time", "ratio", "asked", "time ÷ roofline"]


def summary(result: Result) -> list[list[str]]:
    """The lines of the closing table: one for each of our forms."""
    made = []
    for ours in (n for n in result.times if n.startswith(OURS)):
        times = result.times[ours]
        rival = _rival(result, ours)
        slow = result.times[rival] if rival else None
        made.append(
            [
                result.row.title,
                result.row.shown(ours).removeprefix(OURS).strip() or "call",
                shown(median(times)),
                rival or "none",
                shown(median(slow)) if slow else "",
                spread(slow, times) if slow else "",
                f"{result.row.asked:g}",
                f"{median(times) / result.row.limit.seconds():.2f}",
            ]
        )
    return made
