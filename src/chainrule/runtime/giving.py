"""Giving: Tensors that a call gives away, looked at and turned into others by machine code.

Such a Tensor turns into one of another class, which says where it was given away; if the call fails
before anything was written over, it is turned back. Between the last look at the Tensors and that
change, nothing is made or let go: no finalizer can run and lend out the memory.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.values import constant
from chainrule.runtime.matching import AT, NULL
from chainrule.runtime.objects import at
from chainrule.runtime.shelves import NAME

__all__ = ["GIFT", "Handed", "write_giving"]

GIFT: Final = 2  # words of a Tensor that is given away: its input, and what is left of it


class Handed(NamedTuple):
    """A Tensor that is given away.

    input  the number of its array
    place  where a plan finds it
    left   what it holds from then on: a pair of this and of what the call is told
    """

    input: int
    place: int
    left: object


def write_giving(module: Module) -> None:
    """Write ``alone``, ``is_held``, ``left`` and ``turn``."""
    _write_alone(module)
    _write_is_held(module)
    _write_left(module)
    _write_turn(module)


def _write_alone(module: Module) -> None:
    """``alone(array, owner)``: 1 if memory of ours is seen by one Tensor and us only; else 0.

    owner   the class of what Python makes to own memory
    """
    b = module.function(
        "alone", [("array", "ptr"), ("owner", "ptr")], "i32", internal=True, noalias=False
    )
    array, owner = b.arguments
    result = b.local("i32")
    b.store(constant("i32", 0), result)
    base = at(b, "ptr", array, AT.base)
    with b.when(b.icmp("ne", base, NULL)):
        ours = b.call("PyType_IsSubtype", "i32", at(b, "ptr", base, AT.kind), owner)
        capsule = b.call("PyCapsule_IsValid", "i32", base, NAME)
        known = b.icmp("ne", b.binary("or", ours, capsule), 0)
        few = b.icmp("eq", at(b, "i32", array, AT.references), 2)
        one = b.icmp("eq", at(b, "i32", base, AT.references), 1)
        all_of_it = b.binary("and", known, b.binary("and", few, one))
        b.store(b.convert("zext", all_of_it, "i32"), result)
    b.ret(b.load("i32", result))


def _write_is_held(module: Module) -> None:
    """``is_held(tensor, kind, offset, array)``: 1 if a Tensor is of a class and has an array."""
    parameters = [("tensor", "ptr"), ("kind", "ptr"), ("offset", "i64"), ("array", "ptr")]
    b = module.function("is_held", parameters, "i32", internal=True, noalias=False)
    tensor, kind, offset, array = b.arguments
    same = b.icmp("eq", at(b, "ptr", tensor, AT.kind), kind)
    has = b.icmp("eq", at(b, "ptr", tensor, offset), array)
    b.ret(b.convert("zext", b.binary("and", same, has), "i32"))


def _write_left(module: Module) -> None:
    """``left(what, told)``: a new pair, or null."""
    b = module.function(
        "left", [("what", "ptr"), ("told", "ptr")], "ptr", internal=True, noalias=False
    )
    made = b.call("PyTuple_New", "ptr", constant("i64", len(b.arguments)))
    with b.when(b.icmp("ne", made, NULL)):
        for k, value in enumerate(b.arguments):
            b.call("Py_IncRef", "void", value)
            b.call("PyTuple_SetItem", "i32", made, constant("i64", k), value)
    b.ret(made)


def _write_turn(module: Module) -> None:
    """``turn(tensor, kind, offset, value)``: give a Tensor another class, and what it holds.

    The classes have the same slots, as Python asks of who sets ``__class__``, which does this.
    """
    parameters = [("tensor", "ptr"), ("kind", "ptr"), ("offset", "i64"), ("value", "ptr")]
    b = module.function("turn", parameters, "void", internal=True, noalias=False)
    tensor, kind, offset, value = b.arguments
    for place, new in ((b.offset(tensor, AT.kind, "i8"), kind),
                       (b.offset(tensor, offset, "i8"), value)):  # fmt: skip
        old = b.load("ptr", place)
        b.call("Py_IncRef", "void", new)
        b.store(new, place)
        b.call("Py_DecRef", "void", old)
    b.ret()
