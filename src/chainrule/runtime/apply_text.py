"""The native side of ``apply``: from Tensors to that of a ufunc's result, written as LLVM text."""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.matching import AT, NULL
from chainrule.runtime.objects import Refusing, at
from chainrule.runtime.team_layout import forever, pointer

__all__ = ["APPLY", "KIND", "MOST", "write_apply"]

APPLY: Final = (
    "holder", "value", "node", "recording", "none", "array", "refused",
    "ufunc", "operands", "core", "kinds", "kind_count", "quiet", "lines",
)  # fmt: skip
"""The words of a function ``apply``.

holder          the class of Tensors; where they have their value, node and recording
ufunc           what is applied, to how many operands
core            axes that it reads together; those before are the same for all operands, or none
kinds           those that it is applied to, as rows of KIND words
quiet, lines    contexts in which it is called; in that of lines, results lie on whole lines of the
                cache. With 0 it is called as it is.
"""

MOST: Final = 2  # operands
KIND: Final = MOST + 2
"""Words of a row: the kinds of the operands, each the dtype of a Tensor's array or the class of a
number, or 0; then from how many elements on, and below how many, results lie on whole lines."""


class _Apply(Refusing):
    """Writes ``apply``; the methods are its parts, in order."""

    def __init__(self, b: Builder) -> None:
        super().__init__(b, APPLY)
        _, self.given, self.count = b.arguments
        self.arrays, self.kinds = b.local("ptr", MOST), b.local("i64", MOST)
        self.axes, self.sizes = b.local("i64", MOST), b.local("ptr", MOST)

    def write(self) -> None:
        """Look at the operands, find their kinds, let NumPy compute, make a Tensor."""
        b, own = self.b, self.own
        self.expect(b.icmp("eq", self.count, own["operands"]))
        for place in range(MOST):
            for numbers in (self.kinds, self.axes):
                b.store(constant("i64", 0), b.offset(numbers, place, "i64"))
            with b.when(b.icmp("sgt", own["operands"], place)):
                self.look(place)
        self.compare()
        result = self.run(self.context(self.find()))
        self.expect(b.icmp("ne", result, NULL))
        # Of arrays without axes NumPy makes a number.
        made = b.call("PyArray_EnsureArray", "ptr", result)
        self.expect(b.icmp("ne", made, NULL))
        self.give(made)

    def look(self, place: int) -> None:
        """Note what an operand is: a number, or the array of a Tensor and how large it is."""
        b, own = self.b, self.own
        x = b.load("ptr", b.offset(self.given, place, "ptr"))
        array, kind = b.offset(self.arrays, place, "ptr"), b.offset(self.kinds, place, "i64")
        found = at(b, "i64", x, AT.kind)
        b.store(x, array)
        b.store(found, kind)
        with b.when(b.icmp("eq", found, own["holder"])):
            value = at(b, "ptr", x, own["value"])
            self.expect(b.icmp("ne", value, NULL))
            self.expect(b.icmp("eq", at(b, "i64", value, AT.kind), own["array"]))
            b.store(value, array)
            b.store(at(b, "i64", value, AT.dtype), kind)
            axes = b.convert("zext", at(b, "i32", value, AT.ndim), "i64")
            b.store(axes, b.offset(self.axes, place, "i64"))
            b.store(at(b, "ptr", value, AT.dims), b.offset(self.sizes, place, "ptr"))

    def compare(self) -> None:
        """Expect axes before those that are read together to be the same."""
        b = self.b
        first, second = (b.load("i64", b.offset(self.axes, k, "i64")) for k in range(MOST))
        most = b.select(b.icmp("sgt", first, second), first, second)
        with b.when(b.icmp("sgt", most, self.own["core"])):
            self.expect(b.icmp("eq", first, second))
            with b.loop(0, b.sub(most, self.own["core"])) as turn:
                one, other = (
                    b.load("i64", b.offset(self.size(k), turn.index, "i64")) for k in range(MOST)
                )
                self.expect(b.icmp("eq", one, other))

    def size(self, place: int) -> Value:
        """Where the sizes of an operand lie."""
        return self.b.load("ptr", self.b.offset(self.sizes, place, "ptr"))

    def elements(self) -> Value:
        """How many elements the first operand has; 1 if it is a number."""
        b, count = self.b, self.b.local("i64")
        b.store(constant("i64", 1), count)
        with b.loop(0, b.load("i64", self.axes)) as turn:
            size = b.load("i64", b.offset(self.size(0), turn.index, "i64"))
            b.store(b.mul(b.load("i64", count), size), count)
        return b.load("i64", count)

    def find(self) -> Value:
        """The row of the kinds that were found."""
        b, own, number = self.b, self.own, self.b.local("i64")
        found = [b.load("i64", b.offset(self.kinds, k, "i64")) for k in range(MOST)]
        b.store(constant("i64", 0), number)
        with forever(b) as leave:
            turn = b.load("i64", number)
            self.expect(b.icmp("slt", turn, own["kind_count"]))
            row = b.offset(self.pointer("kinds"), b.mul(turn, KIND), "i64")
            known = [b.load("i64", b.offset(row, k, "i64")) for k in range(MOST)]
            same = [b.icmp("eq", x, y) for x, y in zip(found, known, strict=True)]
            leave(b.binary("and", *same))
            b.store(b.add(turn, 1), number)
        return row

    def context(self, row: Value) -> Value:
        """The context for a result of this kind and size; 0 for none."""
        b, own = self.b, self.own
        least, most = (b.load("i64", b.offset(row, MOST + k, "i64")) for k in range(2))
        size = self.elements()
        lines = b.binary("and", b.icmp("sge", size, least), b.icmp("slt", size, most))
        return b.select(lines, own["lines"], own["quiet"])

    def run(self, context: Value) -> Value:
        """Let NumPy compute; gives the result, or null."""
        b, own = self.b, self.own
        inside = b.icmp("ne", context, 0)
        with b.when(inside):
            entered = b.call("PyContext_Enter", "i32", pointer(b, context))
            self.expect(b.icmp("eq", entered, 0))  # it is not in use
        asked = self.pointer("ufunc"), self.arrays, own["operands"], NULL
        made = b.call("PyObject_Vectorcall", "ptr", *asked)
        with b.when(inside):
            b.call("PyContext_Exit", "i32", pointer(b, context))
        return made


def write_apply(module: Module) -> None:
    """``apply(own, operands, count)``: a function as Python's METH_FASTCALL has them.

    It gives NotImplemented where an operand is of another kind, where a thread is in the context,
    or where NumPy refuses.
    """
    parameters = [("own", "ptr"), ("given", "ptr"), ("count", "i64")]
    _Apply(module.function("apply", parameters, "ptr", noalias=False)).write()
