"""Sizes as symbols: which axis name an integer of the program stands for.

A function is recorded at several sets of sizes, pairwise different primes. A number that follows a
monomial of the sizes in all recordings, as 1/n or 1/√d, is that monomial; any other number that
changes from one recording to the next has no formula, and stays what it was in the first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from chainrule.algebra.index import Atom, Factor, Term, rational

__all__ = ["Sizes"]

Monomials = list[tuple[tuple[Factor, ...], tuple[float, ...]]]

_EXPONENTS = [Fraction(e) for e in (1, -1)] + [Fraction(1, 2), Fraction(-1, 2)]
_EXPONENTS += [Fraction(e) for e in (2, -2)]


@dataclass(frozen=True)
class Sizes:
    """The size of every axis name in each recording."""

    named: Mapping[str, tuple[int, ...]]

    @property
    def recordings(self) -> int:
        """How many recordings there are."""
        return len(next(iter(self.named.values()), (0,)))

    def symbol(self, values: Sequence[int]) -> str:
        """Name an axis of these sizes: ``n``, ``3``, ``n·k`` or ``n−1``."""
        if len(set(values)) == 1 and (len(values) > 1 or values[0] == 1):
            return str(values[0])
        for name, sizes in self.named.items():
            if sizes == tuple(values):
                return name
        for (a, left), (b, right) in itertools.combinations_with_replacement(self.named.items(), 2):
            if all(x * y == v for x, y, v in zip(left, right, values, strict=True)):
                return f"{a}·{b}"
            if all(x + y == v for x, y, v in zip(left, right, values, strict=True)):
                return f"{a}+{b}" if a != b else f"2{a}"
        for name, sizes in self.named.items():
            offsets = {v - s for s, v in zip(sizes, values, strict=True)}
            if len(offsets) == 1:
                return f"{name}{min(offsets):+d}".replace("-", "−")
        return str(values[0])

    def number(self, values: Sequence[float]) -> Term:
        """Give the term that stands for a constant with these values."""
        first = values[0]
        if all(v == first for v in values):
            return Term(rational(first))
        for factors, worth in self._monomials:
            ratios = [v / w for v, w in zip(values, worth, strict=True)]
            if all(math.isclose(r, ratios[0], rel_tol=1e-9) for r in ratios):
                return Term(rational(ratios[0]), factors)
        return Term(rational(first))

    @cached_property
    def _monomials(self) -> Monomials:
        """The monomials to try, simple ones first, with their values."""
        bases = [(Atom("size", (name, 0)), s) for name, s in self.named.items()]
        less = [(Atom("size", (n, -1)), tuple(x - 1 for x in s)) for n, s in self.named.items()]
        single: Monomials = [
            ((Factor(atom, (), e),), tuple(float(x) ** float(e) for x in sizes))
            for e in _EXPONENTS
            for atom, sizes in (*bases, *less)
            if min(sizes) > 0
        ]
        double: Monomials = [
            (f + g, tuple(x * y for x, y in zip(v, w, strict=True)))
            for (f, v), (g, w) in itertools.combinations(single, 2)
            if f[0].atom != g[0].atom
        ]
        return single + double
