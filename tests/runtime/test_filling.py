"""Very many blocks are filled in several calls, so that Ctrl-C is answered between them."""

import signal

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import IndexingError
from chainrule.runtime import filling as module
from chainrule.runtime.filling import Filling, Moving, filling
from chainrule.runtime.programs import ready
from tests.codegen.guarded import optimized
from tests.runtime.fillings import SCALE, scaled


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many blocks each call of machine code filled; two at once."""
    seen: list[int] = []
    fill = Filling._fill

    def noted(self: Filling, frame: object, job: object, ends: tuple[int, ...], *rest: object):
        seen.append(ends[0])
        return fill(self, frame, job, ends, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_AT_ONCE", 2)
    monkeypatch.setattr(Filling, "_fill", noted)
    return seen


def test_the_calls_fill_what_one_fills(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    fill, moving = scaled(5)
    in_parts = fill(37, [SCALE], moving, 32)
    assert calls == [2, 2, 1]
    monkeypatch.setattr(module, "_AT_ONCE", 5)
    np.testing.assert_array_equal(in_parts, fill(37, [SCALE], moving, 32))
    assert calls == [2, 2, 1, 5]


def test_a_signal_is_answered_before_the_last_call(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, moving = scaled(5)
    run = fill.run

    def signalled(frame: int, place: int) -> int:
        done = run(frame, place)
        signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(fill, "run", signalled)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fill(37, [SCALE], moving, 32)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [2]
    monkeypatch.setattr(fill, "run", run)
    assert fill(37, [SCALE], moving, 32)[0] == 0.0


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("wrong", range(5))
def test_a_block_that_fails_says_what_is_wrong(wrong: int) -> None:
    table, at = np.arange(5.0), np.arange(40) % 5
    graph, _ = optimized(cr.take, table, np.zeros(8, int))
    fill = filling(ready(graph), 1)
    assert fill is not None
    np.testing.assert_array_equal(fill(40, [table], [Moving(at, 8, at[32:])], 32), at)
    broken = at.copy()
    broken[8 * wrong] = 7
    with pytest.raises(IndexingError):
        fill(40, [table], [Moving(broken, 8, broken[32:])], 32)
    np.testing.assert_array_equal(fill(40, [table], [Moving(at, 8, at[32:])], 32), at)
