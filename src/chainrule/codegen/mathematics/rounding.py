"""Rounding, floored division, signs and neighbors of floating-point numbers."""

from __future__ import annotations

import math

from chainrule.codegen.mathematics.lanes import Lanes, fma, unless, where

__all__ = ["floor_divide", "nextafter", "remainder", "rounded", "sign"]

_NAMES = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint"}


def rounded(x: Lanes, name: str) -> Lanes:
    """Round to an integer: floor, ceil, trunc, or round, which takes halves to the even one."""
    return x.apply(_NAMES[name]) if x.is_real else x


def sign(x: Lanes) -> Lanes:
    """−1, 0 or 1, or NaN."""
    one = where(x > 0, 1, where(x.equals(0), 0, x))
    return where(x < 0, -1, one)


def nextafter(x: Lanes, y: Lanes) -> Lanes:
    """The next number from x towards y."""
    n = x.as_integer()
    away = (x < y).equals(n >= 0)  # the bits of numbers grow with their absolute value
    stepped = (n + where(away, n.constant(1), -1)).as_real()
    smallest = n.constant(1).as_real().signed_as(y)
    made = where(x.equals(0), smallest, stepped)
    made = where(x.equals(y), y, made)
    return where(x.compare("uno", "", y), x + y, made)


def remainder(x: Lanes, y: Lanes) -> Lanes:
    """x − y⌊x/y⌋, which has the sign of y."""
    rest = _rest(x, y)
    below = (rest < 0).differs(y < 0)
    moved = where(below, rest + y, rest)
    return where(rest.equals(0), rest.signed_as(y), moved)


def floor_divide(x: Lanes, y: Lanes) -> Lanes:
    """⌊x/y⌋ of the quotient before it is rounded; by the limit where one of them is infinite."""
    rest = _rest(x, y)
    below = rest.differs(0) & (rest < 0).differs(y < 0)
    whole = (x - rest) / y
    whole = where(below, whole - 1, whole)
    floor = whole.apply("floor")  # the sum above may be rounded: x − rest is no multiple then
    whole = where(whole - floor > 0.5, floor + 1, floor)
    plain = x / y
    made = where(whole.equals(0), whole.signed_as(plain), whole)
    finite = (abs(x) < math.inf) & (abs(y) < math.inf) & y.differs(0)
    return where(finite, made, plain.apply("floor"))


def _rest(x: Lanes, y: Lanes) -> Lanes:
    """x − y·trunc(x/y), exactly.

    Where the quotient has few digits, its integer part q is right or one too large, and x − q·y
    is exact in any case. Elsewhere LLVM's own remainder, one lane after another.
    """
    if not x.b.module.fma:
        return Lanes(x.b, x.b.binary("frem", x.value, y.value))
    many = 2.0**50 if x.bits == 64 else 2.0**21
    quotient = (x / y).apply("trunc")
    rest = fma(-quotient, y, x)
    wrong = rest.differs(0) & (rest < 0).differs(x < 0)
    rest = where(wrong, rest + abs(y).signed_as(x), rest)
    rest = where(abs(y).equals(math.inf) & (abs(x) < math.inf), x, rest).signed_as(x)
    slow = abs(quotient) >= many
    return unless(slow, rest, lambda: Lanes(x.b, x.b.binary("frem", x.value, y.value)))
