"""From an object file to code in memory, without a linker and without LLVM.

Object files (ELF, x86-64) are linked once into an *image*: one run of bytes in which all that does
not depend on the address is settled. What is left are a few places that get an address when
the image is loaded: those of functions from outside, through a table, so that no image depends on
where the system put a library. An image is what the disk cache keeps: loading one is a copy.

Source:  matz2013abi, sec. 4.4: relocation
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from chainrule.errors import CompileError

__all__ = ["Code", "Image", "link"]

_PAGE: Final = mmap.PAGESIZE
_ALLOCATED, _WRITABLE, _EXECUTABLE = 2, 1, 4  # flags of sections
_NO_BITS, _SYMBOLS, _ADDENDS = 8, 2, 4  # types of sections
_UNWIND: Final = 0x70000001  # how to unwind the stack, which nobody does through a kernel
# Relocations: an address of 64 bits; of 32 bits from the place; the same to an entry of the table.
_ADDRESS, _RELATIVE, _BY_TABLE = {1}, {2, 4}, {9, 41, 42}
_STUB: Final = 8  # bytes of a jump through the table
_RESERVED: Final = 0xFF00  # numbers of sections from here on mean something else


class Section(NamedTuple):
    """A part of an object file."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


class Symbol(NamedTuple):
    """A name and where it is: an offset in a section, or outside (section 0)."""

    name: str
    section: int
    value: int
    exported: bool


class Image(NamedTuple):
    """Code that can be loaded anywhere.

    exports   functions, by name: their offsets
    imports   (place, name, addend): the address of a function from outside goes there
    moved     (place, offset): the address of a part of the image goes there
    writable  offset of the variables; the rest is never written
    """

    code: bytes
    exports: dict[str, int]
    imports: list[tuple[int, str, int]]
    moved: list[tuple[int, int]]
    writable: int

    def to_bytes(self) -> bytes:
        """The image as it is kept on the disk."""
        head = json.dumps(self[1:], separators=(",", ":")).encode()
        return struct.pack("<Q", len(head)) + head + self.code

    @staticmethod
    def from_bytes(data: bytes) -> Image:
        """Undo ``to_bytes``."""
        (size,) = struct.unpack_from("<Q", data)
        exports, imports, moved, writable = json.loads(data[8 : 8 + size])
        return Image(data[8 + size :], exports, imports, moved, writable)


# ---------------------------------------------------------------- linking


def link(objects: Sequence[bytes]) -> Image:
    """Settle what does not depend on the address, between the objects too.

    Raises:  CompileError: an object file has something in it that we do not know.
    """
    return _Linker(objects).image()


class _Linker:
    def __init__(self, objects: Sequence[bytes]) -> None:
        self.sections: list[Section] = []
        self.data: list[bytes] = []  # the object of each section
        self.firsts: list[int] = []  # and the number of the first section of that
        for data in objects:
            self._take(data)
        self.symbols = {
            k: self._symbols(k) for k, s in enumerate(self.sections) if s.type == _SYMBOLS
        }
        exported = [s for found in self.symbols.values() for s in found if s.exported]
        self.exported = {s.name: s for s in exported}
        self.table: dict[tuple[str, int], int] = {}  # entries by symbol
        self.stubs: dict[str, int] = {}
        self.imports: list[tuple[int, str, int]] = []
        self.moved: list[tuple[int, int]] = []

    def _take(self, data: bytes) -> None:
        """Add the sections of an object; their numbers go on after those of the others."""
        if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", data, 18)[0] != 62:
            raise CompileError("the object file is not one for x86-64 in ELF")
        start, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
        first = len(self.sections)
        for k in range(count):
            found = Section(*struct.unpack_from("<IIQQQQIIQQ", data, start + 64 * k))
            info = found.info + first if found.type == _ADDENDS else found.info
            self.sections.append(found._replace(link=found.link + first, info=info))
            self.data.append(data)
            self.firsts.append(first)

    def _symbols(self, table: int) -> list[Symbol]:
        """The symbols that a section tells of."""
        section, data, first = self.sections[table], self.data[table], self.firsts[table]
        found = []
        names = self.sections[section.link].offset
        for place in range(section.offset, section.offset + section.size, 24):
            name, info, _, own, value, _ = struct.unpack_from("<IBBHQQ", data, place)
            end = data.index(b"\0", names + name)
            text = data[names + name : end].decode()
            home = own + first if 0 < own < _RESERVED else own
            found.append(Symbol(text, home, value, info >> 4 > 0 and own > 0))
        return found

    def image(self) -> Image:
        """Lay out, relocate, collect."""
        relocations = self._relocations()
        self._lay_out(relocations)
        for section, place, kind, symbol, addend in relocations:
            self._relocate(self.places[section] + place, kind, symbol, addend)
        exports = {
            s.name: self.places[s.section] + s.value
            for s in self.exported.values()
            if s.section in self.places
        }
        return Image(bytes(self.memory), exports, self.imports, self.moved, self.writable)

    def _relocations(self) -> list[tuple[int, int, int, Symbol, int]]:
        found = []
        for section, data in zip(self.sections, self.data, strict=True):
            if section.type != _ADDENDS or not self._kept(self.sections[section.info]):
                continue
            for place in range(section.offset, section.offset + section.size, 24):
                where, info, addend = struct.unpack_from("<QQq", data, place)
                symbol = self.symbols[section.link][info >> 32]
                if not symbol.section:
                    symbol = self.exported.get(symbol.name, symbol)
                found.append((section.info, where, info & 0xFFFFFFFF, symbol, addend))
        return found

    def _kept(self, section: Section) -> bool:
        return bool(section.flags & _ALLOCATED) and section.type not in (7, _UNWIND)

    def _lay_out(self, relocations: list[tuple[int, int, int, Symbol, int]]) -> None:
        """Code, constants, the table and the stubs; on other pages, variables."""
        kept = [k for k, s in enumerate(self.sections) if self._kept(s)]
        fixed = [k for k in kept if not self.sections[k].flags & _WRITABLE]
        fixed.sort(key=lambda k: not self.sections[k].flags & _EXECUTABLE)
        self.places: dict[int, int] = {}
        self.end = 0
        self._append(fixed)
        # At most one entry and one stub for each relocation.
        used = {(symbol.name, symbol.section, symbol.value) for *_, symbol, _ in relocations}
        self.next_entry = -(-self.end // 16) * 16
        self.next_stub = self.next_entry + 8 * len(used)
        self.end = self.next_stub + _STUB * len(used)
        self.end = self.writable = -(-self.end // _PAGE) * _PAGE
        self._append([k for k in kept if k not in fixed])
        self.memory = bytearray(self.end)
        for k, place in self.places.items():
            section = self.sections[k]
            if section.type != _NO_BITS:
                bits = self.data[k][section.offset : section.offset + section.size]
                self.memory[place : place + section.size] = bits

    def _append(self, which: list[int]) -> None:
        for k in which:
            section = self.sections[k]
            align = max(section.align, 1)
            self.places[k] = -(-self.end // align) * align
            self.end = self.places[k] + section.size

    def _relocate(self, place: int, kind: int, symbol: Symbol, addend: int) -> None:
        inside = symbol.section in self.places
        if symbol.section and not inside:
            raise CompileError(f"the object file needs {symbol.name!r} from an unknown section")
        if kind in _ADDRESS:
            self._address(place, symbol, addend)
        elif kind in _RELATIVE:
            target = self._offset(symbol) if inside else self._stub(symbol)
            struct.pack_into("<i", self.memory, place, target + addend - place)
        elif kind in _BY_TABLE:
            struct.pack_into("<i", self.memory, place, self._entry(symbol) + addend - place)
        else:
            raise CompileError(f"the object file has a relocation of the unknown kind {kind}")

    def _offset(self, symbol: Symbol) -> int:
        return self.places[symbol.section] + symbol.value

    def _address(self, place: int, symbol: Symbol, addend: int) -> None:
        """Leave a place for an address that is known only when the image is loaded."""
        if symbol.section:
            self.moved.append((place, self._offset(symbol) + addend))
        else:
            self.imports.append((place, symbol.name, addend))

    def _entry(self, symbol: Symbol) -> int:
        """The entry of the table that holds the address of a symbol."""
        key = symbol.name, self._offset(symbol) if symbol.section else -1
        if key not in self.table:
            self.table[key] = self.next_entry
            self._address(self.next_entry, symbol, 0)
            self.next_entry += 8
        return self.table[key]

    def _stub(self, symbol: Symbol) -> int:
        """A jump to a function from outside: it may be too far away for a call."""
        if symbol.name not in self.stubs:
            place = self.stubs[symbol.name] = self.next_stub
            self.next_stub += _STUB
            distance = self._entry(symbol) - (place + 6)
            struct.pack_into("<BBi", self.memory, place, 0xFF, 0x25, distance)  # jmp [rip + …]
        return self.stubs[symbol.name]


# ---------------------------------------------------------------- loading


class Code:
    """An image in memory, for as long as this object lives.

    Raises:  CompileError: a function from outside is nowhere, or the system refuses memory for
             code.
    """

    def __init__(self, image: Image, symbols: Mapping[str, int]) -> None:
        self.exports = image.exports
        self._size = len(image.code)
        self._start = 0
        outside = [(place, _find(name, symbols) + addend) for place, name, addend in image.imports]
        start = _C.mmap(None, self._size, 3, _PRIVATE, -1, 0)  # readable, writable
        if start in (None, 2**64 - 1):
            raise CompileError(f"the system refuses {self._size} bytes of memory for code")
        self._start = start
        ctypes.memmove(start, image.code, self._size)
        for place, address in outside:
            ctypes.c_uint64.from_address(start + place).value = address
        for place, offset in image.moved:
            ctypes.c_uint64.from_address(start + place).value = start + offset
        if image.writable and _C.mprotect(start, image.writable, 5):  # readable, executable
            raise CompileError(f"the system refuses to execute code in memory ({_error()})")

    def address(self, name: str) -> int:
        """Where a function begins; 0 if there is none of that name."""
        return self._start + self.exports[name] if name in self.exports else 0

    def __del__(self, ends: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of the interpreter other threads may still run in it, and names are gone.
        if self._start and not ends():
            _C.munmap(self._start, self._size)


def _find(name: str, symbols: Mapping[str, int]) -> int:
    """The address of a function by its name."""
    if name in symbols:
        return symbols[name]
    for library in _libraries():
        try:
            return ctypes.cast(library[name], ctypes.c_void_p).value or 0
        except AttributeError:
            continue
    raise CompileError(f"the program calls {name!r}, which no library of this process has")


def _libraries() -> list[Any]:
    """Where functions are looked for: this process, and the C library's mathematics."""
    if not _LIBRARIES:
        _LIBRARIES.append(_C)
        if sys.platform == "linux":
            _LIBRARIES.append(ctypes.CDLL("libm.so.6"))
    return _LIBRARIES


def _error() -> str:
    return os.strerror(ctypes.get_errno())


_PRIVATE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_C: Final[Any] = ctypes.CDLL(None, use_errno=True)
_C.mmap.restype = ctypes.c_void_p
_C.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
)
_C.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_C.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_LIBRARIES: Final[list[Any]] = []
