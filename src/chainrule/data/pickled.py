"""The pickles of CIFAR, parsed as data: nothing in them is called or imported.

A pickle is a program for a stack machine, and most of its instructions are harmless. Those that
the official files use (protocol 2, as Python 2 wrote it) are carried out here on plain values.
The three names and the two calls with which NumPy's arrays begin are recognized, not followed:
an array becomes a view of the mapped file. Everything else is an error that names the instruction
and where it stands. The instructions are defined by the comments in CPython's Lib/pickletools.py.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, final

import numpy as np

from chainrule.data.fault import broken_file
from chainrule.data.files import open_regular
from chainrule.data.rows import Array

__all__ = ["read_pickled"]

_MOST_STEPS = 2**20  # the official files have a quarter of it; each takes about 100 bytes

# Every instruction of every protocol, so that an error can name the one that it met.
_INSTRUCTIONS = """
28:MARK 29:EMPTY_TUPLE 2e:STOP 30:POP 31:POP_MARK 32:DUP 42:BINBYTES 43:SHORT_BINBYTES 46:FLOAT
47:BINFLOAT 49:INT 4a:BININT 4b:BININT1 4c:LONG 4d:BININT2 4e:NONE 50:PERSID 51:BINPERSID
52:REDUCE 53:STRING 54:BINSTRING 55:SHORT_BINSTRING 56:UNICODE 58:BINUNICODE 5d:EMPTY_LIST
61:APPEND 62:BUILD 63:GLOBAL 64:DICT 65:APPENDS 67:GET 68:BINGET 69:INST 6a:LONG_BINGET 6c:LIST
6f:OBJ 70:PUT 71:BINPUT 72:LONG_BINPUT 73:SETITEM 74:TUPLE 75:SETITEMS 7d:EMPTY_DICT 80:PROTO
81:NEWOBJ 82:EXT1 83:EXT2 84:EXT4 85:TUPLE1 86:TUPLE2 87:TUPLE3 88:NEWTRUE 89:NEWFALSE 8a:LONG1
8b:LONG4 8c:SHORT_BINUNICODE 8d:BINUNICODE8 8e:BINBYTES8 8f:EMPTY_SET 90:ADDITEMS 91:FROZENSET
92:NEWOBJ_EX 93:STACK_GLOBAL 94:MEMOIZE 95:FRAME 96:BYTEARRAY8 97:NEXT_BUFFER
98:READONLY_BUFFER
"""
_NAMES = dict(entry.split(":") for entry in _INSTRUCTIONS.split())


@final
@dataclass(frozen=True)
class _Global:
    """A name that the pickle mentions. It is compared, never looked up."""

    name: str


@final
@dataclass(frozen=True)
class _Span:
    """A string of 256 bytes or more: these are pixels, and stay in the file."""

    start: int
    size: int


@final
@dataclass
class _Dtype:
    """An element type under construction; only uint8 can be finished."""


@final
@dataclass
class _Pixels:
    """An array under construction: its values, once they are known."""

    values: Array | None = None


_RECONSTRUCT = _Global("numpy.core.multiarray _reconstruct")
_NDARRAY = _Global("numpy ndarray")
_DTYPE = _Global("numpy dtype")
_GLOBALS = {known.name: known for known in (_RECONSTRUCT, _NDARRAY, _DTYPE)}
_MARK = object()
_UINT8_STATE = (3, b"|", None, None, None, -1, -1, 0)

Step: TypeAlias = Callable[["_Machine"], None]


def read_pickled(reader: str, path: Path) -> dict[str, Any]:
    """Read a pickled dictionary of integers, strings, lists and arrays of uint8.

    Arrays are read-only views of the mapped file; strings are bytes, at most 255 each.

    Raises:  DataError: an instruction that no official file has, or one without its operands.
    Cost:    at most 2²⁰ instructions, and memory in proportion to their number.
    """
    with open_regular(reader, path) as file:
        size = file.seek(0, 2)
    if not size:
        raise broken_file(reader, "the file is empty", path, 0, "a pickle", "0 bytes")
    machine = _Machine(reader, path, np.memmap(path, np.uint8, mode="r"))
    machine.run()
    result = machine.stack[0] if len(machine.stack) == 1 else None
    if not isinstance(result, dict):
        machine.fail("the pickle holds something else", "one dictionary", "other values")
    return {name.decode("latin-1"): _finished(machine, value) for name, value in result.items()}


def _finished(machine: "_Machine", value: Any) -> Any:
    if isinstance(value, _Pixels):
        if value.values is None:
            machine.fail("an array is not complete", "BUILD of its values", "STOP")
        return value.values
    return value


@dataclass
class _Machine:
    """The stack machine: where it is in the file, its stack and what it remembers."""

    reader: str
    path: Path
    data: Array
    at: int = 0  # where the current instruction stands
    next: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = self.data.data  # slices of it cost a tenth of the array's

    def run(self) -> None:
        """Carry out instructions up to STOP."""
        for _ in range(_MOST_STEPS):
            self.at = self.next
            code = self.take(1)
            if code == b".":
                return
            if code not in _STEPS:
                fact = "the pickle has an instruction that no official file has"
                expected = " ".join(_NAMES[known.hex()] for known in _STEPS)
                self.fail(fact, expected, f"{code.hex()} {_NAMES.get(code.hex(), '(unknown)')}")
            _STEPS[code](self)
        self.fail("the pickle is too long", f"at most {_MOST_STEPS} instructions", "more")

    def take(self, size: int) -> bytes:
        """The next bytes of the file."""
        start = self.skip(size)
        return bytes(self.view[start : self.next])

    def skip(self, size: int) -> int:
        """Go on by so many bytes, and give where they start."""
        start, left = self.next, len(self.data) - self.next
        if size > left:
            self.fail("the file ends too early", f"{size} bytes from offset {start}", f"{left}")
        self.next += size
        return start

    def number(self, form: str) -> int:
        """The next bytes as a little-endian number."""
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, kind: type | tuple[type, ...] = object) -> Any:
        """Take the top of the stack, which must be of this kind."""
        value = self.stack.pop() if self.stack else _MARK
        if value is _MARK or not isinstance(value, kind):
            self.fail("an instruction lacks its operand", "another stack", _shown(value))
        return value

    def pop_to_mark(self) -> list[Any]:
        """Take all down to the last mark, and the mark."""
        place = len(self.stack) - 1
        while place >= 0 and self.stack[place] is not _MARK:
            place -= 1
        if place < 0:
            self.fail("an instruction lacks its operand", "a MARK before it", "none")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def top(self, kind: type) -> Any:
        """The top of the stack, left there, which must be of this kind."""
        value = self.pop(kind)
        self.push(value)
        return value

    def fail(self, fact: str, expected: str, found: str) -> NoReturn:
        """Raise the error for the current instruction."""
        raise broken_file(self.reader, fact, self.path, self.at, expected, found)


def _shown(value: Any) -> str:
    return "nothing" if value is _MARK else type(value).__name__.lstrip("_").lower()


def _protocol(machine: _Machine) -> None:
    version = machine.number("<B")
    if version != 2:
        rule = "protocol 2, as in the official files"
        machine.fail("the pickle has another protocol", rule, f"protocol {version}")


def _long_string(machine: _Machine) -> None:
    size = machine.number("<i")
    if size < 0:
        machine.fail("a string has a negative length", "0 or more", str(size))
    machine.push(_Span(machine.skip(size), size))


def _global(machine: _Machine) -> None:
    start = machine.next
    text = bytes(machine.view[start : start + 100]).split(b"\n")
    name = b" ".join(text[:2]).decode("ascii", "backslashreplace")
    if len(text) < 3 or name not in _GLOBALS:
        machine.fail("the pickle names code to run", f"one of {', '.join(_GLOBALS)}", repr(name))
    machine.skip(len(text[0]) + len(text[1]) + 2)
    machine.push(_GLOBALS[name])


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.pop_to_mark()
    machine.top(list).extend(values)


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop(bytes)
    machine.top(dict)[key] = value


def _set_items(machine: _Machine) -> None:
    values = machine.pop_to_mark()
    keys = values[::2]
    if len(values) % 2 or not all(isinstance(key, bytes) for key in keys):
        machine.fail("a dictionary has other keys", "strings, each with a value", "other values")
    machine.top(dict).update(zip(keys, values[1::2], strict=True))


def _tuple(machine: _Machine, size: int) -> None:
    values = [machine.pop() for _ in range(size)]
    machine.push(tuple(reversed(values)))


def _put(machine: _Machine, form: str) -> None:
    machine.memo[machine.number(form)] = machine.top(object)


def _get(machine: _Machine, form: str) -> None:
    number = machine.number(form)
    if number not in machine.memo:
        machine.fail("the pickle recalls what it never stored", "a number of the memo", str(number))
    machine.push(machine.memo[number])


def _reduce(machine: _Machine) -> None:
    """The two calls with which an array begins. Their arguments say that it is still empty."""
    arguments, function = machine.pop(tuple), machine.pop(_Global)
    if function == _RECONSTRUCT and arguments == (_NDARRAY, (0,), b"b"):
        machine.push(_Pixels())
    elif function == _DTYPE and arguments == (b"u1", 0, 1):
        machine.push(_Dtype())
    else:
        expected = "an empty numpy.ndarray or the dtype u1"
        machine.fail("the pickle calls something else", expected, function.name)


def _build(machine: _Machine) -> None:
    """Give an array its values, or a dtype its byte order."""
    state, target = machine.pop(tuple), machine.top(object)
    if isinstance(target, _Dtype) and state == _UINT8_STATE:
        return
    match target, state:
        case _Pixels(), (1, (int(rows), int(columns)), _Dtype(), bool(is_fortran), _Span() as span):
            if rows <= 0 or columns <= 0 or rows * columns != span.size:
                size, found = f"{rows} × {columns}", f"{span.size} bytes"
                machine.fail("an array has another size than its values", size, found)
            values = machine.data[span.start : span.start + span.size]
            shape = (columns, rows) if is_fortran else (rows, columns)
            target.values = values.reshape(shape).T if is_fortran else values.reshape(shape)
        case _:
            expected = "rows × columns of uint8"
            machine.fail("an array has another form", expected, _shown(target))


_STEPS: dict[bytes, Step] = {
    b"\x80": _protocol,
    b"}": lambda machine: machine.push({}),
    b"]": lambda machine: machine.push([]),
    b")": lambda machine: machine.push(()),
    b"(": lambda machine: machine.push(_MARK),
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"K": lambda machine: machine.push(machine.number("<B")),
    b"M": lambda machine: machine.push(machine.number("<H")),
    b"J": lambda machine: machine.push(machine.number("<i")),
    b"U": lambda machine: machine.push(machine.take(machine.number("<B"))),
    b"T": _long_string,
    b"c": _global,
    b"a": _append,
    b"e": _appends,
    b"s": _set_item,
    b"u": _set_items,
    b"t": lambda machine: machine.push(tuple(machine.pop_to_mark())),
    b"\x85": lambda machine: _tuple(machine, 1),
    b"\x86": lambda machine: _tuple(machine, 2),
    b"\x87": lambda machine: _tuple(machine, 3),
    b"q": lambda machine: _put(machine, "<B"),
    b"r": lambda machine: _put(machine, "<I"),
    b"h": lambda machine: _get(machine, "<B"),
    b"j": lambda machine: _get(machine, "<I"),
    b"R": _reduce,
    b"b": _build,
}
