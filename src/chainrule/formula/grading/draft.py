"""A derivation under repair: its parts, each with its place and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chainrule.errors import FormulaError
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import Program
from chainrule.formula.grading.rewrites import (
    named,
)
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.parse import Reader
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Syntax

__all__: list[str] = []

Path = tuple[int, ...]
Edit = tuple[Finding, Syntax]


@dataclass(frozen=True)
class Place:
    """A part of the derivation that has a value of its own."""

    path: Path
    syntax: Syntax
    shape: Shape


class Draft:
    """A derivation, the places in it, and the names that may stand there."""

    def __init__(self, program: Program, syntax: Syntax, slopes: Mapping[str, str]) -> None:
        self.program, self.syntax, self.slopes = program, syntax, slopes
        found = list(_places(syntax, program.names))
        self.places = [p for p in found if p.syntax.kind != "number"]
        self.literals = [p for p in found if p.syntax.kind == "number"]
        self.before: dict[str, tuple[str, ...]] = {}
        self.shapes: dict[str, Shape] = {
            n: s
            for n, s in program.names.shapes.items()
            if n not in slopes and n not in program.own
        }

    def put(self, place: Place, new: Syntax) -> Syntax:
        return put(self.syntax, place.path, new)

    def factors(self, rank: int) -> Iterator[Syntax]:
        for name, shape in self.shapes.items():
            if len(shape) == rank:
                yield named(name)


def could_be(one: Shape, two: Shape) -> bool:
    return len(one) == len(two) and all(a == b or "?" in a for a, b in zip(one, two, strict=True))


_VALUED = frozenset({
    "name", "number", "op", "juxtaposed", "transposed", "power", "call", "attribute", "norm",
    "index",
})  # fmt: skip


def _places(syntax: Syntax, names: Names, path: Path = ()) -> Iterator[Place]:
    """The parts that have a value, outer ones first."""
    if syntax.kind in _VALUED:
        try:
            reader = Reader("", names)
            term = reader.read(syntax)
            if term.meta is None:
                yield Place(path, syntax, reader.unknowns.shape(term.shape))
        except (FormulaError, IndexError, TypeError, ValueError):
            if syntax.kind == "op":
                yield Place(path, syntax, ())
    if (
        syntax.kind in ("slice", "string")
        or syntax.text in ("len", "ones_like", "zeros_like")
        or (syntax.kind == "attribute" and syntax.text != "T")
    ):
        return
    for k, part in enumerate(syntax.parts):
        if part.kind not in ("tuple", "keyword", "star"):
            yield from _places(part, names, (*path, k))


def put(syntax: Syntax, path: Path, new: Syntax) -> Syntax:
    if not path:
        return new
    parts = list(syntax.parts)
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return replace(syntax, parts=tuple(parts))
