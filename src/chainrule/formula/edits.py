"""A search for the one edit that makes a derivation right, which is what was wrong with it.

Edits that say most come first: an activation's derivative that was forgotten, a sign, a
transpose, a factor, another name, another function; then whatever factor is missing or too much.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from chainrule.errors import FormulaError
from chainrule.formula import typeset as ts
from chainrule.formula.grade import Finding
from chainrule.formula.grammar import Syntax
from chainrule.formula.lines import inlined
from chainrule.formula.notation import UNICODE, spelled
from chainrule.formula.numeric import natural
from chainrule.formula.parse import Names, Reader
from chainrule.formula.program import Program
from chainrule.formula.rewrites import (
    DERIVATIVES,
    ONE,
    OWN,
    RELATED,
    binary,
    exchanged,
    named,
    regrouped,
    text_of,
    turned_products,
)
from chainrule.formula.shapes import Shape
from chainrule.formula.slopes import with_slopes

__all__ = ["repaired"]

Path = tuple[int, ...]
Edit = tuple[Finding, Syntax]
_MOST = 6000


def repaired(program: Program, syntax: Syntax, quick: bool = False) -> Finding | None:
    """The finding of the first edit that makes the derivation right.

    The quick search tries activation derivatives, transposes and names only.
    """
    wider, slopes = with_slopes(program)
    found = _Search(wider, syntax, slopes)
    with np.errstate(all="ignore"):
        for count, (finding, candidate) in enumerate(found.likely() if quick else found.edits()):
            if count > _MOST:
                return None
            if _right(wider, candidate):
                return finding
    return None


def _right(program: Program, syntax: Syntax) -> bool:
    """Whether a syntax evaluates to the derivative at all points."""
    try:
        term = Reader("", program.names).whole(syntax, program.dims)
        if term.meta is not None:
            return False
        for point in program.points:
            value = program.evaluator(point)(term.tree)
            value = natural(value, term.rank) if term.rank < 2 else value
            if not program.matches(value, point.truth):
                return False
    except (
        FormulaError,
        ArithmeticError,
        ValueError,
        IndexError,
        TypeError,
        np.linalg.LinAlgError,
    ):
        return False
    return True


# ---------------------------------------------------------------- the search


@dataclass(frozen=True)
class _Place:
    """A part of the derivation that has a value of its own."""

    path: Path
    syntax: Syntax
    shape: Shape


class _Search:
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

    def likely(self) -> Iterator[Edit]:
        """The edits that people need most."""
        for group in (self._names, self._transposes, self._slopes, self._own_slopes):
            yield from group()

    def edits(self) -> Iterator[Edit]:
        """All edits, those that say most first."""
        yield from self.likely()
        for group in (
            self._signs, self._identities, self._numbers, self._sizes, self._functions,
            self._operators, self._powers, self._extra, self._weights, self._scalars,
            self._elementwise, self._products,
            self._sums, self._deleted,
        ):  # fmt: skip
            yield from group()

    def put(self, place: _Place, new: Syntax) -> Syntax:
        return _put(self.syntax, place.path, new)

    def _slopes(self) -> Iterator[Edit]:
        """Derivatives of the program's activations, as factors that were forgotten."""
        for name, words in self.slopes.items():
            shape = self.program.names.shapes[name]
            finding = Finding(
                "missing activation derivative",
                f"the derivative of the activation is missing: {words}",
            )
            factor = Syntax("value", name)
            for place in self.places:
                if (
                    _could_be(place.shape, shape) or not place.shape or not shape
                ) and place.syntax.kind != "name":
                    yield finding, self.put(place, binary("*", place.syntax, factor))
                if _could_be(place.shape, shape) and place.syntax.kind == "name":
                    yield finding, self.put(place, factor)
                    if shape and place.syntax.text not in self.before.get(name, ()):
                        yield finding, self.put(place, binary("*", place.syntax, factor))
                if len(shape) == 1 and place.shape[:1] == shape and len(place.shape) == 2:
                    diagonal = Syntax("call", "diag", (factor,))
                    yield finding, self.put(place, binary("@", diagonal, place.syntax))

    def _own_slopes(self) -> Iterator[Edit]:
        """An activation in the text where its derivative belongs."""
        for place in self.places:
            s = place.syntax
            if s.kind == "call" and len(s.parts) == 1 and s.text in OWN:
                kind = (
                    "not differentiated"
                    if s.text == "softplus"
                    else "missing activation derivative"
                )
                finding = Finding(
                    kind, f"you want {s.text}′, {OWN[s.text][0]}, in place of {text_of(s)}"
                )
                yield finding, self.put(place, OWN[s.text][1](s, s.parts[0]))

    def _signs(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "op" and s.text in "+−":
                other = "−" if s.text == "+" else "+"
                yield Finding("sign", f"the sign of {text_of(s.parts[1])} is wrong"), self.put(
                    place, replace(s, text=other))  # fmt: skip
            elif s.kind in ("name", "call", "op", "juxtaposed", "power", "index"):
                yield Finding("sign", f"the sign of {text_of(s)} is wrong"), self.put(
                    place, Syntax("minus", "", (s,)))  # fmt: skip

    def _transposes(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "transposed" or (s.kind == "attribute" and s.text == "T"):
                words = f"you want {text_of(s.parts[0])}, not its transpose"
                yield Finding("transpose", words), self.put(place, s.parts[0])
            elif len(place.shape) == 2:
                yield Finding("transpose", f"you want {text_of(s)}ᵀ"), self.put(
                    place, Syntax("transposed", "", (s,)))  # fmt: skip

        for name in {
            p.syntax.text for p in self.places if p.syntax.kind == "name" and len(p.shape) == 2
        }:
            turned = Syntax("transposed", "", (Syntax("name", name),))
            words = f"you want {spelled(name)}ᵀ for {spelled(name)} everywhere"
            yield Finding("transpose", words), inlined(self.syntax, {name: turned})

    def _numbers(self) -> Iterator[Edit]:
        for number in ("2", "1/2", "3", "1/3", "4", "1/4"):
            for place in self.places:
                finding = Finding("factor", f"{text_of(place.syntax)} needs the factor {number}")
                yield finding, self.put(place, binary("*", Syntax("number", number), place.syntax))

    def _sizes(self) -> Iterator[Edit]:
        for size in sorted(self.program.names.sizes):
            for place in self.places:
                shown = text_of(place.syntax)
                yield Finding("missing mean", f"1/{size} is missing at {shown}"), self.put(
                    place, binary("/", place.syntax, Syntax("size", size)))  # fmt: skip
                more = Finding("factor of a size", f"the factor {size} is missing at {shown}")
                yield more, self.put(place, binary("*", place.syntax, Syntax("size", size)))

    def _identities(self) -> Iterator[Edit]:
        eye = Syntax("name", "I")
        for place in [*self.places, *self.literals]:
            if not place.shape:
                shown = text_of(place.syntax)
                words = f"you want {shown}·I, not a number that is added to every entry"
                finding = Finding("scalar instead of identity", words)
                yield finding, self.put(place, binary("·", place.syntax, eye))

    def _functions(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "call" and s.text == "kron":
                words = (
                    "you want the Khatri–Rao product, column by column, not the Kronecker product"
                )
                yield Finding("wrong product", words), self.put(place, binary("⊛", *s.parts))
            if s.kind != "call" or len(s.parts) != 1:
                continue
            if s.text != "sum":
                words = f"you want {text_of(s.parts[0])} itself, not {s.text} of it"
                yield Finding("wrong variable", words), self.put(place, s.parts[0])
            for other in RELATED.get(s.text, ()):
                kind = (
                    "not differentiated"
                    if other in DERIVATIVES.get(s.text, ())
                    else "wrong function"
                )
                yield Finding(kind, f"you want {other} in place of {s.text}"), self.put(
                    place, replace(s, text=other))  # fmt: skip

    def _names(self) -> Iterator[Edit]:
        for place in self.places:
            text = place.syntax.text
            if place.syntax.kind != "name":
                continue
            if text in self.program.question.names:
                yield (
                    Finding("not differentiated", f"{spelled(text)} itself has the derivative 1"),
                    self.put(place, ONE),
                )
            for name, shape in self.shapes.items():
                plain = name[0] != "⟨" or name.startswith("⟨relu")
                if len(shape) == len(place.shape) and name != text and plain:
                    finding = self._instead(name, text)
                    yield finding, self.put(place, named(name))

        yield from self._renamed()

    def _renamed(self) -> Iterator[Edit]:
        """A name in place of another at all its places, or at all but one."""
        for name, other in itertools.permutations([n for n in self.shapes if n[0] != "⟨"], 2):
            places = [p for p in self.places if p.syntax.kind == "name" and p.syntax.text == name]
            finding = Finding(
                "wrong variable", f"you want {spelled(other)} in place of {spelled(name)}"
            )
            for kept in (None, *places) if 1 < len(places) < 5 else ():
                made = self.syntax
                for place in places:
                    if place is not kept:
                        made = _put(made, place.path, Syntax("name", other))
                yield finding, made

    def _instead(self, name: str, text: str) -> Finding:
        """A name in place of another; one that lacks what the other subtracts is a missing term."""
        known = self.program.known.get(name)
        if isinstance(known, ts.Plus) and any(
            isinstance(p, ts.Symbol) and p.name == text for p in known.parts
        ):
            return Finding(
                "missing term",
                f"you want {spelled(name)} = {UNICODE(known)} in place of {spelled(text)}",
            )
        return Finding(
            "wrong variable", f"you want {spelled(name).strip('⟨⟩')} in place of {spelled(text)}"
        )

    def _operators(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "op" and s.text in "*@⊙·":
                for kind, words, made in (*exchanged(s), *turned_products(s), *regrouped(s)):
                    yield Finding(kind, words), self.put(place, made)

    def _factors(self, rank: int) -> Iterator[Syntax]:
        for name, shape in self.shapes.items():
            if len(shape) == rank:
                yield named(name)

    def _scalars(self) -> Iterator[Edit]:
        """Scalars that were forgotten: named ones, their inverses, norms."""
        norms: list[Syntax] = [
            Syntax("norm", "", (Syntax("name", n),))
            for n, s in self.shapes.items()
            if s and n[0] != "⟨"
        ]
        for factor in [*self._factors(0), *norms]:
            for place in self.places:
                missing = Finding(
                    "missing factor",
                    f"the factor {text_of(factor)} is missing at {text_of(place.syntax)}",
                )
                below = Finding(
                    "missing factor",
                    f"the factor 1/{text_of(factor)} is missing at {text_of(place.syntax)}",
                )
                yield missing, self.put(place, binary("*", place.syntax, factor))
                yield below, self.put(place, binary("/", place.syntax, factor))

    def _elementwise(self) -> Iterator[Edit]:
        for rank in (1, 2):
            for factor in self._factors(rank):
                shape = self.shapes[factor.text]
                for place in self.places:
                    if not _could_be(place.shape, shape):
                        continue
                    finding = Finding(
                        "missing factor",
                        f"the factor {text_of(factor)} is missing at {text_of(place.syntax)}",
                    )
                    one_less = binary("−", Syntax("number", "1"), factor)
                    yield finding, self.put(place, binary("*", place.syntax, factor))
                    yield finding, self.put(place, binary("/", place.syntax, factor))
                    yield finding, self.put(place, binary("*", place.syntax, one_less))
                    more = Finding(
                        "missing term",
                        f"{text_of(factor)} is missing beside {text_of(place.syntax)}",
                    )
                    yield more, self.put(place, binary("−", place.syntax, factor))
                    yield more, self.put(place, binary("+", place.syntax, factor))
                    yield more, self.put(place, binary("−", factor, place.syntax))

    def _products(self) -> Iterator[Edit]:
        """Matrix factors that were forgotten, on either side, and their transposes and inverses."""
        for factor in [*self._factors(2), *self._factors(1)]:
            shape = self.shapes[factor.text]
            turned = Syntax("transposed", "", (factor,))
            forms = [factor, turned] if len(shape) == 2 else []
            if len(shape) == 2 and shape[0] == shape[1]:
                forms.append(Syntax("call", "inv", (factor,)))
            for place in self.places:
                if len(shape) == 1 and len(place.shape) == 1:
                    finding = Finding(
                        "missing factor",
                        f"the factor {text_of(factor)}ᵀ is missing at {text_of(place.syntax)}",
                    )
                    yield finding, self.put(place, Syntax("call", "outer", (place.syntax, factor)))
                if len(shape) == 1 and not place.shape:
                    finding = Finding(
                        "missing factor",
                        f"the factor {text_of(factor)} is missing at {text_of(place.syntax)}",
                    )
                    yield finding, self.put(place, binary("*", place.syntax, factor))
                if len(shape) == 2 and shape[0] == shape[1] and len(place.shape) == 2:
                    for form in forms:
                        words = (
                            f"{text_of(form)} is missing on both sides of {text_of(place.syntax)}"
                        )
                        finding = Finding("missing factor", words)
                        yield (
                            finding,
                            self.put(place, binary("@", binary("@", form, place.syntax), form)),
                        )
                for form in forms if place.shape else ():
                    finding = Finding(
                        "missing factor",
                        f"the factor {text_of(form)} is missing at {text_of(place.syntax)}",
                    )
                    yield finding, self.put(place, binary("@", form, place.syntax))
                    yield finding, self.put(place, binary("@", place.syntax, form))

    def _powers(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            finding = Finding("wrong power", f"the power of {text_of(s)} is wrong")
            if s.kind == "power" and len(place.shape) == 2:
                matrix = replace(s, text="^" if s.text != "^" else "**")
                words = f"{text_of(s)} is a power of the matrix, not of its elements"
                yield Finding("matrix vs elementwise", words), self.put(place, matrix)
            if s.kind == "op" and s.text in "/⊘" and len(place.shape) == 2:
                inverse = Syntax("call", "inv", (s.parts[1],))
                for form in (inverse, Syntax("transposed", "", (inverse,))):
                    product = form if s.parts[0] == ONE else binary("@", s.parts[0], form)
                    words = f"you want the inverse matrix of {text_of(s.parts[1])}"
                    yield Finding("matrix vs elementwise", words), self.put(place, product)
            if s.kind == "power":
                yield finding, self.put(place, s.parts[0])
                for other in (
                    binary("−", s.parts[1], Syntax("number", "1")),
                    binary("+", s.parts[1], Syntax("number", "1")),
                ):
                    yield finding, self.put(place, replace(s, parts=(s.parts[0], other)))
            else:
                yield finding, self.put(place, Syntax("power", "**", (s, Syntax("number", "2"))))

    def _sums(self) -> Iterator[Edit]:
        for place in self.places:
            for axis in range(len(place.shape)):
                finding = Finding(
                    "shape", f"{text_of(place.syntax)} is to be summed over axis {axis}"
                )
                yield (
                    finding,
                    self.put(
                        place, Syntax("call", "sum", (place.syntax, Syntax("number", str(axis))))
                    ),
                )
            if place.shape:
                finding = Finding("shape", f"{text_of(place.syntax)} is to be summed")
                yield finding, self.put(place, Syntax("call", "sum", (place.syntax,)))
            s = place.syntax
            if s.kind == "call" and s.text in ("sum", "mean", "diag", "dot") and s.parts:
                yield Finding("shape", f"{s.text} is too much"), self.put(place, s.parts[0])
            if s.kind == "call" and s.text == "dot":
                words = "the product is taken element by element"
                yield (
                    Finding("matrix vs elementwise", words),
                    self.put(place, binary("*", *s.parts[:2])),
                )

    def _extra(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "op" and s.text in "+−":
                yield (
                    Finding("extra term", f"{text_of(s.parts[1])} is too much"),
                    self.put(place, s.parts[0]),
                )
                yield (
                    Finding("extra term", f"{text_of(s.parts[0])} is too much"),
                    self.put(place, s.parts[1]),
                )

    def _weights(self) -> Iterator[Edit]:
        """Weights of rows and columns: diag(v) A."""
        for factor in self._factors(1):
            shape = self.shapes[factor.text]
            diagonal = Syntax("call", "diag", (factor,))
            for place in self.places:
                finding = Finding(
                    "missing factor",
                    f"the weights {text_of(factor)} are missing at {text_of(place.syntax)}",
                )
                if len(place.shape) == 2 and place.shape[:1] == shape:
                    yield finding, self.put(place, binary("@", diagonal, place.syntax))
                    yield (
                        finding,
                        self.put(
                            place, binary("@", Syntax("call", "inv", (diagonal,)), place.syntax)
                        ),
                    )

    def _deleted(self) -> Iterator[Edit]:
        for place in self.places:
            s = place.syntax
            if s.kind == "op" and s.text in "+−*/@·⊙⊘":
                kind = "extra term" if s.text in "+−" else "extra factor"
                yield (
                    Finding(kind, f"{text_of(s.parts[1])} is too much"),
                    self.put(place, s.parts[0]),
                )
                yield (
                    Finding(kind, f"{text_of(s.parts[0])} is too much"),
                    self.put(place, s.parts[1]),
                )


def _could_be(one: Shape, two: Shape) -> bool:
    return len(one) == len(two) and all(a == b or "?" in a for a, b in zip(one, two, strict=True))


_VALUED = frozenset(
    {
        "name",
        "number",
        "op",
        "juxtaposed",
        "transposed",
        "power",
        "call",
        "attribute",
        "norm",
        "index",
    }
)


def _places(syntax: Syntax, names: Names, path: Path = ()) -> Iterator[_Place]:
    """The parts that have a value, outer ones first."""
    if syntax.kind in _VALUED:
        try:
            reader = Reader("", names)
            term = reader.read(syntax)
            if term.meta is None:
                yield _Place(path, syntax, reader.unknowns.shape(term.shape))
        except (FormulaError, IndexError, TypeError, ValueError):
            if syntax.kind == "op":
                yield _Place(path, syntax, ())
    if (
        syntax.kind in ("slice", "string")
        or syntax.text in ("len", "ones_like", "zeros_like")
        or (syntax.kind == "attribute" and syntax.text != "T")
    ):
        return
    for k, part in enumerate(syntax.parts):
        if part.kind not in ("tuple", "keyword", "star"):
            yield from _places(part, names, (*path, k))


def _put(syntax: Syntax, path: Path, new: Syntax) -> Syntax:
    if not path:
        return new
    parts = list(syntax.parts)
    parts[path[0]] = _put(parts[path[0]], path[1:], new)
    return replace(syntax, parts=tuple(parts))
