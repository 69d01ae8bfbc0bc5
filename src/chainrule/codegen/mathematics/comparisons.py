"""Comparisons, logic and bits, and questions about what a number is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from chainrule.codegen.assembly.values import constant, like
from chainrule.codegen.mathematics.casts import nonzero
from chainrule.codegen.mathematics.lanes import Lanes, where
from chainrule.ir.dtype import DType

__all__ = ["BITS", "COMPARISONS", "KINDS", "LOGIC", "clip", "maximum", "minimum", "ordered"]

Unary = Callable[[Lanes], Lanes]
Binary = Callable[[Lanes, Lanes], Lanes]
Typed = Callable[[Lanes, Lanes, DType], Lanes]

_PREDICATES: Final = {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}


def ordered(x: Lanes, y: Lanes | int, dtype: DType, name: str) -> Lanes:
    """Compare numbers of a type; NaN differs from everything; false is less than true."""
    own = _PREDICATES[name]
    sign = "" if own in ("eq", "ne") else "s" if dtype.kind == "signed" else "u"
    return x.compare("une" if own == "ne" else f"o{own}", sign + own, y)


def _comparison(name: str) -> Typed:
    return lambda x, y, dtype: ordered(x, y, dtype, name)


COMPARISONS: Final[Mapping[str, Typed]] = {name: _comparison(name) for name in _PREDICATES}


def maximum(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """The larger number, NaN if one of them is."""
    return x | y if dtype.kind == "bool" else _extreme(x, y, dtype, "greater")


def minimum(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """The smaller number, NaN if one of them is."""
    return x & y if dtype.kind == "bool" else _extreme(x, y, dtype, "less")


def _extreme(x: Lanes, y: Lanes, dtype: DType, name: str) -> Lanes:
    # One instruction of x86, which gives y where one of them is NaN; it would be three if x itself
    # were chosen again below.
    chosen = where(ordered(x, y, dtype, name), x, y)
    return where(x.is_nan, math.nan, chosen) if dtype.is_float else chosen


def clip(x: Lanes, low: Lanes, high: Lanes, dtype: DType) -> Lanes:
    """min(max(x, low), high)."""
    return minimum(maximum(x, low, dtype), high, dtype)


LOGIC: Final[Mapping[str, Binary]] = {
    "logical_and": lambda x, y: nonzero(x) & nonzero(y),
    "logical_or": lambda x, y: nonzero(x) | nonzero(y),
    "logical_xor": lambda x, y: nonzero(x) ^ nonzero(y),
}


def _shifted_left(x: Lanes, y: Lanes) -> Lanes:
    """x·2ʸ modulo 2ⁿ; 0 where y is negative or not below the width."""
    inside = _inside(y)
    return where(inside, x << where(inside, y, 0), 0)


def _shifted_right(x: Lanes, y: Lanes, dtype: DType) -> Lanes:
    """⌊x/2ʸ⌋; nothing but the sign where y is negative or not below the width."""
    inside = _inside(y)
    if dtype.kind == "signed":
        return x.arithmetic_shift(where(inside, y, x.bits - 1))
    return where(inside, x >> where(inside, y, 0), 0)


def _inside(count: Lanes) -> Lanes:
    """Where a shift's count is below the width; a negative one is above it."""
    return count.compare("", "ult", count.bits)


BITS: Final[Mapping[str, Typed]] = {
    "bitwise_and": lambda x, y, dtype: x & y,
    "bitwise_or": lambda x, y, dtype: x | y,
    "bitwise_xor": lambda x, y, dtype: x ^ y,
    "bitwise_left_shift": lambda x, y, dtype: _shifted_left(x, y),
    "bitwise_right_shift": _shifted_right,
}


def _question(of_real: Unary, of_whole: bool) -> Unary:
    """A question that has one answer for all integers and masks."""

    def ask(x: Lanes) -> Lanes:
        if x.is_real:
            return of_real(x)
        return Lanes(x.b, constant(like(x.kind, "i1"), of_whole))

    return ask


KINDS: Final[Mapping[str, Unary]] = {
    "isfinite": _question(lambda x: abs(x) < math.inf, True),
    "isinf": _question(lambda x: abs(x).equals(math.inf), False),
    "isnan": _question(lambda x: x.is_nan, False),
    "logical_not": lambda x: ~nonzero(x),
    "signbit": lambda x: x.as_integer() < 0,
}
