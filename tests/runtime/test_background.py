"""Work that a thread does: who asks is given its result, or told its failure."""

from contextvars import ContextVar
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from chainrule.runtime.background import Background


def test_the_work_is_done_on_a_thread_with_its_name() -> None:
    assert Background(lambda: current_thread().name, "reader").result() == "reader"


def test_it_is_done_when_its_thread_has_ended_and_the_result_can_be_asked_for_again() -> None:
    begin = Event()
    work = Background(begin.wait, "waits")
    assert not work.is_done
    begin.set()
    assert (work.result(), work.result(), work.is_done) == (True, True, True)


def test_who_asks_is_told_the_failure() -> None:
    work = Background(lambda: 1 // 0, "fails")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            work.result()


def test_the_work_sees_the_context_of_who_began_it() -> None:
    setting = ContextVar("setting", default="plain")
    token = setting.set("quiet")
    work = Background(setting.get, "reader")
    setting.reset(token)
    assert work.result() == "quiet"


def test_without_a_thread_who_asks_does_the_work_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    done: list[str] = []
    work = Background(lambda: done.append(current_thread().name), "never")
    assert work.is_done
    assert done == []
    work.result()
    work.result()
    assert done == [current_thread().name]
