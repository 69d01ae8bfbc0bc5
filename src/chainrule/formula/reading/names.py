"""The names that a derivation may use, with their shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from chainrule.formula.printing.notation import in_ascii, spelled
from chainrule.formula.reading.calls import FUNCTIONS
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Vocabulary
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.roots import PI

__all__ = ["CONSTANTS", "Names", "instead_of_function"]

_INFINITY: Final = ts.Constant((), "∞", math.inf)
CONSTANTS: Final = {"pi": PI, "π": PI, "inf": _INFINITY, "∞": _INFINITY}
"""Numbers with a name of their own, unless the program has a value of this name."""


@dataclass(frozen=True)
class Names:
    """The names that a text may use.

    shapes    the shape of each value, by the user's name for it
    sizes     the names of the axes, which stand for numbers too
    numbers   sizes at a few points: axes that agree at all of them are equal
    """

    shapes: Mapping[str, Shape]
    sizes: frozenset[str] = frozenset()
    numbers: Sequence[Mapping[str, int]] = ()
    printed: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = (*self.sizes, *self.shapes)
        printed = {in_ascii(n): n for n in names} | {spelled(n): n for n in names}
        object.__setattr__(self, "printed", printed)

    @property
    def vocabulary(self) -> Vocabulary:
        """The names as they are printed, and the functions."""
        return Vocabulary(
            frozenset({*self.printed, "I", "π"}),
            FUNCTIONS,
            {p: len(self.shapes[n]) for p, n in self.printed.items() if n in self.shapes},
        )

    def also(self, more: Mapping[str, Shape]) -> Names:
        """These names and some more."""
        return Names({**self.shapes, **more}, self.sizes, self.numbers)

    def instead_of(self, unknown: str) -> list[str]:
        """What an error says of a name that there is not: the nearest one, and all."""
        known = sorted(spelled(n) for n in self.shapes)
        sizes = ", ".join(sorted(self.sizes))
        other = {unknown.lower(), unknown.upper()} & {*known, *self.sizes}
        near = _nearest(unknown, known) or [f"Did you mean {name!r}?" for name in sorted(other)]
        return [*near, f"There are {', '.join(known)}, and the sizes {sizes}."]


def instead_of_function(unknown: str) -> list[str]:
    """The same of a function."""
    return [*_nearest(unknown, FUNCTIONS), f"There are {', '.join(sorted(FUNCTIONS))}."]


def _nearest(unknown: str, known: Iterable[str]) -> list[str]:
    return [f"Did you mean {name!r}?" for name in get_close_matches(unknown, known, 1)]
