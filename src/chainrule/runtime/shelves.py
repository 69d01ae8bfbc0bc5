"""Shelves: memory of small results that nobody has now, taken and given back by machine code.

A shelf has the blocks of one size. A block that is in use belongs to a capsule, which is the base
of the arrays in it; when the last of them dies, the capsule puts the block on its shelf. All of it
happens under the interpreter's lock.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.matching import NULL, words_of
from chainrule.runtime.memory import BLOCK, also_release, never_let_go

__all__ = ["LEAST", "NAME", "release_with", "shelf", "write_shelves"]

NAME: Final = Value("@block_name", "ptr")
"""What native code calls the capsules of blocks."""

LEAST: Final = 6  # 2⁶ bytes are the smallest block
_KEPT: Final = 1 << 20  # bytes that each shelf may keep
_MOST: Final = 64  # blocks that each shelf may keep
_SHELF: Final = 3  # words of a shelf before its blocks: how many there are, how many may be, bytes


def write_shelves(module: Module) -> None:
    """``take(shelf)`` gives a block or null, ``pop`` one that was kept; ``give(capsule)`` keeps."""
    text = BLOCK.decode()
    module.extra.append(
        f'{NAME.text} = internal constant [{len(text) + 1} x i8] c"{text}\\00", align 1'
    )
    b = module.function("pop", [("shelf", "ptr")], "ptr", noalias=False)
    (shelf,) = b.arguments
    count, result = b.load("i64", shelf), b.local("ptr")
    b.store(NULL, result)
    with b.when(b.icmp("sgt", count, 0)):
        left = b.sub(count, 1)
        b.store(left, shelf)
        b.store(b.load("ptr", b.offset(shelf, b.add(left, _SHELF), "ptr")), result)
    b.ret(b.load("ptr", result))

    b = module.function("take", [("shelf", "ptr")], "ptr", internal=True, noalias=False)
    (shelf,) = b.arguments
    result = b.local("ptr")
    b.store(b.call("pop", "ptr", shelf), result)
    with b.when(b.icmp("eq", b.load("ptr", result), NULL)):
        size = b.load("i64", b.offset(shelf, 2, "i64"))
        code = b.call("posix_memalign", "i32", result, constant("i64", 64), size)
        with b.when(b.icmp("ne", code, 0)):
            b.store(NULL, result)
    b.ret(b.load("ptr", result))

    b = module.function("give", [("capsule", "ptr")], "void", noalias=False)
    (capsule,) = b.arguments
    block = b.call("PyCapsule_GetPointer", "ptr", capsule, NAME)
    shelf = b.call("PyCapsule_GetContext", "ptr", capsule)
    count = b.load("i64", shelf)
    room = b.icmp("slt", count, b.load("i64", b.offset(shelf, 1, "i64")))
    with b.when(room):
        b.store(block, b.offset(shelf, b.add(count, _SHELF), "ptr"))
        b.store(b.add(count, 1), shelf)
    with b.when(b.binary("xor", room, constant("i1", True))):
        b.call("free", "void", block)


def shelf(size: int) -> int:
    """The address of the shelf for blocks of so many bytes."""
    rounded = 1 << max(LEAST, (size - 1).bit_length())
    most = min(_MOST, _KEPT // rounded)
    words = [0, most, rounded, *[0] * most]
    # setdefault: another thread may have made it meanwhile.
    made = _shelves.setdefault(rounded, words_of(words))
    never_let_go(made)  # capsules may outlive this module
    return ctypes.addressof(made)


def release_with(pop: int) -> None:
    """Let ``memory.release`` empty all shelves with a function at an address."""
    take: Any = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(pop)

    def release() -> int:
        given = 0
        for size, kept in list(_shelves.items()):
            while (block := take(ctypes.addressof(kept))) is not None:
                _C.free(block)
                given += size
        return given

    also_release(release)


_shelves: Final[dict[int, ctypes.Array[ctypes.c_int64]]] = {}  # by size; they stay

_C: Final[Any] = ctypes.CDLL(None)
_C.free.argtypes = (ctypes.c_void_p,)
