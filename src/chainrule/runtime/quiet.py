"""NumPy without warnings: it computes inf and nan, as it is asked to."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")


class _Quiet(threading.local):
    """Contexts per thread in which NumPy computes inf and nan without a warning.

    Entering one costs 0.05 µs, ``np.errstate`` 1.5 µs. A context cannot be entered twice, so whole
    programs, which may call back into chainrule, have one and single ufuncs another.
    """

    def __init__(self) -> None:
        self.program = _quiet_context()
        self.ufunc = _quiet_context().run
        self.busy = False


def _quiet_context() -> contextvars.Context:
    context = contextvars.Context()  # a copy would keep the recording that happens to be open
    context.run(np.seterr, all="ignore")
    return context


_quiet = _Quiet()


def quiet_call(function: Callable[..., Result], *args: Any) -> Result:
    """Call a NumPy function, which does not call back, with floating-point warnings off."""
    return _quiet.ufunc(function, *args)


def quietly(function: Callable[..., Result], *args: Any) -> Result:
    """Run a program of arrays with NumPy's floating-point warnings off."""
    if _quiet.busy:
        return function(*args)
    _quiet.busy = True
    try:
        return _quiet.program.run(function, *args)
    finally:
        _quiet.busy = False
