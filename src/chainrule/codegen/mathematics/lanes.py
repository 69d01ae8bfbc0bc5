"""Values in registers with Python's operators, so that an algorithm reads like its formula.

Arithmetic is that of the elements: floating-point numbers, integers or masks. Numbers of Python
become constants of the type that they meet. Comparisons are signed, and false where NaN takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import (
    Value,
    bits,
    constant,
    element,
    lanes,
    like,
    sequence,
    vector,
)

__all__ = [
    "Lanes", "fma", "looked_up", "polynomial", "repeated", "two_product", "unless", "where",
]  # fmt: skip


class Lanes:
    """A value, and the function that is being written."""

    __slots__ = ("b", "value")

    def __init__(self, b: Builder, value: Value) -> None:
        self.b = b
        self.value = value

    @property
    def kind(self) -> str:
        """The type: ``float``, ``<16 x i1>``."""
        return self.value.type

    @property
    def element(self) -> str:
        """The type of an element."""
        return element(self.value.type)

    @property
    def bits(self) -> int:
        """The width of an element."""
        return bits(self.value.type)

    @property
    def is_real(self) -> bool:
        """Whether elements are floating-point numbers."""
        return self.element in ("float", "double")

    def of(self, number: Lanes | float | int) -> Value:
        """A number as a constant of this type; other lanes as they are."""
        return number.value if isinstance(number, Lanes) else constant(self.kind, number)

    def constant(self, number: float | int) -> Lanes:
        """A number in every lane."""
        return Lanes(self.b, constant(self.kind, number))

    def _binary(self, real: str, whole: str, a: Value, b: Value) -> Lanes:
        return Lanes(self.b, self.b.binary(real if self.is_real else whole, a, b))

    def __add__(self, other: Lanes | float | int) -> Lanes:
        return self._binary("fadd", "add", self.value, self.of(other))

    __radd__ = __add__

    def __sub__(self, other: Lanes | float | int) -> Lanes:
        return self._binary("fsub", "sub", self.value, self.of(other))

    def __rsub__(self, other: float | int) -> Lanes:
        return self._binary("fsub", "sub", self.of(other), self.value)

    def __mul__(self, other: Lanes | float | int) -> Lanes:
        return self._binary("fmul", "mul", self.value, self.of(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return Lanes(self.b, self.b.fdiv(self.value, self.of(other)))

    def __rtruediv__(self, other: float) -> Lanes:
        return Lanes(self.b, self.b.fdiv(self.of(other), self.value))

    def __neg__(self) -> Lanes:
        return Lanes(self.b, self.b.fneg(self.value)) if self.is_real else 0 - self

    def __and__(self, other: Lanes | int) -> Lanes:
        return Lanes(self.b, self.b.binary("and", self.value, self.of(other)))

    def __or__(self, other: Lanes | int) -> Lanes:
        return Lanes(self.b, self.b.binary("or", self.value, self.of(other)))

    def __xor__(self, other: Lanes | int) -> Lanes:
        return Lanes(self.b, self.b.binary("xor", self.value, self.of(other)))

    def __invert__(self) -> Lanes:
        return self ^ (1 if self.element == "i1" else -1)

    def __lshift__(self, other: Lanes | int) -> Lanes:
        return Lanes(self.b, self.b.binary("shl", self.value, self.of(other)))

    def __rshift__(self, other: Lanes | int) -> Lanes:
        """The logical shift; ``arithmetic_shift`` keeps the sign."""
        return Lanes(self.b, self.b.binary("lshr", self.value, self.of(other)))

    def arithmetic_shift(self, other: Lanes | int) -> Lanes:
        """The shift to the right that keeps the sign."""
        return Lanes(self.b, self.b.binary("ashr", self.value, self.of(other)))

    # ------------------------------------------------------------ comparisons

    def compare(self, real: str, whole: str, other: Lanes | float | int) -> Lanes:
        """Compare by LLVM's predicates for floating-point numbers and for integers."""
        b, right = self.b, self.of(other)
        if self.is_real:
            return Lanes(b, b.fcmp(real, self.value, right))
        return Lanes(b, b.icmp(whole, self.value, right))

    def __lt__(self, other: Lanes | float | int) -> Lanes:
        return self.compare("olt", "slt", other)

    def __le__(self, other: Lanes | float | int) -> Lanes:
        return self.compare("ole", "sle", other)

    def __gt__(self, other: Lanes | float | int) -> Lanes:
        return self.compare("ogt", "sgt", other)

    def __ge__(self, other: Lanes | float | int) -> Lanes:
        return self.compare("oge", "sge", other)

    def equals(self, other: Lanes | float | int) -> Lanes:
        """Where both are equal."""
        return self.compare("oeq", "eq", other)

    def differs(self, other: Lanes | float | int) -> Lanes:
        """Where the two are not equal; NaN is not equal to itself."""
        return self.compare("une", "ne", other)

    @property
    def is_nan(self) -> Lanes:
        """Where NaN stands."""
        return self.compare("uno", "ne", self)

    # ------------------------------------------------------------ other forms

    def apply(self, intrinsic: str, *others: Lanes | float | int) -> Lanes:
        """``llvm.NAME`` of this and others."""
        return Lanes(self.b, self.b.intrinsic(intrinsic, self.value, *map(self.of, others)))

    def __abs__(self) -> Lanes:
        return self.apply("fabs")

    def signed_as(self, other: Lanes) -> Lanes:
        """The absolute value with another number's sign."""
        return self.apply("copysign", other)

    def convert(self, op: str, kind: str) -> Lanes:
        """Elements of another type, by an instruction of LLVM."""
        return Lanes(self.b, self.b.convert(op, self.value, kind))

    def as_integer(self) -> Lanes:
        """The bits of a floating-point number."""
        return Lanes(self.b, self.b.bitcast(self.value, like(self.kind, f"i{self.bits}")))

    def as_real(self) -> Lanes:
        """The floating-point number of these bits."""
        kind = {32: "float", 64: "double"}[self.bits]
        return Lanes(self.b, self.b.bitcast(self.value, like(self.kind, kind)))


def where(mask: Lanes, chosen: Lanes | float | int, otherwise: Lanes | float | int) -> Lanes:
    """``mask ? chosen : otherwise``; one of the two may be a number."""
    model = chosen if isinstance(chosen, Lanes) else otherwise
    assert isinstance(model, Lanes)
    return Lanes(mask.b, mask.b.select(mask.value, model.of(chosen), model.of(otherwise)))


def unless(rare: Lanes, usual: Lanes, other: Callable[[], Lanes]) -> Lanes:
    """What is usual, or something else where a mask holds, computed only if it does somewhere."""
    b = usual.b
    result = b.local(usual.kind)
    b.store(usual.value, result)
    with b.when(_somewhere(rare), rare=True):
        b.store(where(rare, other(), usual).value, result)
    return Lanes(b, b.load(usual.kind, result))


def _somewhere(mask: Lanes) -> Value:
    """Whether a mask holds in some lane."""
    b, count = mask.b, lanes(mask.kind)
    return b.call(f"llvm.vector.reduce.or.v{count}i1", "i1", mask.value) if count else mask.value


def repeated(
    going: Lanes, state: Sequence[Lanes], turn: Callable[..., tuple[Lanes, ...]]
) -> list[Lanes]:
    """The state after as many turns as a mask holds in some lane.

    A turn gives the mask and the state that follow from both.
    """
    b, begun = going.b, [going, *state]
    places = [b.local(v.kind) for v in begun]
    head, body, after = (b.label(hint) for hint in ("again", "turn", "done"))

    def held() -> list[Lanes]:
        return [Lanes(b, b.load(v.kind, p)) for v, p in zip(begun, places, strict=True)]

    def keep(values: Sequence[Lanes]) -> None:
        for value, place in zip(values, places, strict=True):
            b.store(value.value, place)

    keep(begun)
    b.jump(head)
    b.place(head)
    b.branch(_somewhere(held()[0]), body, after)
    b.place(body)
    keep(turn(*held()))
    b.jump(head)
    b.place(after)
    return held()[1:]


def fma(x: Lanes, y: Lanes | float, z: Lanes | float) -> Lanes:
    """x·y + z, rounded once where the processor has the instruction."""
    return Lanes(x.b, x.b.fma(x.value, x.of(y), x.of(z)))


def polynomial(t: Lanes, coefficients: Sequence[float]) -> Lanes:
    """Σ cₖ tᵏ; a long sum as two, of even and of odd powers, which the processor interleaves."""
    if len(coefficients) > 10:
        square = t * t
        return fma(polynomial(square, coefficients[1::2]), t, polynomial(square, coefficients[::2]))
    total = t.constant(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = fma(total, t, c) if total.value.text[0] == "%" else fma(t, total, c)
    return total


def looked_up(tables: Sequence[Sequence[float]], index: Lanes) -> list[Lanes]:
    """From each table of 16 float32 the number at the last four bits of an integer.

    One instruction a table where ``module.tables`` holds; elsewhere there is none for it.
    """
    b, count = index.b, lanes(index.kind)
    if count > 16:
        raise ValueError(f"a table has 16 numbers for as many lanes, not for {count}")
    wide = _in_16_lanes(index)
    made = []
    for table in tables:
        numbers = sequence(vector("float", 16), table)
        name = "llvm.x86.avx512.permvar.sf.512"
        found = b.call(name, numbers.type, numbers, wide)
        if not count:
            found = b.extract(found, 0)
        elif count < 16:
            found = b.shuffle(found, found, range(count))
        made.append(Lanes(b, found))
    return made


def _in_16_lanes(index: Lanes) -> Value:
    """An integer or a vector of them at the beginning of one of 16."""
    b, count = index.b, lanes(index.kind)
    if not count:
        return b.insert(Value("poison", vector(index.kind, 16)), index.value, 0)
    return b.shuffle(index.value, index.value, [k % count for k in range(16)])


def two_product(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes]:
    """x·y rounded, and what the rounding left out, exactly."""
    product = x * y
    if x.b.module.fma:
        return product, fma(x, y, -product)
    a, c = _halves(x)
    d, e = _halves(y)
    return product, ((a * d - product) + a * e + c * d) + c * e


def _halves(x: Lanes) -> tuple[Lanes, Lanes]:
    """x as the sum of two numbers of half its digits (Veltkamp)."""
    high = x * (2.0**27 + 1 if x.bits == 64 else 2.0**12 + 1)
    high = high - (high - x)
    return high, x - high
