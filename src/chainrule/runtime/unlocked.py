"""The long work of LLVM by several threads at once.

llvmlite lets one thread at a time into LLVM, since its modules usually share one context. Ours have
a context each, and LLVM may work on different contexts at the same time. So what takes long is
called past that lock: by functions of our own at the same addresses. LLVM's Programmer's Manual
promises it under "Achieving Isolation with LLVMContext". Where llvmlite is not as we know it, its
own ways are taken.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final, NamedTuple

__all__ = ["object_of", "run_passes"]


def run_passes(manager: Any, module: Any, builder: Any) -> None:
    """Let a manager of LLVM's passes simplify a module of a context of its own."""
    known = _functions()
    if known is None:
        manager.run(module, builder)
    else:
        known.run(manager, module, builder)


def object_of(machine: Any, module: Any) -> bytes:
    """The object file of a module of a context of its own.

    Raises:  RuntimeError: LLVM says that it cannot write it.
    """
    known = _functions()
    if known is None:
        return machine.emit_object(module)  # type: ignore[no-any-return]
    with known.text() as fault:
        made = known.emit(machine, module, 1, fault)
        if not made:
            raise RuntimeError(str(fault))
    try:
        return ctypes.string_at(known.start(made), known.size(made))
    finally:
        known.dispose(made)


class _Functions(NamedTuple):
    """Those of llvmlite's library: two past its lock, and what takes their results."""

    run: Any
    emit: Any
    text: Any
    start: Any
    size: Any
    dispose: Any


@cache
def _functions() -> _Functions | None:
    """What another version of llvmlite may lack, or take other arguments for: then None."""
    try:
        from llvmlite.binding import ffi

        run, emit = (_past_lock(ffi.lib, *each) for each in _LONG)
        return _Functions(
            run, emit, ffi.OutputString, ffi.lib.LLVMPY_GetBufferStart,
            ffi.lib.LLVMPY_GetBufferSize, ffi.lib.LLVMPY_DisposeMemoryBuffer,
        )  # fmt: skip
    except (ImportError, AttributeError, TypeError):
        return None


def _past_lock(library: Any, name: str, arguments: int) -> Any:
    """A function of llvmlite's library, with the types that it has there."""
    known = getattr(library, name)
    if len(known.argtypes) != arguments:
        raise AttributeError(name)
    own = getattr(ctypes.CDLL(library._name, handle=library._handle), name)
    own.argtypes, own.restype = known.argtypes, known.restype
    return own


_LONG: Final = (("LLVMPY_RunNewModulePassManager", 3), ("LLVMPY_TargetMachineEmitToMemory", 4))
