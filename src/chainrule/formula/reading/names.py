"""The names that a derivation may use, with their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.calls import FUNCTIONS
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Vocabulary

__all__: list[str] = ["Names"]


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
        object.__setattr__(self, "printed", {spelled(n): n for n in (*self.sizes, *self.shapes)})

    @property
    def vocabulary(self) -> Vocabulary:
        """The names as they are printed, and the functions."""
        return Vocabulary(
            frozenset({*self.printed, "I", "π"}),
            FUNCTIONS,
            {spelled(n): len(s) for n, s in self.shapes.items()},
        )

    def also(self, more: Mapping[str, Shape]) -> Names:
        """These names and some more."""
        return Names({**self.shapes, **more}, self.sizes, self.numbers)
