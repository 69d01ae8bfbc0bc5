"""Marks: a formula with its brackets, fractions and spaces decided, before a renderer draws it.

A typeset tree says what is meant; marks say what stands where. LaTeX, MathML and the layout in two
dimensions for terminals are three drawings of the same marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "Element",
    "Fenced",
    "Function",
    "Grid",
    "Lowered",
    "Mark",
    "Name",
    "Over",
    "Raised",
    "Root",
    "Row",
    "Shaped",
    "Sign",
    "Space",
    "Total",
    "Value",
    "Words",
]


@dataclass(frozen=True)
class Mark:
    """The base: something that is drawn."""


@dataclass(frozen=True)
class Name(Mark):
    """A name of the program."""

    name: str


@dataclass(frozen=True)
class Value(Mark):
    """A whole or decimal number."""

    value: Fraction | float


@dataclass(frozen=True)
class Sign(Mark):
    """A sign that stands for itself: 𝟏, I, ⊤; ``binary`` ones have space around them."""

    text: str
    binary: bool = False


@dataclass(frozen=True)
class Function(Mark):
    """The name of a function."""

    name: str


@dataclass(frozen=True)
class Words(Mark):
    """Plain words or indices."""

    text: str


@dataclass(frozen=True)
class Space(Mark):
    """A thin space."""


@dataclass(frozen=True)
class Row(Mark):
    """Marks side by side."""

    parts: tuple[Mark, ...]


@dataclass(frozen=True)
class Over(Mark):
    """A fraction."""

    top: Mark
    bottom: Mark


@dataclass(frozen=True)
class Raised(Mark):
    """An exponent, a transpose, an inverse."""

    base: Mark
    exponent: Mark


@dataclass(frozen=True)
class Lowered(Mark):
    """An index."""

    base: Mark
    index: Mark


@dataclass(frozen=True)
class Element(Mark):
    """An array read at sums of labels: X[n, i+u]."""

    base: Mark
    indices: tuple[str, ...]


@dataclass(frozen=True)
class Root(Mark):
    """A square root."""

    body: Mark


@dataclass(frozen=True)
class Fenced(Mark):
    """Something between brackets."""

    left: str
    body: Mark
    right: str


@dataclass(frozen=True)
class Grid(Mark):
    """Rows of marks, aligned in columns: the inside of a block matrix."""

    rows: tuple[tuple[Mark, ...], ...]


@dataclass(frozen=True)
class Total(Mark):
    """Σ with what it runs over below."""

    below: str


@dataclass(frozen=True)
class Shaped(Mark):
    """A factor with its shape below."""

    body: Mark
    shape: str
