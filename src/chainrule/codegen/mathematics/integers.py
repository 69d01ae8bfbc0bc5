"""Division and powers of integers; nothing traps: a quotient by zero is 0, as NumPy's."""

from __future__ import annotations

from chainrule.codegen.mathematics.casts import cast
from chainrule.codegen.mathematics.lanes import Lanes, where
from chainrule.ir.dtype import DType, float32, float64

__all__ = ["absolute", "floor_divide", "power", "remainder", "sign"]


def absolute(x: Lanes, dtype: DType) -> Lanes:
    """|x|; the most negative number is its own."""
    return where(x < 0, 0 - x, x) if dtype.kind == "signed" else x


def sign(x: Lanes, dtype: DType) -> Lanes:
    """−1, 0 or 1."""
    one = where(x.differs(0), x.constant(1), 0)
    return where(x < 0, -1, one) if dtype.kind == "signed" else one


def floor_divide(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """⌊x/y⌋, and 0 where y is 0."""
    return _divided(x, y, dtype)[0]


def remainder(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """x − y⌊x/y⌋, which has the sign of y, and 0 where y is 0."""
    return _divided(x, y, dtype)[1]


def _divided(x: Lanes, y: Lanes, dtype: DType) -> tuple[Lanes, Lanes]:
    quotient = _quotient(x, y, dtype)
    rest = x - quotient * y
    none = y.equals(0)
    if dtype.kind == "signed":
        below = rest.differs(0) & ((rest ^ y) < 0)
        quotient = where(below, quotient - 1, quotient)
        rest = where(below, rest + y, rest)
    return where(none, 0, quotient), where(none, 0, rest)


def _quotient(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """x/y towards zero; anything where y is 0, but no trap.

    Up to 32 bits floating point has digits enough: a quotient that is rounded up to an integer
    would lie within 1/y below it, and numbers that close to an integer are wider apart.
    """
    safe = where(y.equals(0), 1, y)
    if dtype.bits < 64:
        wide = float32 if dtype.bits <= 16 else float64
        return cast(cast(x, dtype, wide) / cast(safe, dtype, wide), wide, dtype)
    if dtype.kind == "unsigned":
        return Lanes(x.b, x.b.binary("udiv", x.value, safe.value))
    # The most negative number by −1 would trap: its quotient is itself, as 0 − x wraps around.
    negated = safe.equals(-1)
    safe = where(negated, 1, safe)
    made = Lanes(x.b, x.b.binary("sdiv", x.value, safe.value))
    return where(negated, 0 - x, made)


def power(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """xʸ modulo 2ⁿ by repeated squares; 0 where y is negative."""
    result, square = x.constant(1), x
    for k in range(dtype.bits):
        bit = ((y >> k) & 1).differs(0)
        result = where(bit, result * square, result)
        if k + 1 < dtype.bits:
            square = square * square
    return where(y < 0, 0, result) if dtype.kind == "signed" else result
