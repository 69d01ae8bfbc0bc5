"""The machine code of calls: nobody waits for it, and it comes from the disk the next time."""

import threading

import pytest

import chainrule as cr
from chainrule.errors import CompileError
from chainrule.runtime import call_code
from tests.patience import LIMIT


@pytest.fixture
def anew(monkeypatch):
    """As in a process that has made nothing yet, and has nothing on the disk."""
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    monkeypatch.setattr(call_code, "_made", [])
    monkeypatch.setattr(call_code, "load_kept", lambda *_, **__: None)
    _forget()
    yield
    _forget()


def _forget():
    for made in (call_code._begin, call_code.maker, call_code._match):
        made.cache_clear()


@pytest.mark.usefixtures("anew")
def test_calls_go_on_while_it_is_made_and_take_it_when_it_is_there(monkeypatch):
    go, load = threading.Event(), call_code.load

    def later(*args, **kwargs):
        assert go.wait(LIMIT)
        return load(*args, **kwargs)

    monkeypatch.setattr(call_code, "load", later)
    step = cr.jit(lambda x: x + 1)
    for _ in range(10):
        assert step(cr.tensor(1.0)).item() == 2.0
    assert step.shortcuts == ()
    go.set()
    call_code.finish()
    assert step(cr.tensor(1.0)).item() == 2.0
    assert step.shortcuts[0].way.__name__ == "at_once"
    assert step(cr.tensor(1.0)).item() == 2.0


@pytest.mark.usefixtures("anew")
def test_nothing_is_made_for_functions_that_are_called_twice(monkeypatch):
    monkeypatch.setattr(call_code, "load", lambda *_, **__: pytest.fail("it was made"))
    step = cr.jit(lambda x: x + 1)
    for _ in range(2):
        step(cr.tensor(1.0))
    assert call_code._begin.cache_info().currsize == 0


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("threads", [True, False])
def test_where_it_cannot_be_made_calls_go_through_python(monkeypatch, threads):
    def refuse(*_, **__):
        raise CompileError("there is no LLVM")

    monkeypatch.setattr(call_code, "load", refuse)
    if not threads:
        monkeypatch.setattr(threading.Thread, "start", refuse_thread)
    step = cr.jit(lambda x: x + 1, donate="x")
    for _ in range(3):
        assert step(cr.tensor(1.0)).item() == 2.0
    call_code.finish()
    for _ in range(3):
        assert step(cr.tensor(1.0)).item() == 2.0
    assert step.shortcuts == ()


def refuse_thread(self):
    raise RuntimeError("can't start new thread")
