"""The machine code of calls: loaded from the disk, or made on a thread while calls go another way.

To translate it takes LLVM some 50 ms, once on a machine. Nobody waits for that.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from threading import Thread
from typing import Any, Final

from chainrule.locking import lock_between_forks
from chainrule.runtime.call_text import call_text
from chainrule.runtime.engine import Library, host_target, load, load_kept
from chainrule.runtime.matching import WORDS, Match, Plan, is_as_expected, python_symbols
from chainrule.runtime.memory import never_let_go
from chainrule.runtime.numpy_entries import entries
from chainrule.runtime.shelves import release_with
from chainrule.runtime.threads import symbols
from chainrule.runtime.written import Written

__all__ = ["FAST", "ONE", "finish", "is_ready", "maker", "matcher"]

_TEXT: Final = Written("call", call_text)


# ---------------------------------------------------------------- loading


def is_ready() -> bool:
    """Whether calls can be machine code, or never will be; what they need is made meanwhile."""
    return bool(_made) or _begun() is None


def finish() -> None:
    """Wait until calls are ready."""
    while not _made:
        thread = _begun()
        if thread is not None:
            thread.join()


def _begun() -> Thread | None:
    """Begin, if nobody did; gives the thread that makes what was not on the disk."""
    with _beginning:
        return _begin()


@cache
def _begin() -> Thread | None:
    found = _symbols()
    library = load_kept(_TEXT, host_target(), symbols=found) if found else None
    if library is not None or found is None:
        _settle(library)
        return None
    thread = Thread(target=_make, args=(found,), name="chainrule-load")
    try:
        thread.start()
    except RuntimeError:  # there can be no more threads
        _make(found)
        return None
    return thread


def _make(found: dict[str, int]) -> None:
    library = None
    with suppress(Exception):  # then calls go through Python, and programs say what is wrong
        library = load(_TEXT, host_target(), symbols=found)
    _settle(library)


def _settle(library: Library | None) -> None:
    """Say what there is. It is never let go, since capsules may be the last to call it."""
    if library is not None:
        never_let_go(library)
        release_with(library.address("pop"))
    _made.append(library)


_made: Final[list[Library | None]] = []
"""The machine code, as soon as it is there; None if there will be none."""

# A child has no thread that goes on with it.
_beginning: Final = lock_between_forks()
os.register_at_fork(after_in_child=_begin.cache_clear)


# ---------------------------------------------------------------- what Python sees


class _Method(ctypes.Structure):
    """Python's own record of a function that is written in C."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


FAST: Final = 0x80  # METH_FASTCALL: a function is given the arguments as they lie
ONE: Final = 0x8  # METH_O: it is given the one that it takes


@cache
def maker(name: str, kind: int) -> Callable[[tuple[Any, ...]], Callable[..., Any]] | None:
    """Makes a function of a layout, if objects are laid out as it expects.

    name   of the machine code: ``call``, ``rows`` or ``apply``
    kind   how Python gives it arguments
    """
    library = _library()
    if library is None:
        return None
    method = _Method(name.encode(), library.address(name), kind, None)
    new = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    )  # fmt: skip
    make = new(("PyCFunction_NewEx", ctypes.pythonapi))
    place = ctypes.addressof(method)
    never_let_go(method)  # functions read it even as they die

    def made(layout: tuple[Any, ...]) -> Callable[..., Any]:
        return make(place, layout, None)  # type: ignore[no-any-return]

    return made


def matcher(plan: Plan) -> Match | None:
    """The function that carries a plan with one root out; None if there can be none."""
    call = _match()
    if call is None or not plan.fits() or not plan.kept:
        return None
    words = plan.laid_out()
    address, count, kept = ctypes.addressof(words), len(plan.words) // WORDS, plan.kept

    def match(root: object, _alive: object = (words, plan.known)) -> list[Any]:
        return call(address, count, kept, root)  # type: ignore[no-any-return]

    return match


@cache
def _match() -> Callable[..., Any] | None:
    library = _library()
    if library is None:
        return None
    number = ctypes.c_int64
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, number, number, number, ctypes.py_object)
    return kind(library.address("match"))


def _library() -> Library | None:
    finish()
    return _made[0]


# ---------------------------------------------------------------- what it calls


def _symbols() -> dict[str, int] | None:
    """Functions of Python, of NumPy and ours; None where objects are not as expected."""
    found = entries(*_NUMPY.values()) if is_as_expected() else None
    if found is None:
        return None
    return dict(zip(_NUMPY, found, strict=True)) | symbols() | python_symbols(
        "PyList_New", "PyList_SetItem", "PyDict_GetItem", "PyObject_GenericGetDict", "PyErr_Clear",
        "Py_IncRef", "Py_DecRef", "PyTuple_GetItem", "PyLong_AsVoidPtr", "PyCapsule_New",
        "PyCapsule_SetContext", "PyCapsule_GetContext", "PyCapsule_GetPointer",
        "PyEval_SaveThread", "PyEval_RestoreThread", "PyType_GenericAlloc", "PyList_GetItem",
        "PyTuple_New", "PyTuple_SetItem", "PyDict_New", "PyDict_SetItem", "PyObject_Call",
        "PyObject_GenericSetAttr", "PyCapsule_IsValid", "PyType_IsSubtype", "PyContext_Enter",
        "PyContext_Exit", "PyObject_Vectorcall",
    )  # fmt: skip


_NUMPY: Final = {
    "PyArray_NewFromDescr": 94, "PyArray_EnsureArray": 70, "PyArray_SetBaseObject": 282,
}  # fmt: skip
