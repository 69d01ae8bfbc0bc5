"""Objects of Python and NumPy as machine code reads and makes them, written as LLVM text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.matching import NULL, WRITABLE
from chainrule.runtime.shelves import NAME
from chainrule.runtime.team_layout import pointer

__all__ = ["Refusing", "at", "hold", "new_array", "new_capsule"]


def at(b: Builder, kind: str, place: Value, offset: Value | int) -> Value:
    """What an object has at an offset."""
    return b.load(kind, b.offset(place, offset, "i8"))


def new_capsule(b: Builder, memory: Value, shelf: Value) -> Value:
    """The owner of memory, which goes back to its shelf when the owner dies."""
    made = b.call("PyCapsule_New", "ptr", memory, NAME, Value("@give", "ptr"))
    b.call("PyCapsule_SetContext", "i32", made, shelf)
    return made


def new_array(
    b: Builder, kind: Value, dtype: Value, axes: Value, sizes: Value, memory: Value
) -> Value:
    """Let NumPy make an array in some memory, or with its own; null if it cannot.

    kind   its class
    """
    b.call("Py_IncRef", "void", dtype)  # NumPy takes it over
    return b.call(
        "PyArray_NewFromDescr", "ptr", kind, dtype, b.convert("trunc", axes, "i32"), sizes, NULL,
        memory, constant("i32", WRITABLE), NULL,
    )  # fmt: skip


def hold(b: Builder, tensor: Value, array: Value, none: Value, slots: Mapping[str, Value]) -> None:
    """Let a new Tensor hold an array, whose reference it takes over, outside of any recording.

    slots   where it has what, by name
    """
    b.store(array, b.offset(tensor, slots["value"], "i8"))
    for slot in ("node", "recording"):
        b.call("Py_IncRef", "void", none)
        b.store(none, b.offset(tensor, slots[slot], "i8"))


class Refusing:
    """Writes a function of Python's that gives NotImplemented where all is not as expected.

    Its first argument is a tuple that begins with the address of its words, which have names; one
    of them is ``refused``, the object that it gives.
    """

    def __init__(self, b: Builder, names: Sequence[str]) -> None:
        self.b = b
        number = b.call("PyTuple_GetItem", "ptr", b.arguments[0], constant("i64", 0))
        words = b.call("PyLong_AsVoidPtr", "ptr", number)
        self.own = {name: b.load("i64", b.offset(words, k, "i64")) for k, name in enumerate(names)}
        self._refused = b.label("refused")

    def pointer(self, name: str) -> Value:
        """A word that is an address."""
        return pointer(self.b, self.own[name])

    def expect(self, condition: Value, owned: Value | None = None) -> None:
        """Go on if a condition holds; else let go of an object and refuse."""
        b, on, off = self.b, self.b.label("on"), self.b.label("off")
        b.branch(condition, on, off)
        b.place(off)
        if owned is not None:
            b.call("Py_DecRef", "void", owned)
        b.jump(self._refused)
        b.place(on)

    def give(self, array: Value) -> None:
        """Give a new Tensor that holds an array, whose reference it takes over; the last part."""
        b, kind = self.b, self.pointer("holder")
        holder = b.call("PyType_GenericAlloc", "ptr", kind, constant("i64", 0))
        self.expect(b.icmp("ne", holder, NULL), array)
        hold(b, holder, array, self.pointer("none"), self.own)
        b.ret(holder)
        b.place(self._refused)
        b.call("PyErr_Clear", "void")
        b.call("Py_IncRef", "void", self.pointer("refused"))
        b.ret(self.pointer("refused"))
