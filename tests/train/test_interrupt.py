"""Signals: the first asks, the second leaves, and the handlers come back."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from chainrule.train.interrupt import Stop, catch_signals
from tests.patience import LIMIT

LOOP = """
import sys, time
from chainrule.train.interrupt import catch_signals

try:
    with catch_signals() as stop:
        print("ready", flush=True)
        while not (stop.requested and sys.argv[1] == "polls"):
            time.sleep(0.005)
            if stop.requested and sys.argv[1] != "polls":
                print("asked", flush=True)
                while True:
                    time.sleep(0.005)  # a signal that comes right before a sleep is seen after it
        print("saved", stop.signal.name, flush=True)
    sys.exit(stop.exit_code)
finally:
    print("finally", flush=True)
"""


def child(mode: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, mode],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_after_the_first_signal_a_polling_loop_saves_and_exits(
    number: signal.Signals, code: int
) -> None:
    with child("polls") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=LIMIT)
    assert output == f"saved {number.name}\nfinally\n"
    assert process.returncode == code


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, -signal.SIGINT),
        (signal.SIGINT, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGINT, -signal.SIGINT),
    ],
)
def test_the_second_signal_leaves_at_once_through_finally(
    first: signal.Signals, second: signal.Signals, code: int
) -> None:
    with child("hangs") as process:
        process.send_signal(first)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(second)
        output, _ = process.communicate(timeout=LIMIT)
    assert output == "finally\n"
    assert process.returncode == code


def test_the_handlers_that_were_there_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with catch_signals() as outer:
        with catch_signals() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert (outer.requested, inner.requested) == (False, True)
        signal.raise_signal(signal.SIGINT)
        assert outer.signal is signal.SIGINT
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def leave_by_error() -> None:
    with catch_signals():
        raise ZeroDivisionError


def test_the_handlers_come_back_after_an_exception() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        leave_by_error()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with catch_signals() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_the_flag_is_never_set() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[tuple[bool, bool]] = []

    def work() -> None:
        with catch_signals() as stop:
            seen.append((stop.requested, signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]


def test_a_stop_says_what_it_is() -> None:
    stop = Stop()
    assert (repr(stop), stop.requested, stop.exit_code) == ("Stop(signal=None)", False, 0)
