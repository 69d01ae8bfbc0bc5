"""Numbers that are known by a root: 0.7071… is 1/√2, and 0.3989… is 1/√(2π).

A formula is rewritten once, where its names are known: in a program that calls something of its own
π, a number with π in it stays a decimal.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction
from itertools import chain

from chainrule.algebra.index import rational
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import rewritten

__all__ = ["PI", "rooted"]

PI = ts.Constant((), "π", math.pi)
_HALF = ts.Number((), Fraction(1, 2))
_MOST = 20


def rooted(tree: Tree, taken: Collection[str] = ()) -> Tree:
    """The tree with its numbers as ratios of roots, and of π unless a printed name is that."""
    powers = (0,) if PI.name in taken else (0, 1, -1, 2, -2)

    def rule(part: Tree) -> Tree:
        match part:
            case ts.Quotient(top=ts.Quotient(top=top, bottom=below), bottom=bottom):
                if not _is_root(below):
                    return part
                rest = bottom.parts if isinstance(bottom, ts.Product) else (bottom,)
                return ts.Quotient(part.dims, top, ts.Product((), (below, *rest)))
            case ts.Product(parts=parts) if not any(p.dims for p in parts):
                flat = [p.parts if isinstance(p, ts.Product) else (p,) for p in parts]
                return _multiplied(list(chain.from_iterable(flat)))
            case ts.Number(value=float(value)) if 1e-3 < value < 1e3:
                return _known(value, powers) or part
        return part

    return rewritten(tree, rule)


def _multiplied(parts: list[Tree]) -> Tree:
    """A product of scalars in which at most one is a fraction: 2 · 2 is 4."""
    value = Fraction(1)
    rest = []
    for part in parts:
        if isinstance(part, ts.Number) and isinstance(part.value, Fraction):
            value *= part.value
        else:
            rest.append(part)
    kept = rest if value == 1 and rest else [number(value), *rest]
    return kept[0] if len(kept) == 1 else ts.Product((), tuple(kept))


def _is_root(tree: Tree) -> bool:
    return isinstance(tree, ts.Power) and tree.exponent == _HALF and not tree.dims


def _known(value: float, powers: Collection[int]) -> Tree | None:
    """A ratio of roots, times √π or π to the power of ±1; the power is that of √π."""
    for power in powers:
        whole = abs(power) == 2  # 2π and 2/π; no √2 π
        rest = value / math.pi ** (power / 2)
        ratio = rational(rest if whole else rest * rest)
        if isinstance(ratio, Fraction) and max(ratio.as_integer_ratio()) <= _MOST:
            top, bottom = ratio.as_integer_ratio()
            made = _with_pi if whole else _root
            above, below = made(top, power > 0), made(bottom, power < 0)
            return above if below == number(1) else ts.Quotient((), above, below)
    return None


def _with_pi(value: int, pi: bool) -> Tree:
    """The value, or value π."""
    if not pi:
        return number(value)
    return PI if value == 1 else ts.Product((), (number(value), PI))


def _root(value: int, pi: bool) -> Tree:
    """√value, or √(value π)."""
    whole = math.isqrt(value)
    if not pi and whole * whole == value:
        return number(whole)
    return ts.Power((), _with_pi(value, pi), _HALF)
