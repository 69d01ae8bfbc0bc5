"""Numbers that are known by a root: 0.7071… is 1/√2, and 0.3989… is 1/√(2π)."""

from __future__ import annotations

import math
from fractions import Fraction

from chainrule.algebra.index import rational
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number
from chainrule.formula.typeset.tree import Tree

__all__ = ["rooted"]

_HALF = ts.Number((), Fraction(1, 2))
_PI = ts.Symbol((), "π")
_MOST = 20


def rooted(value: Fraction | float) -> Tree | None:
    """A number as a ratio of roots of small numbers and of π; None if it is no such number."""
    if not isinstance(value, float) or not 1e-3 < value < 1e3:
        return None
    for power in (0, 1, -1):
        square = rational(value * value / math.pi**power)
        if isinstance(square, Fraction) and max(square.as_integer_ratio()) <= _MOST:
            top, bottom = square.as_integer_ratio()
            above, below = _root(top, power > 0), _root(bottom, power < 0)
            return above if below == number(1) else ts.Quotient((), above, below)
    return None


def _root(value: int, pi: bool) -> Tree:
    """√value, or √(value π)."""
    whole = math.isqrt(value)
    if not pi and whole * whole == value:
        return number(whole)
    if not pi:
        return ts.Power((), number(value), _HALF)
    inside = _PI if value == 1 else ts.Product((), (number(value), _PI))
    return ts.Power((), inside, _HALF)
