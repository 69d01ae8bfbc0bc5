"""The native side of ``calling``: match, take memory, run, make Tensors; written as LLVM text.

What is found and made lies in one row of places: inputs, constants, Tensors that are given away,
results, and what is left of those Tensors.
"""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.table import FIRST
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.apply_text import write_apply
from chainrule.runtime.building import write_build
from chainrule.runtime.engine import host_target
from chainrule.runtime.giving import GIFT, write_giving
from chainrule.runtime.matching import AT, NULL, PLACES, write_look, write_match
from chainrule.runtime.objects import at, hold, new_array, new_capsule
from chainrule.runtime.row_text import write_rows
from chainrule.runtime.shelves import write_shelves
from chainrule.runtime.team_layout import negation, pointer

__all__ = ["ARGUMENTS", "FIELDS", "call_text"]

FIELDS: Final = (
    "instructions", "count", "kept", "inputs", "record", "blocks", "block_count", "parts",
    "part_count", "outputs", "output_count", "first_made", "status", "array", "holder", "value",
    "node", "recording", "none", "given", "floats", "float_count", "float",
    "steps", "step_count", "make", "refused",
    "gifts", "gift_count", "taken", "taken_count", "given_away", "owner",
)  # fmt: skip
ARGUMENTS: Final = 5
"""args, kwargs, the frame's table, hidden, what is told of gifts; then memory of large results."""

_BLOCK: Final = 2  # words of a block: its shelf (0: it is given), and the argument that gives it
_PART: Final = 5  # words of a part: block, offset, axes, sizes, dtype


class _Writer:
    """Writes ``call``; the methods are its parts, in order."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        own, self.given, self.count = b.arguments
        number = b.call("PyTuple_GetItem", "ptr", own, constant("i64", 0))
        self.plan = b.call("PyLong_AsVoidPtr", "ptr", number)
        self.found = b.local("ptr", PLACES)  # inputs, constants, results
        self.places = b.local("ptr", PLACES)
        # No place is needed any more when memory is taken.
        self.owners, self.memory = self.places, b.offset(self.places, PLACES // 2, "ptr")
        self.failed, self.result = b.local("i32"), b.local("ptr")
        self.given_away = b.local("i32")
        self.fixed = {name: self._field(name) for name in FIELDS}

    def _field(self, name: str) -> Value:
        return self.b.load("i64", self.b.offset(self.plan, FIELDS.index(name), "i64"))

    def pointer(self, name: str) -> Value:
        """A field that is an address."""
        return pointer(self.b, self.fixed[name])

    def argument(self, number: Value | int) -> Value:
        """What the function was called with."""
        return self.b.load("ptr", self.b.offset(self.given, number, "ptr"))

    def write(self) -> None:
        """Match; take memory; give away; run; make Tensors; let go of what is ours."""
        b = self.b
        whole, refused, good = b.label("whole"), b.label("refused"), b.label("good")
        matched, expected = b.label("matched"), b.label("expected")
        b.branch(b.icmp("eq", self.count, self.fixed["given"]), expected, refused)
        b.place(expected)
        for place, number in enumerate((0, 1, 3)):
            b.store(self.argument(number), b.offset(self.places, place, "ptr"))
        plan = self.pointer("instructions"), self.fixed["count"]
        same = b.call("look", "i64", *plan, self.places, self.found)
        b.branch(b.icmp("ne", same, 0), matched, refused)
        b.place(matched)
        for flag in (self.failed, self.given_away):
            b.store(constant("i32", 0), flag)
        b.store(NULL, self.result)
        self.numbers()
        self.take()
        self.leave()
        self.look_again()
        self.give_away()
        self.run()
        self.give_back()
        self.arrays()
        self.tensors()
        self.let_go()
        self.build()
        b.branch(self.is_good(), good, whole)
        b.place(good)
        b.ret(b.load("ptr", self.result))
        b.place(whole)
        b.call("Py_DecRef", "void", b.load("ptr", self.result))
        raised = b.label("raised")
        gone = b.icmp("ne", b.load("i32", self.given_away), 0)
        b.branch(gone, raised, refused)
        b.place(raised)
        b.ret(NULL)
        b.place(refused)
        b.call("PyErr_Clear", "void")
        b.call("Py_IncRef", "void", self.pointer("refused"))
        b.ret(self.pointer("refused"))

    def is_good(self) -> Value:
        """Whether nothing failed until now."""
        return self.b.icmp("eq", self.b.load("i32", self.failed), 0)

    def expect(self, pointer: Value) -> Value:
        """Note a failure if an object could not be made; gives whether there is one."""
        b = self.b
        there = b.icmp("ne", pointer, NULL)
        with b.when(b.icmp("eq", pointer, NULL), rare=True):
            b.store(constant("i32", 1), self.failed)
        return there

    def numbers(self) -> None:
        """Make arrays of Python's floats."""
        b = self.b
        with b.loop(0, self.fixed["float_count"]) as turn:
            number = b.load("i64", b.offset(self.pointer("floats"), turn.index, "i64"))
            place = b.offset(self.found, number, "ptr")
            given = b.load("ptr", place)
            memory = b.local("double")
            b.store(at(b, "double", given, AT.number), memory)
            b.call("Py_DecRef", "void", given)
            array = self.array(self.pointer("float"), constant("i64", 0), NULL, NULL)
            b.store(array, place)
            with b.when(self.expect(array)):
                data = at(b, "ptr", array, AT.memory)
                b.store(b.load("double", memory), data)

    def array(self, dtype: Value, axes: Value, sizes: Value, memory: Value) -> Value:
        """An array in some memory, or with its own; null if NumPy cannot make it."""
        return new_array(self.b, self.pointer("array"), dtype, axes, sizes, memory)

    def take(self) -> None:
        """Take memory for the results, and write the table."""
        b = self.b
        table = b.call("PyLong_AsVoidPtr", "ptr", self.argument(2))
        self.table = table
        with b.loop(0, self.fixed["inputs"]) as turn:
            value = b.load("ptr", b.offset(self.found, turn.index, "ptr"))
            b.store(value, b.offset(table, b.add(turn.index, FIRST), "ptr"))
        with b.loop(0, self.fixed["block_count"]) as turn:
            self._take(turn.index)
        self.made = b.offset(self.found, self.fixed["kept"], "ptr")
        with b.loop(0, self.fixed["part_count"]) as turn:
            b.store(NULL, b.offset(self.made, turn.index, "ptr"))
            block, offset, *_ = self._part(turn.index)
            memory = b.offset(b.load("ptr", b.offset(self.memory, block, "ptr")), offset, "i8")
            entry = b.add(turn.index, self.fixed["first_made"])
            b.store(memory, b.offset(table, entry, "ptr"))
        self.left = b.offset(self.made, self.fixed["part_count"], "ptr")

    def _take(self, number: Value) -> None:
        """The owner and the address of a block: from its shelf, or given by the caller."""
        b = self.b
        owner = b.offset(self.owners, number, "ptr")
        memory = b.offset(self.memory, number, "ptr")
        words = b.offset(self.pointer("blocks"), b.mul(number, _BLOCK), "i64")
        shelf = b.load("ptr", words)
        b.store(NULL, owner)
        with b.when(b.icmp("eq", shelf, NULL)):
            argument = b.load("i64", b.offset(words, 1, "i64"))
            given = self.argument(argument)
            b.call("Py_IncRef", "void", given)
            b.store(given, owner)
            address = b.call("PyLong_AsVoidPtr", "ptr", self.argument(b.add(argument, 1)))
            b.store(address, memory)
        with b.when(b.icmp("ne", shelf, NULL)):
            address = b.call("take", "ptr", shelf)
            b.store(address, memory)
            with b.when(b.icmp("ne", address, NULL)):
                b.store(new_capsule(b, address, shelf), owner)
        self.expect(b.load("ptr", owner))

    def _part(self, number: Value) -> list[Value]:
        b = self.b
        words = b.offset(self.pointer("parts"), b.mul(number, _PART), "i64")
        kinds = ("i64", "i64", "i64", "ptr", "ptr")
        return [b.load(kind, b.offset(words, k, "i64")) for k, kind in enumerate(kinds)]

    def _gift(self, number: Value) -> tuple[Value, Value, Value]:
        """A Tensor that is given away, its array, and what is left of it."""
        b = self.b
        first = b.sub(self.fixed["kept"], self.fixed["gift_count"])
        tensor = b.load("ptr", b.offset(self.found, b.add(first, number), "ptr"))
        words = b.offset(self.pointer("gifts"), b.mul(number, GIFT), "i64")
        array = b.load("ptr", b.offset(self.found, b.load("i64", words), "ptr"))
        return tensor, array, b.load("ptr", b.offset(words, 1, "i64"))

    def leave(self) -> None:
        """Make what is left of Tensors that are given away."""
        b = self.b
        with b.loop(0, self.fixed["gift_count"]) as turn:
            _, _, what = self._gift(turn.index)
            made = b.call("left", "ptr", what, self.argument(4))
            b.store(made, b.offset(self.left, turn.index, "ptr"))
            self.expect(made)

    def look_again(self) -> None:
        """Fail unless what is given away is as it was found, and nobody sees what is written over.

        Finalizers may have run since, and other threads.
        """
        b = self.b
        with b.loop(0, self.fixed["gift_count"]) as turn:
            tensor, array, _ = self._gift(turn.index)
            kind = self.pointer("holder")
            self._require(b.call("is_held", "i32", tensor, kind, self.fixed["value"], array))
        with b.loop(0, self.fixed["taken_count"]) as turn:
            number = b.load("i64", b.offset(self.pointer("taken"), turn.index, "i64"))
            array = b.load("ptr", b.offset(self.found, number, "ptr"))
            self._require(b.call("alone", "i32", array, self.pointer("owner")))

    def _require(self, holds: Value) -> None:
        with self.b.when(self.b.icmp("eq", holds, 0), rare=True):
            self.b.store(constant("i32", 1), self.failed)

    def give_away(self) -> None:
        """Turn Tensors into such that were given away."""
        b = self.b
        with b.when(self.is_good()), b.loop(0, self.fixed["gift_count"]) as turn:
            tensor, *_ = self._gift(turn.index)
            left = b.load("ptr", b.offset(self.left, turn.index, "ptr"))
            b.call("turn", "void", tensor, self.pointer("given_away"), self.fixed["value"], left)
            b.store(constant("i32", 1), self.given_away)

    def give_back(self) -> None:
        """Turn them back if the program failed: then nothing was written over."""
        b = self.b
        gone = b.icmp("ne", b.load("i32", self.given_away), 0)
        with b.when(b.binary("and", gone, negation(b, self.is_good())), rare=True):
            with b.loop(0, self.fixed["gift_count"]) as turn:
                tensor, array, _ = self._gift(turn.index)
                b.call("turn", "void", tensor, self.pointer("holder"), self.fixed["value"], array)
            b.store(constant("i32", 0), self.given_away)

    def run(self) -> None:
        """Run the program, without the interpreter's lock."""
        b = self.b
        with b.when(self.is_good()):
            state = b.call("PyEval_SaveThread", "ptr")
            code = b.call("chainrule_call", "i32", self.pointer("record"), self.table)
            b.call("PyEval_RestoreThread", "void", state)
            cell = b.offset(self.table, self.fixed["status"], "i64")
            status = b.load("i64", cell)
            b.store(constant("i64", 0), cell)
            wrong = b.binary("or", b.icmp("ne", code, 0), b.icmp("ne", status, 0))
            b.store(b.convert("zext", wrong, "i32"), self.failed)

    def arrays(self) -> None:
        """Make an array of each result."""
        b = self.b
        with b.when(self.is_good()), b.loop(0, self.fixed["part_count"]) as turn:
            block, _, axes, sizes, dtype = self._part(turn.index)
            entry = b.add(turn.index, self.fixed["first_made"])
            memory = b.load("ptr", b.offset(self.table, entry, "ptr"))
            owner = b.load("ptr", b.offset(self.owners, block, "ptr"))
            array = self.array(dtype, axes, sizes, memory)
            b.store(array, b.offset(self.made, turn.index, "ptr"))
            with b.when(self.expect(array)):
                b.call("Py_IncRef", "void", owner)
                b.call("PyArray_SetBaseObject", "i32", array, owner)

    def tensors(self) -> None:
        """Make a list of what holds the outputs."""
        b = self.b
        with b.when(self.is_good()):
            made = b.call("PyList_New", "ptr", self.fixed["output_count"])
            b.store(made, self.result)
            self.expect(made)
        with b.when(self.is_good()), b.loop(0, self.fixed["output_count"]) as turn:
            place = b.offset(self.pointer("outputs"), turn.index, "i64")
            array = b.load("ptr", b.offset(self.found, b.load("i64", place), "ptr"))
            kind = self.pointer("holder")
            holder = b.call("PyType_GenericAlloc", "ptr", kind, constant("i64", 0))
            with b.when(self.expect(holder)):
                b.call("Py_IncRef", "void", array)
                hold(b, holder, array, self.pointer("none"), self.fixed)
                made = b.load("ptr", self.result)
                b.call("PyList_SetItem", "i32", made, turn.index, holder)

    def let_go(self) -> None:
        """Give up our references to arrays and memory."""
        b = self.b
        made = b.add(self.fixed["part_count"], self.fixed["gift_count"])
        count = b.add(self.fixed["kept"], made)
        for places, number in ((self.found, count), (self.owners, self.fixed["block_count"])):
            with b.loop(0, number) as turn:
                b.call("Py_DecRef", "void", b.load("ptr", b.offset(places, turn.index, "ptr")))

    def build(self) -> None:
        """Put the Tensors where the function's result has them."""
        b = self.b
        some = b.icmp("ne", self.fixed["step_count"], 0)
        with b.when(b.binary("and", self.is_good(), some)):
            made = b.load("ptr", self.result)
            given = self.pointer("steps"), made, self.places, self.pointer("make")
            whole = b.call("build", "ptr", *given, self.fixed["step_count"])
            b.call("Py_DecRef", "void", made)
            b.store(whole, self.result)
            self.expect(whole)


def call_text() -> str:
    """``match``, and ``call(own, arguments, count)`` as Python's METH_FASTCALL has functions.

    ``own`` is a tuple that begins with the address of the fields. It gives NotImplemented where
    all is not as planned. It raises only where memory ends after inputs were written over.
    """
    module = Module(host_target().attributes)
    write_look(module)
    write_match(module)
    write_shelves(module)
    write_giving(module)
    write_build(module)
    parameters = [("own", "ptr"), ("given", "ptr"), ("count", "i64")]
    _Writer(module.function("call", parameters, "ptr", noalias=False)).write()
    write_rows(module)
    write_apply(module)
    return module_text(module)
