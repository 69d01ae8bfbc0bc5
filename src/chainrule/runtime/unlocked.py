"""The long work of LLVM by several threads at once.

llvmlite lets one thread at a time into LLVM, since its modules usually share one context. Ours have
a context each, and LLVM may work on different contexts at the same time. So what takes long is
called past that lock: by functions of our own at the same addresses. LLVM's Programmer's Manual
promises it under "Achieving Isolation with LLVMContext".
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

__all__ = ["object_of", "run_passes"]


def run_passes(manager: Any, module: Any, builder: Any) -> None:
    """Let a manager of LLVM's passes simplify a module of a context of its own."""
    _function("LLVMPY_RunNewModulePassManager")(manager, module, builder)


def object_of(machine: Any, module: Any) -> bytes:
    """The object file of a module of a context of its own.

    Raises:  RuntimeError: LLVM says that it cannot write it.
    """
    from llvmlite.binding import ffi

    with ffi.OutputString() as fault:
        made = _function("LLVMPY_TargetMachineEmitToMemory")(machine, module, 1, fault)
        if not made:
            raise RuntimeError(str(fault))
    try:
        start, size = ffi.lib.LLVMPY_GetBufferStart(made), ffi.lib.LLVMPY_GetBufferSize(made)
        return ctypes.string_at(start, size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(made)


@cache
def _function(name: str) -> Any:
    """A function of llvmlite's library, with the types that it has there."""
    from llvmlite.binding import ffi

    known = getattr(ffi.lib, name)
    own = getattr(ctypes.CDLL(ffi.lib._name, handle=ffi.lib._handle), name)
    own.argtypes, own.restype = known.argtypes, known.restype
    return own
