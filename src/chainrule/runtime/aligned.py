"""NumPy's own memory for results, at a multiple of 64 bytes.

What ``malloc`` gives begins 16 bytes into a line of the cache, so each vector of 64 bytes that is
written lies in two lines: a sum of 15,000 numbers takes 10 µs there and 6 µs on whole lines. NumPy
takes memory through the *handler* of the context (NEP 49); ours is its default one with the
``aligned_alloc`` of C in the place of ``malloc``.
"""

from __future__ import annotations

import ctypes
import sys
from contextvars import Context
from functools import cache
from typing import Any, Final

from chainrule.runtime.memory import never_let_go
from chainrule.runtime.numpy_entries import address_in, entries

__all__ = ["FROM", "TO", "align"]

FROM: Final = 1 << 14  # bytes; below, to look for a whole line takes longer than it saves
TO: Final = 1 << 22  # bytes; from here on NumPy asks for large pages, which are aligned by far

_NAME: Final = b"mem_handler"
_LINE: Final = 64
_SET_HANDLER, _DEFAULT_HANDLER = 304, 306  # entries of the table


class _Handler(ctypes.Structure):
    """What NumPy calls PyDataMem_Handler: functions that get ``first`` before all else."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("first", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


def align(context: Context) -> None:
    """Let NumPy take aligned memory in a context, if this is a system where we know how."""
    found = _capsule()
    if found is not None:
        change, handler = found
        context.run(change, handler)


@cache
def _capsule() -> tuple[Any, Any] | None:
    """NumPy's function that sets a context's handler, and our handler in its capsule."""
    if sys.platform != "linux":  # elsewhere aligned_alloc wants multiples of a line
        return None
    try:
        take: Any = ctypes.CDLL(None).aligned_alloc
    except (AttributeError, OSError):
        return None
    found = entries(_SET_HANDLER, _DEFAULT_HANDLER)
    if found is None:
        return None
    plain = ctypes.cast(found[1], ctypes.POINTER(ctypes.py_object)).contents.value
    handler = _Handler.from_buffer_copy(_Handler.from_address(address_in(plain, _NAME)))
    # Its functions take no notice of what they get first, which is where ours gets the alignment.
    if (handler.name, handler.version, handler.first) != (b"default_allocator", 1, None):
        return None
    handler.name, handler.first = b"chainrule", _LINE
    handler.malloc = ctypes.cast(take, ctypes.c_void_p)
    never_let_go(handler)  # arrays read it even as they die
    never_let_go(_NAME)
    made = _new_capsule(ctypes.addressof(handler), _NAME, None)
    change = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(found[0])
    return change, made


_new_capsule: Final[Any] = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)(("PyCapsule_New", ctypes.pythonapi))
