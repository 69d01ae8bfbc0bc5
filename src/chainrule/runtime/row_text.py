"""The native side of ``rows``: from a Tensor to that of all its blocks, written as LLVM text."""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.matching import AT, NULL, PLAIN
from chainrule.runtime.objects import Refusing, at, new_array, new_capsule
from chainrule.runtime.shelves import LEAST
from chainrule.runtime.team_calls import FILL

__all__ = ["ROWS", "write_rows"]

ROWS: Final = (
    "holder", "value", "node", "recording", "none", "array", "refused", "dtype", "axes", "sizes",
    "height", "most", "row", "made_dtype", "made_axes", "made_sizes", "width", "shelves",
    "job", "cell", "table", "status", "record",
)  # fmt: skip
"""The words of a function ``rows``.

holder           the class of Tensors; where they have their value, node and recording
dtype            of the array, and how many axes it has, of which sizes after the first
height, most     rows of a block, and how many there may be in all
row              bytes of one; made_dtype … say the same of what is made
shelves          those for 2⁶, 2⁷, … bytes
job, cell        what ``chainrule_fill`` is told, and where it finds the address of the last block
"""


class _Rows(Refusing):
    """Writes ``rows``; the methods are its parts, in order."""

    def write(self) -> None:
        """Look at the array; let NumPy make another; go along it; make a Tensor."""
        value, count = self.look()
        made = self.take(count)
        self.expect(self.run(value, count, made), made)
        self.give(made)

    def look(self) -> tuple[Value, Value]:
        """Expect a Tensor that holds an array of the right kind; gives that and its rows."""
        b, own = self.b, self.own
        x = b.arguments[1]
        self.expect(b.icmp("eq", at(b, "i64", x, AT.kind), own["holder"]))
        value = at(b, "ptr", x, own["value"])
        self.expect(b.icmp("ne", value, NULL))
        self.expect(b.icmp("eq", at(b, "i64", value, AT.kind), own["array"]))
        self.expect(b.icmp("eq", at(b, "i64", value, AT.dtype), own["dtype"]))
        axes = b.convert("zext", at(b, "i32", value, AT.ndim), "i64")
        self.expect(b.icmp("eq", axes, own["axes"]))
        flags = b.binary("and", at(b, "i32", value, AT.flags), constant("i32", PLAIN))
        self.expect(b.icmp("eq", flags, constant("i32", PLAIN)))
        sizes = at(b, "ptr", value, AT.dims)
        differs = b.local("i64")
        b.store(constant("i64", 0), differs)
        with b.loop(1, own["axes"]) as turn:
            size = b.load("i64", b.offset(sizes, turn.index, "i64"))
            known = b.load("i64", b.offset(self.pointer("sizes"), turn.index, "i64"))
            other = b.binary("xor", size, known)
            b.store(b.binary("or", b.load("i64", differs), other), differs)
        self.expect(b.icmp("eq", b.load("i64", differs), 0))
        count = b.load("i64", sizes)
        self.expect(b.icmp("sge", count, own["height"]))
        self.expect(b.icmp("sle", count, own["most"]))
        return value, count

    def take(self, count: Value) -> Value:
        """An array of so many rows in memory of a shelf; the shelves' blocks double in size."""
        b, own = self.b, self.own
        least = b.sub(b.mul(count, own["width"]), 1)
        bits = b.sub(constant("i64", 64), b.intrinsic("ctlz", least, flags=[False]))
        number = b.select(b.icmp("sgt", bits, LEAST), b.sub(bits, LEAST), constant("i64", 0))
        shelf = b.load("ptr", b.offset(self.pointer("shelves"), number, "ptr"))
        memory = b.call("take", "ptr", shelf)
        self.expect(b.icmp("ne", memory, NULL))
        capsule = new_capsule(b, memory, shelf)
        self.expect(b.icmp("ne", capsule, NULL))
        sizes = self.pointer("made_sizes")
        b.store(count, sizes)
        kinds = self.pointer("array"), self.pointer("made_dtype")
        made = new_array(b, *kinds, own["made_axes"], sizes, memory)
        self.expect(b.icmp("ne", made, NULL), capsule)
        b.call("PyArray_SetBaseObject", "i32", made, capsule)
        return made

    def run(self, value: Value, count: Value, made: Value) -> Value:
        """Go along the rows of an array, and write what is made; gives whether all went well."""
        b, own = self.b, self.own
        begin = b.sub(count, own["height"])
        more = b.binary("udiv", b.add(begin, b.sub(own["height"], 1)), own["height"])
        blocks, start = b.add(more, 1), at(b, "i64", made, AT.memory)
        last = b.add(at(b, "i64", value, AT.memory), b.mul(begin, own["row"]))
        b.store(last, self.pointer("cell"))
        given = {
            "blocks": blocks, "start": start,
            "end": b.add(start, b.mul(begin, own["width"])),
        }  # fmt: skip
        for name, word in given.items():
            b.store(word, b.offset(self.pointer("job"), FILL.index(name), "i64"))
        b.store(value, b.offset(self.pointer("job"), len(FILL), "i64"))
        asked = (self.pointer(name) for name in ("record", "table", "job"))
        ran = b.call("chainrule_fill", "i64", *asked)
        b.store(constant("i64", 0), b.offset(self.pointer("table"), own["status"], "i64"))
        return b.icmp("eq", ran, blocks)


def write_rows(module: Module) -> None:
    """``rows(own, x)``: a function as Python's METH_O has them.

    It gives NotImplemented, before anyone has seen anything, where x is of another kind or
    something fails. It keeps the
    interpreter's lock, so that one call at a time uses the job.
    """
    b = module.function("rows", [("own", "ptr"), ("x", "ptr")], "ptr", noalias=False)
    _Rows(b, ROWS).write()
