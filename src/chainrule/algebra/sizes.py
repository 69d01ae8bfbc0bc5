"""Sizes as symbols: which axis name an integer of the program stands for.

A function is recorded at several sets of sizes, pairwise different primes. A number that follows a
monomial of the sizes in all recordings, as 1/n or 1/√d, is that monomial; any other number that
changes from one recording to the next has no formula, and stays what it was in the first.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chainrule.algebra.index import Atom, Factor, Term, rational

__all__ = ["RECORDINGS", "Sizes", "combined", "linear", "multiplied", "stepped"]

Part = tuple[Atom, tuple[int, ...]]
Monomials = list[tuple[tuple[Factor, ...], tuple[float, ...]]]

_EXPONENTS = [Fraction(e) for e in (1, -1)] + [Fraction(1, 2), Fraction(-1, 2)]
_EXPONENTS += [Fraction(e) for e in (2, -2)]

RECORDINGS = 3
_MOST_LESS, _MOST_STEP = 13, 4

_SUMMAND = re.compile(r"([+−]?)(\d*)((?:⌊\([^⌋]*⌋|[^+−])*)")  # ⌊(n−1)/2⌋ is one symbol


def linear(size: str) -> dict[str, int]:
    """A size as numbers times symbols, that of "" alone: n−m+2 is {"n": 1, "m": −1, "": 2}."""
    form: dict[str, int] = {}
    for sign, count, symbol in _SUMMAND.findall(size):
        if count or symbol:
            times = -1 if sign == "−" else 1
            is_count = symbol and not symbol.startswith("·")  # 2n, but 2·n is one symbol
            value = int(count or 1) if is_count or not symbol else 1
            name = symbol if is_count or not symbol else count + symbol
            form[name] = form.get(name, 0) + times * value
    return form


def combined(*parts: tuple[int, str]) -> str:
    """A sum of sizes, each times a whole number: n − (m − 1) is n−m+1."""
    total: dict[str, int] = {}
    for times, size in parts:
        for symbol, count in linear(size).items():
            total[symbol] = total.get(symbol, 0) + times * count
    order = sorted((s for s, c in total.items() if c), key=lambda s: (not s, total[s] < 0))
    shown = ""
    for symbol in order:
        count = abs(total[symbol])
        word = f"{'' if symbol and count == 1 else count}{symbol}"
        shown += ("−" if total[symbol] < 0 else "+" if shown else "") + word
    return shown or "0"


def multiplied(sizes: Sequence[str]) -> str:
    """The product of sizes: n·d, and n·d+m·d of (n+m)·d; 1 if there are none."""
    if not any(sign in size for size in sizes for sign in "+−"):
        return "·".join(sizes) or "1"
    parts: list[tuple[int, tuple[str, ...]]] = [(1, ())]
    for size in sizes:
        parts = [
            (count * times, (*symbols, symbol) if symbol else symbols)
            for count, symbols in parts
            for symbol, times in linear(size).items()
        ]
    return combined(*((count, "·".join(symbols) or "1") for count, symbols in parts))


def stepped(size: str, step: int) -> str | None:
    """How many there are in steps: ⌈n/2⌉ of n, ⌊n/2⌋ of n−1; None if there is no word for it."""
    if size.isdigit():
        return str(-(-int(size) // step))
    if step == 1:
        return size
    form = linear(size)
    less, (symbol, *more) = form.pop("", 0), [*form, ""]
    if more != [""] or form.get(symbol) != 1 or less not in (0, -1):
        return None
    if less:
        return f"⌊{symbol}/2⌋" if step == 2 else None
    return f"⌈{symbol}/{step}⌉"


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
        return self.known(values) or str(values[0])

    def offset(self, values: Sequence[int]) -> int | str | None:
        """A place in all recordings: a number, or a symbol such as ``n−1``; None if unknown."""
        if len(set(values)) == 1:
            return values[0]
        found = self.known(values)
        if found is not None:
            return found
        found = self.known([-v for v in values])
        return None if found is None else combined((-1, found))

    def known(self, values: Sequence[int]) -> str | None:
        """The symbol for numbers that follow the sizes; None if they are of fewer recordings."""
        if self.named and len(values) != self.recordings:
            return None
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
        return self._shifted(values) or self._apart(values) or self._stepped(values)

    def _shifted(self, values: Sequence[int]) -> str | None:
        """A size and a number, as n−1; the smallest number that does."""
        found: list[tuple[int, str]] = []
        for name, sizes in self.named.items():
            offsets = {v - s for s, v in zip(sizes, values, strict=True)}
            if len(offsets) == 1:
                found.append((min(offsets), name))
        least = min(found, key=lambda pair: abs(pair[0]), default=None)
        return None if least is None else f"{least[1]}{least[0]:+d}".replace("-", "−")

    def _apart(self, values: Sequence[int]) -> str | None:
        """The difference of two sizes and a number, as n−m+1, unless two of them would do."""
        found: list[str] = []
        for (a, left), (b, right) in itertools.permutations(self.named.items(), 2):
            offsets = {v - x + y for x, y, v in zip(left, right, values, strict=True)}
            if len(offsets) == 1 and self.recordings > 1:
                more = str(min(offsets)).replace("-", "−")
                found.append(combined((1, a), (-1, b), (1, more)))
        return found[0] if len(found) == 1 else None

    def _stepped(self, values: Sequence[int]) -> str | None:
        """A part of a size, as ⌈n/2⌉, which x[::2] has."""
        for name, sizes in self.named.items():
            for step in range(2, 5) if self.recordings > 1 else ():
                if all(v == -(-s // step) for s, v in zip(sizes, values, strict=True)):
                    return f"⌈{name}/{step}⌉"
            if self.recordings > 1 and all(v == s // 2 for s, v in zip(sizes, values, strict=True)):
                return f"⌊{name}/2⌋"
            if self.recordings > 1 and all(
                v == (s - 1) // 2 for s, v in zip(sizes, values, strict=True)
            ):
                return f"⌊({name}−1)/2⌋"  # where the lower one of the middle two stands
        return self._windows(values) if self.recordings > 1 else None

    def _windows(self, values: Sequence[int]) -> str | None:
        """How many windows lie in an axis, as ⌊(n−2)/2⌋, unless two such numbers would do."""
        found = [
            (name, less, step)
            for name, sizes in self.named.items()
            for step in range(2, 2 * _MOST_STEP + 1)
            for less in range(1 - step, _MOST_LESS)
            if all(v == (s - less) // step for s, v in zip(sizes, values, strict=True))
        ]
        name, less, step = found[0] if len(found) == 1 else ("", 0, 0)
        if not less >= 0 or not 0 < step <= _MOST_STEP:
            return None
        return f"⌊({name}−{less})/{step}⌋" if less else f"⌊{name}/{step}⌋"

    def number(self, values: Sequence[float]) -> Term:
        """Give the term that stands for a constant with these values."""
        first = values[0]
        if all(v == first for v in values):
            return Term(rational(first))
        for factors, worth in self._monomials:
            if _are_proportional(values, worth):
                return Term(rational(values[0] / worth[0]), factors)
        return self._mean(values) or Term(rational(first))

    def _mean(self, values: Sequence[float]) -> Term | None:
        """What a mean over windows divides by, or one over that: n·(h−2)·(w−2), ⌊(t−1)/2⌋."""
        if self.recordings < RECORDINGS or 0 in values:
            return None
        products, growth = self._products
        wanted = np.diff(np.log(np.abs(values)))
        for power in (-1, 1):
            (found,) = np.nonzero(np.all(np.abs(power * growth - wanted) < 1e-9, axis=1))
            for place in found[:1]:
                worth = math.prod(counts[0] for _, counts in products[place]) ** Fraction(power)
                factors = tuple(Factor(a, (), Fraction(power)) for a, _ in products[place])
                return Term(rational(values[0] / float(worth)), factors)
        return None

    @cached_property
    def _products(self) -> tuple[list[list[Part]], npt.NDArray[np.float64]]:
        """Sizes and numbers of windows, multiplied, and how their logarithms grow."""
        found: list[list[Part]] = []
        names: dict[str, Part] = {n: (Atom("size", (n, 0)), s) for n, s in self.named.items()}
        for step, less in itertools.product(range(1, _MOST_STEP + 1), range(-1, _MOST_LESS)):
            parts = self._parts(step, less)
            for count, more in itertools.product((1, 2), range(3)):
                for chosen in itertools.combinations(parts, count):
                    rest = [part for name, part in names.items() if name not in chosen]
                    found += [
                        [*others, *(parts[name] for name in chosen)]
                        for others in itertools.combinations(rest, more)
                    ]
        counts = [[counts for _, counts in product] for product in found]
        growth = [np.diff(np.log(np.asarray(c, float)), axis=1).sum(axis=0) for c in counts]
        return found, np.reshape(growth, (-1, RECORDINGS - 1))

    def _parts(self, step: int, less: int) -> dict[str, Part]:
        """For each name how many windows lie in its axis, as a factor and in numbers."""
        found: dict[str, Part] = {}
        for name, sizes in self.named.items():
            counts = tuple((s - less) // step for s in sizes)
            shown = f"⌊({name}−{less})/{step}⌋" if less else f"⌊{name}/{step}⌋"
            if less < 0:
                shown = f"⌈{name}/{step}⌉"
            if min(counts) > 0 and (less >= 0 or step == 2):
                atom = Atom("size", (name, -less) if step == 1 else (shown, 0))
                found[name] = (atom, counts)
        return found

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


def _are_proportional(values: Sequence[float], worth: Sequence[float]) -> bool:
    ratios = [v / w for v, w in zip(values, worth, strict=True)]
    return all(math.isclose(r, ratios[0], rel_tol=1e-9) for r in ratios)
