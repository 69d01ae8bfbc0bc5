"""explain and fit's diagnosis under profilers and debuggers, which stay as they were."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import cProfile
import gc
import profile
import pstats
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

import chainrule as cr
from chainrule.formula import explain
from chainrule.transform.frames import watching


def loss(w: "d", X: "n d", y: "n"):
    r = X @ w - y
    return cr.sum(r**2)


@pytest.fixture(autouse=True)
def nothing_installed() -> Iterator[None]:
    """Nothing else watches, nor are there collections, whose hooks the profiler takes for calls."""
    before = sys.getprofile(), sys.gettrace()
    sys.setprofile(None)
    sys.settrace(None)
    gc.disable()
    yield
    gc.enable()
    sys.setprofile(before[0])
    sys.settrace(before[1])


def is_told() -> bool:
    return "= 2Xᵀr " in explain(loss, "w").unicode


def after() -> None:
    """A call that a profiler counts after explain has run."""


def test_the_names_are_found_under_cprofile_which_goes_on() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    told = is_told()
    after()
    profiler.disable()
    assert told
    counted = {name for _, _, name in pstats.Stats(profiler).stats}  # type: ignore[attr-defined]
    assert "after" in counted
    if sys.version_info < (3, 12):  # later ones can lose the outer calls
        assert {"explain", "verified"} <= counted


def test_the_names_are_found_under_the_profiler_in_python() -> None:
    profiler = profile.Profile()
    assert profiler.runcall(is_told)
    profiler.create_stats()
    assert any(name == "verified" for _, _, name in profiler.stats)  # type: ignore[attr-defined]


def test_the_names_are_found_under_a_tracer_which_sees_every_line() -> None:
    lines: list[int] = []

    def tracer(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and frame.f_code is loss.__code__:
            lines.append(frame.f_lineno)
        return tracer

    sys.settrace(tracer)
    told, still = is_told(), sys.gettrace()
    sys.settrace(None)
    assert told
    assert still is tracer
    assert len(set(lines)) == 2


def test_the_names_are_found_under_a_tracer_and_cprofile() -> None:
    profiler = cProfile.Profile()

    def tracer(frame: FrameType, event: str, _: Any) -> Any:
        return tracer

    sys.settrace(tracer)
    profiler.enable()
    told = is_told()
    after()
    profiler.disable()
    still = sys.gettrace()
    sys.settrace(None)
    assert told
    assert still is tracer
    counted = {name for _, _, name in pstats.Stats(profiler).stats}  # type: ignore[attr-defined]
    assert "after" in counted


def test_everything_is_as_before_when_the_function_raises() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    with pytest.raises(RuntimeError), watching(lambda frame, event: None):
        raise RuntimeError
    still, tracer = sys.getprofile(), sys.gettrace()
    profiler.disable()
    assert tracer is None
    assert still is profiler or sys.version_info >= (3, 12)  # there it is no longer a profiler


def test_calls_and_returns_are_told_in_pairs() -> None:
    seen: list[tuple[str, str]] = []
    with watching(lambda frame, event: seen.append((frame.f_code.co_name, event))):
        after()
    assert [e for name, e in seen if name == "after"] == ["call", "return"]
