"""Objects of Python and NumPy as machine code reads and makes them, written as LLVM text."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.codegen.llvm import Builder
from chainrule.codegen.values import Value, constant
from chainrule.runtime.matching import NULL, WRITABLE
from chainrule.runtime.shelves import NAME

__all__ = ["at", "hold", "new_array", "new_capsule"]


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
