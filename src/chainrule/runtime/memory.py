"""Memory for results, used again when the array that had it is gone; and whether one fits at all.

A fresh array of 1.6 MB costs 400 page faults, which take longer than computing it. So the memory
of an array that dies is kept for the next one of its size class, up to 256 MiB (or an eighth of
the machine's memory) in all; what was not used for longest is given back first.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

from chainrule.errors import CapacityError

__all__ = [
    "BLOCK",
    "Owner",
    "also_release",
    "available_bytes",
    "byte_text",
    "empty",
    "is_held_alone",
    "never_let_go",
    "owned",
    "placed",
    "release",
    "require_memory",
]

BLOCK: Final = b"chainrule.block"
"""The name of capsules that own memory of ``shelves``."""

_GROUP: Final = Path("/sys/fs/cgroup")
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
_SMALL: Final = 1 << 16  # bytes; what is larger counts toward the limit of what is kept
_KEPT_SMALL: Final = 1 << 20  # bytes that each small size class may keep
_HUGE: Final = 1 << 22  # from here on in pages of 2 MiB, where the system has them
_PAGE: Final = 2 << 20  # bytes of such a page
_APART: Final = 1088  # bytes by which an array begins further into its page than the one before
_BEGINS: Final = 16  # before it begins at the start of a page again
_ADDRESSES: Final = 1 << 48  # bytes; no system has more
_ASK: Final = 1 << 26  # from here on we look first whether there is as much


# ---------------------------------------------------------------- how much there is


def available_bytes() -> int:
    """How many bytes of memory are free, as far as the system and the control group tell."""
    try:
        rows = Path("/proc/meminfo").read_text().splitlines()
        found = next(row for row in rows if row.startswith("MemAvailable:"))
        free = int(found.split()[1]) * 1024
    except (OSError, StopIteration):
        free = _physical()
    return min(free, _left_by_group())


def _physical() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _left_by_group() -> int:
    """What a container leaves to its processes (control groups, version 2)."""
    try:
        most = int((_GROUP / "memory.max").read_text())
        rows = (_GROUP / "memory.stat").read_text().split()
        cached = int(rows[rows.index("inactive_file") + 1])
        return max(0, most - int((_GROUP / "memory.current").read_text()) + cached)
    except (OSError, ValueError, IndexError):  # no group, or "max"
        return sys.maxsize


def byte_text(count: int) -> str:
    """A number of bytes, as ``40 GB``.

    >>> byte_text(40_000_000_000)
    '40 GB'
    """
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Raise CapacityError unless as many bytes are free."""
    free = available_bytes()
    if needed > free:
        raise CapacityError(
            f"{what} would take {byte_text(needed)} of memory, and {byte_text(free)} are free\n\n"
            f"  {remedy}"
        )


# ---------------------------------------------------------------- arrays


def empty(shape: Sequence[int], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """An array whose contents are arbitrary, at a multiple of 64 bytes.

    Raises:  CapacityError: there is no memory for it; nothing was allocated.
    Cost:    0.6 µs if an array of about this size has died before.

    >>> empty((2, 3), "float32").shape
    (2, 3)
    """
    return placed(tuple(shape), np.dtype(dtype))[0]


def placed(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[np.ndarray[Any, Any], int]:
    """An array as ``empty`` makes it, and its address."""
    block, address = owned(math.prod(shape) * dtype.itemsize, shape, dtype)
    return np.ndarray(shape, dtype, block), address


def owned(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, int]:
    """Memory for an array, or several: an object that owns it and has its buffer; its address."""
    if size > _ADDRESSES:
        _refuse_unless_free(size, shape, dtype)
    shelf = _known.get(size) or _shelf(size)
    try:
        address = shelf.free.pop()
    except IndexError:
        address = _fresh(shelf.size, shape, dtype)
    if size > _SMALL:
        shelf.used = next(_clock)
    return shelf.block(address), address


def release() -> int:
    """Give the memory that is kept for later back to the system; gives how many bytes it was."""
    given = 0
    for shelf in list(_shelves.values()):
        while (address := _pop(shelf.free)) is not None:
            _free(address, shelf.size)
            given += shelf.size
    return given + sum(other() for other in _others)


def never_let_go(value: object) -> None:
    """Keep an object until the process ends, longer than any module: machine code reads it."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def also_release(other: Callable[[], int]) -> None:
    """Let ``release`` call a function that gives back memory of its own, and says how much."""
    _others.append(other)


def is_held_alone(arrays: Sequence[np.ndarray[Any, Any]], place: int) -> bool:
    """Whether an array's memory is ours, and nobody sees it but who has the list that it is in.

    A view, another Tensor, a library that was lent the numbers: each of them has a reference to
    the array, or to the object that owns the memory.
    """
    return _is_owned(arrays, place) and _holders(arrays, place) == _ALONE


def _is_owned(arrays: Sequence[np.ndarray[Any, Any]], place: int) -> bool:
    """Whether memory of ours, or of machine code, is the base of an array."""
    base: object = arrays[place].base
    return isinstance(base, Owner) or bool(_is_capsule(base, BLOCK))


def _holders(arrays: Sequence[np.ndarray[Any, Any]], place: int) -> tuple[int, int]:
    """The references to an array and to its memory; how many are ours depends on the Python."""
    own = arrays[place].base
    return sys.getrefcount(arrays[place]), sys.getrefcount(own)


class Owner:
    """What all owners of memory are that Python makes."""

    __slots__ = ()


class _Shelf:
    """Memory of one size class that no array has now.

    block   makes the object that owns memory at an address while an array uses it. It is the
            base of the array and of all its views, so when it dies nobody sees the memory.
    """

    __slots__ = ("block", "free", "size", "used")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free: list[int] = []
        self.used = 0
        give_back = self._keep_small() if size <= _SMALL else self._keep_large()
        bases = (ctypes.c_char * size, Owner)
        kind: Any = type("Block", bases, {"__slots__": (), "__del__": give_back})
        self.block: Callable[[int], Any] = kind.from_address

    # No locks below: an array can die at any moment, in the middle of these lines too.

    def _keep_large(self) -> Callable[[Any], None]:
        """What happens to memory when its array dies."""
        ends = sys.is_finalizing  # then the names of this module are gone

        def give_back(block: Any) -> None:
            if ends():
                return
            if self.size > _LIMIT:
                _free(ctypes.addressof(block), self.size)
            else:
                self.free.append(ctypes.addressof(block))
                _trim()

        return give_back

    def _keep_small(self) -> Callable[[Any], None]:
        """The same for a small size class, which has a limit of its own."""
        free, most, address_of = self.free, _KEPT_SMALL // self.size, ctypes.addressof
        ends = sys.is_finalizing

        def give_back(block: Any) -> None:
            if len(free) < most:
                free.append(address_of(block))
            elif not ends():
                _C.free(address_of(block))

        return give_back


def _trim() -> None:
    """Give back what was not used for longest, until no more is kept than may be."""
    large = [s for s in list(_shelves.values()) if s.size > _SMALL and s.free]
    excess = sum(s.size * len(s.free) for s in large) - _LIMIT
    if excess <= 0:
        return
    for shelf in sorted(large, key=lambda s: s.used):
        while excess > 0 and (address := _pop(shelf.free)) is not None:
            _free(address, shelf.size)
            excess -= shelf.size


def _pop(addresses: list[int]) -> int | None:
    try:
        return addresses.pop()
    except IndexError:  # another thread was faster
        return None


def _shelf(size: int) -> _Shelf:
    """The shelf of a number of bytes: four size classes from each power of two to the next."""
    step = max(64, 1 << max(0, (size - 1).bit_length() - 3))
    rounded = max(64, -(-size // step) * step)
    if len(_known) > 10_000:
        _known.clear()
    # setdefault: another thread may have made it meanwhile, and its arrays come back there.
    shelf = _known[size] = _shelves.setdefault(rounded, _Shelf(rounded))
    return shelf


def _fresh(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """New memory from the system."""
    if size >= _ASK and size > available_bytes():
        release()
        _refuse_unless_free(math.prod(shape) * dtype.itemsize, shape, dtype)
    place, begin = ctypes.c_void_p(), 0
    align, room = 64, size
    if size >= _HUGE:
        # A kernel reads and writes several arrays at one place each. Were these equally far into
        # their pages, they would contend for the same few lines of the nearest cache.
        begin = next(_numbers) % _BEGINS * _APART
        align, room = _PAGE, size + begin
    if _C.posix_memalign(ctypes.byref(place), align, room):
        release()
        if _C.posix_memalign(ctypes.byref(place), align, room):
            raise CapacityError(
                f"the system refuses memory for an array of shape {shape} and dtype {dtype} "
                f"({byte_text(size)}); {byte_text(available_bytes())} are free"
            )
    address = place.value or 0
    if size >= _HUGE and sys.platform == "linux":
        _C.madvise(address, room, 14)  # MADV_HUGEPAGE; where it means nothing, nothing happens
    return address + begin


def _free(address: int, size: int) -> None:
    """Give memory back to the system, from where it began."""
    _C.free(address & -_PAGE if size >= _HUGE else address)


def _refuse_unless_free(size: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    what = f"an array of shape {shape} and dtype {dtype}"
    require_memory(size, what, "Nothing was allocated.")


_C: Final[Any] = ctypes.CDLL(None)
_C.posix_memalign.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
_C.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_C.free.argtypes = (ctypes.c_void_p,)

# Whether an object is a capsule of this name; any object may be asked about.
_is_capsule: Final = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi)
)

_LIMIT: Final = min(256 << 20, _physical() // 8)
_clock: Final = itertools.count(1)
_numbers: Final = itertools.count()  # of large pieces of memory
_shelves: Final[dict[int, _Shelf]] = {}  # by size class
_others: Final[list[Callable[[], int]]] = []
_known: Final[dict[int, _Shelf]] = {}  # by exact size

# Where threads count references on their own, no number says that nobody else has any.
_counts: Final = getattr(sys, "_is_gil_enabled", lambda: True)()
_ALONE: Final = _holders([empty((1,), np.uint8)], 0) if _counts else (-1, -1)
