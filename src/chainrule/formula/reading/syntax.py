"""The syntax of a derivation, and the words that it may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chainrule.formula.printing.notation import spelled

__all__: list[str] = ["UNIT", "Syntax", "Vocabulary", "pieces"]


UNIT: Final = re.compile(r"e_?([0-9]+|[₀-₉]+)")
"""e₀, e_0 or e0: a column of I."""


@dataclass(frozen=True)
class Syntax:
    """A piece of a derivation.

    kind   name, number, string, op, minus, juxtaposed, transposed, power, attribute, call, keyword,
           star, index, slice, tuple, holds, norm, magnitude, total, limit, labelled, window,
           blocks, ones, zeros
    text   the name, the number, the operator, the label; of a power "^", or "**" and "∘" for
           one that is taken element by element
    """

    kind: str
    text: str = ""
    parts: tuple[Syntax, ...] = ()
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


def pieces(syntax: Syntax) -> int:
    """How many pieces of syntax it takes to write something out.

    A piece that stands in several places is counted in each, and looked at once: there may be
    2ⁿ of them.
    """
    counts: dict[int, int] = {}
    waiting = [syntax]
    while waiting:
        one = waiting[-1]
        missing = [p for p in one.parts if id(p) not in counts]
        waiting += missing
        if not missing:
            counts[id(waiting.pop())] = 1 + sum(counts[id(p)] for p in one.parts)
    return counts[id(syntax)]


@dataclass(frozen=True)
class Vocabulary:
    """Which names and functions a text may use: the names as they are printed."""

    names: frozenset[str]
    functions: frozenset[str]
    ranks: Mapping[str, int] = field(default_factory=dict)

    def pieces(self, run: str, called: bool) -> list[str]:
        """Split a run of letters into known names; the last may be a function if it is called."""
        found = self._splits(run, called)
        return found[0] if len(found) == 1 else []

    def _splits(self, run: str, called: bool) -> list[list[str]]:
        if not run:
            return [[]]
        ways = [
            [run[:size], *rest]
            for size in range(1, len(run) + 1)
            if spelled(run[:size]) in self.names or UNIT.fullmatch(run[:size])
            for rest in self._splits(run[size:], called)
        ]
        if called and run in self.functions:
            ways.append([run])
        return ways
