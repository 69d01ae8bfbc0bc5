"""Instructions of LLVM that compute, read and write: each method appends a line to a function.

What there is of control flow, and the function itself, are those of ``llvm.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.codegen.assembly.values import (
    Index,
    Value,
    bits,
    constant,
    element,
    lanes,
    like,
    sequence,
    suffix,
    vector,
)

__all__ = ["Instructions", "Needs"]


class Needs:
    """What the instructions of a module need besides: declarations, and marks.

    fma     whether the processor has the instruction
    tables  whether it permutes 16 numbers in registers
    roots   whether a root below a quotient is quicker made of products
    """

    def __init__(self, *, fma: bool, tables: bool, roots: bool) -> None:
        self.fma = fma
        self.tables = tables
        self.roots = roots
        self.declarations: dict[str, str] = {}
        self.calls: dict[str, int] = {}
        self.has_streams = False
        self.has_rare = False

    def declare(self, name: str, result: str, operands: Sequence[str]) -> None:
        """Announce a function of another module, or an intrinsic."""
        self.declarations.setdefault(name, f"declare {result} @{name}({', '.join(operands)})")


class Instructions:
    """The lines of a function. Every method that computes appends one and gives its value."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.called: set[str] = set()
        self.entry: list[str] = []
        self.lines: list[str] = []
        self._count = 0

    # ------------------------------------------------------------ lines

    def fresh(self) -> str:
        """A register that is not used yet."""
        self._count += 1
        return f"%v{self._count}"

    def emit(self, kind: str, text: str) -> Value:
        """Append an instruction that gives a value of this type."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return Value(name, kind)

    def act(self, text: str) -> None:
        """Append an instruction that gives nothing."""
        self.lines.append(f"  {text}")

    def label(self, hint: str) -> str:
        """A label that is not used yet."""
        self._count += 1
        return f"{hint}{self._count}"

    # ------------------------------------------------------------ arithmetic

    def binary(self, op: str, a: Value, b: Value) -> Value:
        """Apply an instruction of two operands of one type."""
        assert a.type == b.type, (op, a, b)
        return self.emit(a.type, f"{op} {a.type} {a.text}, {b.text}")

    def fadd(self, a: Value, b: Value) -> Value:
        return self.binary("fadd", a, b)

    def fsub(self, a: Value, b: Value) -> Value:
        return self.binary("fsub", a, b)

    def fmul(self, a: Value, b: Value) -> Value:
        return self.binary("fmul", a, b)

    def fdiv(self, a: Value, b: Value) -> Value:
        return self.binary("fdiv", a, b)

    def fneg(self, a: Value) -> Value:
        return self.emit(a.type, f"fneg {a}")

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a·b + c, rounded once where the processor has the instruction."""
        return self.intrinsic("fma" if self.needs.fma else "fmuladd", a, b, c)

    def add(self, a: Value, b: Index) -> Value:
        return self._integer("add", a, b, 0)

    def sub(self, a: Value, b: Index) -> Value:
        return self._integer("sub", a, b, 0)

    def mul(self, a: Value, b: Index) -> Value:
        return self._integer("mul", a, b, 1)

    def _integer(self, op: str, a: Value, b: Index, neutral: int) -> Value:
        """Integer arithmetic; what is known while writing is computed now."""
        other = self.number(b, a.type)
        if other.text == str(neutral):
            return a
        if op != "sub" and a.text == str(neutral):
            return other
        if _is_number(a) and _is_number(other):
            x, y = int(a.text), int(other.text)
            return constant(a.type, {"add": x + y, "sub": x - y, "mul": x * y}[op])
        if op == "mul" and "0" in (a.text, other.text):
            return constant(a.type, 0)
        return self.binary(op, a, other)

    def number(self, value: Index, kind: str = "i64") -> Value:
        """A value, or a number as one."""
        return constant(kind, value) if isinstance(value, int) else value

    def icmp(self, predicate: str, a: Value, b: Index) -> Value:
        """Compare integers: eq, ne, slt, sle, sgt, sge, ult, ule, ugt, uge."""
        other = self.number(b, a.type)
        return self.emit(like(a.type, "i1"), f"icmp {predicate} {a}, {other.text}")

    def fcmp(self, predicate: str, a: Value, b: Value) -> Value:
        """Compare floating-point numbers: oeq, olt, ole, ogt, oge, une, uno."""
        return self.emit(like(a.type, "i1"), f"fcmp {predicate} {a}, {b.text}")

    def select(self, mask: Value, chosen: Value, otherwise: Value) -> Value:
        """Choose by a mask, lane by lane."""
        return self.emit(chosen.type, f"select {mask}, {chosen}, {otherwise}")

    def convert(self, op: str, value: Value, own: str) -> Value:
        """Convert the elements: trunc zext sext fptrunc fpext fptosi fptoui sitofp uitofp."""
        kind = like(value.type, own)
        return value if kind == value.type else self.emit(kind, f"{op} {value} to {kind}")

    def bitcast(self, value: Value, kind: str) -> Value:
        """The same bits as another type."""
        return value if kind == value.type else self.emit(kind, f"bitcast {value} to {kind}")

    def intrinsic(self, name: str, *operands: Value, flags: Sequence[bool] = ()) -> Value:
        """Apply ``llvm.NAME`` of the type of its first operand; flags are trailing i1 constants."""
        kind = operands[0].type
        constants = [constant("i1", f) for f in flags]
        return self.call(f"llvm.{name}.{suffix(kind)}", kind, *operands, *constants)

    def call(self, name: str, result: str, *operands: Value) -> Value:
        """Call a function by its name."""
        self.needs.declare(name, result, [o.type for o in operands])
        self.needs.calls[name] = self.needs.calls.get(name, 0) + 1
        self.called |= {name, *(o.text[1:] for o in operands if o.text[0] == "@")}
        return self._call(f"@{name}", result, operands)

    def call_pointer(self, pointer: Value, result: str, *operands: Value) -> Value:
        """Call the function at an address."""
        return self._call(pointer.text, result, operands)

    def _call(self, called: str, result: str, operands: Sequence[Value]) -> Value:
        text = f"call {result} {called}({', '.join(map(str, operands))})"
        if result == "void":
            self.act(text)
            return Value("", "void")
        return self.emit(result, text)

    # ------------------------------------------------------------ vectors

    def splat(self, value: Value, count: int) -> Value:
        """A scalar in every lane; itself where there are no lanes."""
        if not count:
            return value
        kind = vector(value.type, count)
        if value.text[0] != "%":
            return Value(f"splat ({value})", kind)
        first = self.emit(kind, f"insertelement {kind} poison, {value}, i64 0")
        zeros = f"<{count} x i32> zeroinitializer"
        return self.emit(kind, f"shufflevector {first}, {kind} poison, {zeros}")

    def shuffle(self, a: Value, b: Value, order: Sequence[int]) -> Value:
        """The lanes of two vectors in another order."""
        kind = vector(element(a.type), len(order))
        mask = f"<{len(order)} x i32> <" + ", ".join(f"i32 {k}" for k in order) + ">"
        return self.emit(kind, f"shufflevector {a}, {b}, {mask}")

    def extract(self, value: Value, lane: Index) -> Value:
        """One lane."""
        return self.emit(element(value.type), f"extractelement {value}, {self.number(lane)}")

    def insert(self, value: Value, item: Value, lane: Index) -> Value:
        """A vector with one lane replaced."""
        return self.emit(value.type, f"insertelement {value}, {item}, {self.number(lane)}")

    def steps(self, count: int, kind: str = "i64") -> Value:
        """0, 1, 2, … in the lanes."""
        return sequence(vector(kind, count), range(count))

    def first(self, count: int, present: Value) -> Value:
        """The mask of the lanes below a number (i64)."""
        return self.icmp("ult", self.steps(count), self.splat(present, count))

    def first_or_all(self, count: int, present: int) -> Value | None:
        """The mask of so many lanes, the first ones; None where these are all."""
        return self.first(count, self.number(present)) if present < count else None

    # ------------------------------------------------------------ memory

    def offset(self, pointer: Value, index: Index, own: str) -> Value:
        """The address of an element, counted from a pointer."""
        index = self.number(index)
        if index.text == "0":
            return pointer
        return self.emit("ptr", f"getelementptr inbounds {own}, {pointer}, {index}")

    def load(self, kind: str, pointer: Value, align: int = 0) -> Value:
        """Read a value; it lies at a multiple of its element's size, or of ``align`` bytes."""
        return self.emit(kind, f"load {kind}, {pointer}, align {align or _bytes(kind)}")

    def store(self, value: Value, pointer: Value, align: int = 0) -> None:
        """Write a value."""
        self.act(f"store {value}, {pointer}, align {align or _bytes(value.type)}")

    def stream(self, value: Value, pointer: Value) -> None:
        """Write a vector that lies at a multiple of its size, past the cache if possible."""
        size = _bytes(value.type) * lanes(value.type)
        self.needs.has_streams = True
        self.act(f"store {value}, {pointer}, align {size}, !nontemporal !0")

    def load_some(self, kind: str, pointer: Value, mask: Value | None) -> Value:
        """Read the lanes of a mask; the others are 0 and their memory is not touched.

        Without a mask it is ``load``, and ``store_some`` is ``store``.
        """
        if mask is None:
            return self.load(kind, pointer)
        zero = Value("zeroinitializer", kind)
        align = constant("i32", _bytes(kind))
        name = f"llvm.masked.load.{suffix(kind)}.p0"
        return self.call(name, kind, pointer, align, mask, zero)

    def store_some(self, value: Value, pointer: Value, mask: Value | None) -> None:
        """Write the lanes of a mask; the memory of the others is not touched."""
        if mask is None:
            self.store(value, pointer)
            return
        align = constant("i32", _bytes(value.type))
        name = f"llvm.masked.store.{suffix(value.type)}.p0"
        self.call(name, "void", value, pointer, align, mask)

    def prefetch(self, pointer: Value, level: int = 1, *, write: bool = False) -> None:
        """Ask for a line of memory to be brought into the cache of a level; any address is fine."""
        hints = [constant("i32", n) for n in (int(write), 4 - level, 1)]
        self.call("llvm.prefetch.p0", "void", pointer, *hints)

    def gather(self, kind: str, pointer: Value, indices: Value, mask: Value | None = None) -> Value:
        """Read elements at a vector of indices counted from a pointer."""
        name = f"llvm.masked.gather.{suffix(kind)}.v{lanes(kind)}p0"
        zero = Value("zeroinitializer", kind)
        return self.call(name, kind, *self._spread(kind, pointer, indices, mask), zero)

    def scatter(
        self, value: Value, pointer: Value, indices: Value, mask: Value | None = None
    ) -> None:
        """Write elements at a vector of indices counted from a pointer, in order of the lanes."""
        kind = value.type
        name = f"llvm.masked.scatter.{suffix(kind)}.v{lanes(kind)}p0"
        self.call(name, "void", value, *self._spread(kind, pointer, indices, mask))

    def _spread(
        self, kind: str, pointer: Value, indices: Value, mask: Value | None
    ) -> tuple[Value, Value, Value]:
        """The addresses of elements at indices, what they are multiples of, and which are meant."""
        count = lanes(kind)
        text = f"getelementptr inbounds {element(kind)}, {pointer}, {indices}"
        places = self.emit(vector("ptr", count), text)
        return places, constant("i32", _bytes(kind)), mask or constant(vector("i1", count), True)

    def local(self, kind: str, count: int = 1, align: int = 64) -> Value:
        """Memory on the stack, for as long as the function runs."""
        name = self.fresh()
        self.entry.append(f"  {name} = alloca {kind}, i64 {count}, align {align}")
        return Value(name, "ptr")


def _bytes(kind: str) -> int:
    return max(bits(kind) // 8, 1)


def _is_number(value: Value) -> bool:
    return value.text.lstrip("-").isdigit()
