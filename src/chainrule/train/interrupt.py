"""Ctrl-C and SIGTERM without loss: the first asks, the second leaves.

A training loop polls ``stop.requested`` between steps, finishes, saves and returns. Whoever asks
twice does not want to wait: the second signal raises at once, through the ``finally`` blocks, and
a third one finds the system's own handlers.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, final

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@final
class Stop:
    """Whether a signal has asked to stop, and which one."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects: 130 after Ctrl-C, 143 after SIGTERM, 0 if none has come."""
        return 0 if self.signal is None else 128 + self.signal

    def __repr__(self) -> str:
        return f"Stop(signal={self.signal and self.signal.name})"


@contextmanager
def catch_signals() -> Iterator[Stop]:
    """Give a flag that the first SIGINT or SIGTERM sets; the second leaves at once.

    Leaving raises KeyboardInterrupt for SIGINT and SystemExit(143) for SIGTERM. The handlers
    that were there come back at the end. A signal that was ignored stays ignored (nohup, a
    background job). Outside the main thread, where Python allows no handlers, the flag is never
    set and the main thread decides.

    >>> with catch_signals() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print(stop, stop.requested, stop.exit_code)
    Stop(signal=SIGINT) True 130
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.signal is None:
            stop.signal = signal.Signals(number)
        else:
            _leave(number)

    previous: dict[signal.Signals, Any] = {}
    try:
        for caught in _SIGNALS:
            if signal.getsignal(caught) not in (signal.SIG_IGN, None):
                previous[caught] = signal.signal(caught, handle)
        yield stop
    finally:
        for caught, handler in previous.items():
            signal.signal(caught, handler)


def _leave(number: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
