"""Watching the calls and returns of Python functions, beside whatever else watches them.

A thread has one place for a profiler and one for a tracer. A profiler written in Python is called
along with us; one written in C, as cProfile, cannot be, so that the tracer's place is taken
instead, and only if a debugger or a coverage tool has that too, the profiler pauses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["watching"]

Watch = Callable[[FrameType, str], None]


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Tell ``watch`` of each "call" and "return" of a Python function in this thread."""
    profiler = sys.getprofile()
    if profiler is None or callable(profiler) or sys.gettrace() is not None:
        sys.setprofile(_beside(watch, profiler))
        try:
            yield
        finally:
            _restore(profiler)
        return
    sys.settrace(_tracer(watch))
    try:
        yield
    finally:
        sys.settrace(None)


def _beside(watch: Watch, profiler: Any) -> Callable[[FrameType, str, Any], None]:
    """A profiler that tells us and the one that was there."""
    other = profiler if callable(profiler) else None

    def told(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "return"):
            watch(frame, event)
        if other is not None:
            other(frame, event, argument)

    return told


def _restore(profiler: Any) -> None:
    """Put a profiler back; one written in C goes on where it paused."""
    if profiler is None or callable(profiler):
        sys.setprofile(profiler)
        return
    sys.setprofile(None)
    if hasattr(profiler, "enable"):
        profiler.enable()


def _tracer(watch: Watch) -> Callable[[FrameType, str, Any], Any]:
    def left(frame: FrameType, event: str, _: Any) -> Any:
        if event == "return":
            watch(frame, event)
        return left

    def entered(frame: FrameType, event: str, _: Any) -> Any:
        watch(frame, event)
        frame.f_trace_lines = False
        return left

    return entered
