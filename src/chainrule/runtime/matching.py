"""Matching: the arrays inside a tree of Python objects, found by machine code.

To flatten a call's arguments and to compare every shape, dtype and setting with those of the last
call takes Python some 40 µs for a small network, more than its training step. Here a *plan*, a list
of seven kinds of instructions, is carried out by one small function that reads the objects where
they lie: half a microsecond. It looks into an object only after it has seen its type. Whatever
differs from the plan ends it, and the caller goes the slow way.

Where the objects of this Python are not laid out as expected, there are no plans.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import CellType
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.team_layout import forever, pointer

__all__ = [
    "AT",
    "NULL",
    "PLACES",
    "PLAIN",
    "WORDS",
    "WRITABLE",
    "Match",
    "Plan",
    "is_as_expected",
    "python_symbols",
    "slot_of",
    "words_of",
    "write_look",
    "write_match",
]

Match = Callable[[object], list[Any]]
"""Gives what is kept of a tree that is as planned; an empty list for any other."""

_LOAD, _ITEM, _DICT, _KNOWN, _SAME, _NUMBER, _KEEP = range(7)
WORDS: Final = 6  # of an instruction: kind, place, offset, two operands, place of the result
PLACES: Final = 4096  # that a plan may use, and objects that it may keep; they lie on the stack
_HEADER: Final = object.__basicsize__


class _Layout(NamedTuple):
    """Where objects have what, in bytes from their beginning."""

    references: int = _HEADER - 2 * ctypes.sizeof(ctypes.c_void_p)  # how many: 32 bits
    kind: int = _HEADER - ctypes.sizeof(ctypes.c_void_p)
    size: int = _HEADER
    tuple_items: int = tuple.__basicsize__
    list_items: int = _HEADER + 8
    ndim: int = _HEADER + 8
    dims: int = _HEADER + 16
    base: int = _HEADER + 32
    dtype: int = _HEADER + 40
    flags: int = _HEADER + 48
    cell: int = _HEADER
    number: int = _HEADER  # of a float
    memory: int = _HEADER  # of an array: its address


AT: Final = _Layout()
PLAIN: Final = 0x101  # NumPy's flags of an array that is contiguous and aligned
WRITABLE: Final = 0x501  # the same, and writable


def words_of(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    """Numbers where machine code can read them."""
    return (ctypes.c_int64 * len(numbers))(*numbers)


class Plan:
    """What is expected of trees, written down by looking at some like them; place k is a root.

    A method that looks further into an object gives the place where the found object is noted.
    """

    def __init__(self, roots: int = 1) -> None:
        self.words: list[int] = []
        self.spare = roots  # a place for what is compared at once
        self.places = roots + 1
        self.known: list[object] = []  # what instructions compare with; their addresses stay valid
        self.kept = 0

    def same(self, place: int, value: object) -> None:
        """Expect this very object."""
        self.known.append(value)
        self._do(_SAME, place, 0, 0, id(value))

    def kind(self, place: int, kind: type) -> None:
        """Expect an object of exactly this class."""
        self.same(self._peek(place, AT.kind), kind)

    def sequence(self, place: int, kind: type, count: int) -> list[int]:
        """Expect a tuple or a list of so many objects."""
        self.kind(place, kind)
        self._number(place, AT.size, count)
        if kind is tuple:
            return [self._load(place, AT.tuple_items + 8 * k) for k in range(count)]
        if not count:
            return []
        items = self._peek(place, AT.list_items)
        return [self._load(items, 8 * k) for k in range(count)]

    def mapping(self, place: int, count: int) -> None:
        """Expect a dictionary with so many keys."""
        self.kind(place, dict)
        self._number(place, AT.size, count)

    def item(self, place: int, key: str) -> int:
        """Expect a dictionary to have a key."""
        self.known.append(key)
        return self._found(_ITEM, place, 0, id(key))

    def attributes(self, place: int) -> int:
        """Look at the dictionary of an object's attributes."""
        return self._found(_DICT, place)

    def outside(self, value: object) -> int:
        """Look at an object that is known now."""
        self.known.append(value)
        return self._found(_KNOWN, 0, 0, id(value))

    def cell(self, cell: CellType) -> int:
        """Look at what a variable of an enclosing function is bound to."""
        return self._load(self.outside(cell), AT.cell)

    def slot(self, place: int, offset: int) -> int:
        """Look at what an object has in a slot."""
        return self._load(place, offset)

    def array(self, place: int, like: np.ndarray[Any, Any]) -> None:
        """Expect a contiguous array of this shape and dtype."""
        self.kind(place, np.ndarray)
        self.same(self._peek(place, AT.dtype), like.dtype)
        self._number(place, AT.ndim, like.ndim, 0xFFFFFFFF)
        self._number(place, AT.flags, PLAIN, PLAIN)
        if like.ndim:
            dims = self._peek(place, AT.dims)
            for k, size in enumerate(like.shape):
                self._number(dims, 8 * k, size)

    def keep(self, place: int) -> None:
        """Add an object to the list that a match gives."""
        self._do(_KEEP, place, 0, self.kept)
        self.kept += 1

    def fits(self) -> bool:
        """Whether there are places enough."""
        return self.places <= PLACES

    def laid_out(self) -> ctypes.Array[ctypes.c_int64]:
        """The instructions in memory; valid while the plan lives."""
        return words_of(self.words)

    def _load(self, place: int, offset: int) -> int:
        return self._found(_LOAD, place, offset)

    def _peek(self, place: int, offset: int) -> int:
        """As ``_load``; the place is used again when the next object is looked at so."""
        self._do(_LOAD, place, offset, 0, 0, self.spare)
        return self.spare

    def _number(self, place: int, offset: int, expected: int, mask: int = -1) -> None:
        self._do(_NUMBER, place, offset, mask, expected)

    def _found(self, what: int, place: int, offset: int = 0, operand: int = 0) -> int:
        self._do(what, place, offset, operand, 0, self.places)
        self.places += 1
        return self.places - 1

    def _do(self, *words: int) -> None:
        self.words += [*words, *[0] * (WORDS - len(words))]


def slot_of(owner: object, value: object) -> int | None:
    """Where an object has the slot that holds a value, in bytes; None if that is not clear."""
    size = type(owner).__basicsize__
    places = range(_HEADER, size, 8)
    found = [at for at in places if _word(id(owner) + at) == id(value)]
    return found[0] if len(found) == 1 else None


# ---------------------------------------------------------------- the function


def write_look(module: Module) -> None:
    """``look(words, count, places, kept)`` carries a plan out; gives 1 if all is as planned.

    The roots lie in the first places. What is kept has a reference more; else nothing is kept.
    """
    parameters = [("words", "ptr"), ("count", "i64"), ("places", "ptr"), ("kept", "ptr")]
    b = module.function("look", parameters, "i64", internal=True, noalias=False)
    words, count, places, kept = b.arguments
    turn, number = b.local("i64"), b.local("i64")
    b.store(constant("i64", 0), turn)
    with forever(b) as leave:
        at = b.load("i64", turn)
        leave(b.icmp("sge", at, count))
        word = b.offset(words, b.mul(at, WORDS), "i64")
        what, place, offset, first, second, result = (
            b.load("i64", b.offset(word, k, "i64")) for k in range(WORDS)
        )
        value = b.load("ptr", b.offset(places, place, "ptr"))
        found = b.offset(places, result, "ptr")
        field = b.offset(value, offset, "i8")
        b.store(b.emit("i64", f"ptrtoint {value} to i64"), number)
        with b.when(b.icmp("eq", what, _LOAD)):
            b.store(b.load("ptr", field), found)
        with b.when(b.icmp("eq", what, _ITEM)):
            b.store(b.call("PyDict_GetItem", "ptr", value, pointer(b, first)), found)
        with b.when(b.icmp("eq", what, _DICT)):
            own = b.call("PyObject_GenericGetDict", "ptr", value, NULL)
            b.store(own, found)
            leave(b.icmp("eq", own, NULL))
            b.call("Py_DecRef", "void", own)  # the object has it too
        with b.when(b.icmp("eq", what, _KNOWN)):
            b.store(pointer(b, first), found)
        with b.when(b.icmp("eq", what, _NUMBER)):
            b.store(b.binary("and", b.load("i64", field, 4), first), number)
        with b.when(b.icmp("eq", what, _KEEP)):
            b.call("Py_IncRef", "void", value)
            b.store(value, b.offset(kept, first, "ptr"))
        compared = b.binary("and", b.icmp("sge", what, _SAME), b.icmp("sle", what, _NUMBER))
        different = b.icmp("ne", b.load("i64", number), second)
        leave(b.binary("and", compared, different))
        missing = b.icmp("eq", b.load("ptr", found), NULL)
        leave(b.binary("and", b.icmp("slt", what, _SAME), missing))
        b.store(b.add(at, 1), turn)
    b.ret(b.convert("zext", b.icmp("sge", b.load("i64", turn), count), "i64"))


def write_match(module: Module) -> None:
    """``match(words, count, kept, root)`` gives a new list: what is kept, or nothing."""
    parameters = [("words", "ptr"), ("count", "i64"), ("kept", "i64"), ("root", "ptr")]
    b = module.function("match", parameters, "ptr", noalias=False)
    words, count, kept, root = b.arguments
    places, found = b.local("ptr", PLACES), b.local("ptr", PLACES)
    b.store(root, places)
    whole, broken = b.label("whole"), b.label("broken")
    matched = b.call("look", "i64", words, count, places, found)
    b.branch(b.icmp("ne", matched, 0), whole, broken)
    b.place(whole)
    made = b.call("PyList_New", "ptr", kept)
    with b.loop(0, kept) as turn:
        value = b.load("ptr", b.offset(found, turn.index, "ptr"))
        b.call("PyList_SetItem", "i32", made, turn.index, value)
    b.ret(made)
    b.place(broken)
    b.call("PyErr_Clear", "void")
    b.ret(b.call("PyList_New", "ptr", constant("i64", 0)))


NULL: Final = Value("null", "ptr")


def python_symbols(*names: str) -> dict[str, int]:
    """The addresses of functions of Python's own, for ``engine.load``."""
    api = ctypes.pythonapi
    return {name: ctypes.cast(getattr(api, name), ctypes.c_void_p).value or 0 for name in names}


@cache
def is_as_expected() -> bool:
    """Whether this Python's objects have everything where a plan looks for it."""
    if "t" in sys.abiflags:  # threads run side by side, and count references in another way
        return False
    one, pair, keys = (object(),), [object(), object()], {"a": 1, "b": 2, "c": 3}
    array = np.empty((3, 5), np.float32)
    view = array[1:]
    dims, flags = _word(id(array) + AT.dims), array.flags.num
    cell, number = CellType(keys), np.array(0.5)
    half = number.item()
    return (
        _word(id(one) + AT.kind) == id(tuple)
        and [_word(id(x) + AT.size) for x in (one, pair, keys)] == [1, 2, 3]
        and _word(id(one) + AT.tuple_items) == id(one[0])
        and _word(_word(id(pair) + AT.list_items) + 8) == id(pair[1])
        and _word(id(array) + AT.ndim) & 0xFFFFFFFF == 2
        and _word(id(array) + AT.dtype) == id(array.dtype)
        and _word(id(array) + AT.flags) & 0xFFFFFFFF == flags
        and (_word(dims), _word(dims + 8)) == (3, 5)
        and _word(id(cell) + AT.cell) == id(keys)
        and _word(id(half) + AT.number) == _word(_address(number))
        and _word(id(number) + AT.memory) == _address(number)
        and (_word(id(view) + AT.base), _word(id(array) + AT.base)) == (id(array), 0)
        and _counts_references()
    )


def _counts_references() -> bool:
    """Whether an object's references are counted where we look."""
    value = object()
    before = _references(value)
    more = [value] * 1000
    during = _references(value)
    more.clear()
    return during - before == 1000 and _references(value) == before


def _references(value: object) -> int:
    return ctypes.c_uint32.from_address(id(value) + AT.references).value


def _address(given: np.ndarray[Any, Any]) -> int:
    found: int = given.__array_interface__["data"][0]
    return found


def _word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value
