"""Edits of factors and terms: what is missing, and what is too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.formula.grading.draft import Draft, Edit, Place, could_be
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.rewrites import (
    ONE,
    binary,
    exchanged,
    regrouped,
    text_of,
    turned_products,
)
from chainrule.formula.reading.syntax import Syntax

__all__: list[str] = []


def numbers(draft: Draft) -> Iterator[Edit]:
    for number in ("2", "1/2", "3", "1/3", "4", "1/4"):
        for place in draft.places:
            finding = Finding("factor", f"{text_of(place.syntax)} needs the factor {number}")
            yield finding, draft.put(place, binary("*", Syntax("number", number), place.syntax))


def sizes(draft: Draft) -> Iterator[Edit]:
    for size in sorted(draft.program.names.sizes):
        for place in draft.places:
            shown = text_of(place.syntax)
            yield Finding("missing mean", f"1/{size} is missing at {shown}"), draft.put(
                place, binary("/", place.syntax, Syntax("size", size)))  # fmt: skip
            more = Finding("factor of a size", f"the factor {size} is missing at {shown}")
            yield more, draft.put(place, binary("*", place.syntax, Syntax("size", size)))


def operators(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "op" and s.text in "*@⊙·":
            for kind, words, made in (*exchanged(s), *turned_products(s), *regrouped(s)):
                yield Finding(kind, words), draft.put(place, made)


def _missing(draft: Draft, factor: Syntax, place: Place, *made: Syntax) -> Iterator[Edit]:
    """What a place may have been, if a factor was forgotten there."""
    words = f"the factor {text_of(factor)} is missing at {text_of(place.syntax)}"
    for new in made:
        yield Finding("missing factor", words), draft.put(place, new)


def scalars(draft: Draft) -> Iterator[Edit]:
    """Scalars that were forgotten: named ones, their inverses, norms."""
    norms: list[Syntax] = [
        Syntax("norm", "", (Syntax("name", n),))
        for n, s in draft.shapes.items()
        if s and n[0] != "⟨"
    ]
    for factor in [*draft.factors(0), *norms]:
        for place in draft.places:
            yield from _missing(draft, factor, place, binary("*", place.syntax, factor))
            words = f"the factor 1/{text_of(factor)} is missing at {text_of(place.syntax)}"
            below = Finding("missing factor", words)
            yield below, draft.put(place, binary("/", place.syntax, factor))


def elementwise(draft: Draft) -> Iterator[Edit]:
    for factor in [*draft.factors(1), *draft.factors(2)]:
        one_less = binary("−", ONE, factor)
        for place in draft.places:
            s = place.syntax
            if not could_be(place.shape, draft.shapes[factor.text]):
                continue
            made = binary("*", s, factor), binary("/", s, factor), binary("*", s, one_less)
            yield from _missing(draft, factor, place, *made)
            more = Finding("missing term", f"{text_of(factor)} is missing beside {text_of(s)}")
            yield more, draft.put(place, binary("−", s, factor))
            yield more, draft.put(place, binary("+", s, factor))
            yield more, draft.put(place, binary("−", factor, s))


def products(draft: Draft) -> Iterator[Edit]:
    """Matrix factors that were forgotten, on either side, and their transposes and inverses."""
    for factor in draft.factors(2):
        yield from _matrix_products(draft, factor)
    for factor in draft.factors(1):
        yield from _vector_products(draft, factor)


def _matrix_products(draft: Draft, factor: Syntax) -> Iterator[Edit]:
    rows, columns = draft.shapes[factor.text]
    forms = [factor, Syntax("transposed", "", (factor,))]
    forms += [Syntax("call", "inv", (factor,))] if rows == columns else []
    for place in draft.places:
        s = place.syntax
        for form in forms if rows == columns and len(place.shape) == 2 else ():
            words = f"{text_of(form)} is missing on both sides of {text_of(s)}"
            both = binary("@", binary("@", form, s), form)
            yield Finding("missing factor", words), draft.put(place, both)
        for form in forms if place.shape else ():
            yield from _missing(draft, form, place, binary("@", form, s), binary("@", s, form))


def _vector_products(draft: Draft, factor: Syntax) -> Iterator[Edit]:
    turned = Syntax("transposed", "", (factor,))
    for place in draft.places:
        if len(place.shape) == 1:
            outer = Syntax("call", "outer", (place.syntax, factor))
            yield from _missing(draft, turned, place, outer)
        elif not place.shape:
            yield from _missing(draft, factor, place, binary("*", place.syntax, factor))


def powers(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        finding = Finding("wrong power", f"the power of {text_of(s)} is wrong")
        if s.kind == "power" and len(place.shape) == 2:
            matrix = replace(s, text="^" if s.text != "^" else "**")
            words = f"{text_of(s)} is a power of the matrix, not of its elements"
            yield Finding("matrix vs elementwise", words), draft.put(place, matrix)
        if s.kind == "op" and s.text in "/⊘" and len(place.shape) == 2:
            inverse = Syntax("call", "inv", (s.parts[1],))
            for form in (inverse, Syntax("transposed", "", (inverse,))):
                product = form if s.parts[0] == ONE else binary("@", s.parts[0], form)
                words = f"you want the inverse matrix of {text_of(s.parts[1])}"
                yield Finding("matrix vs elementwise", words), draft.put(place, product)
        if s.kind == "power":
            yield finding, draft.put(place, s.parts[0])
            for other in (
                binary("−", s.parts[1], Syntax("number", "1")),
                binary("+", s.parts[1], Syntax("number", "1")),
            ):
                yield finding, draft.put(place, replace(s, parts=(s.parts[0], other)))
        else:
            yield finding, draft.put(place, Syntax("power", "**", (s, Syntax("number", "2"))))


def sums(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        for axis in range(len(place.shape)):
            finding = Finding("shape", f"{text_of(place.syntax)} is to be summed over axis {axis}")
            yield (
                finding,
                draft.put(
                    place, Syntax("call", "sum", (place.syntax, Syntax("number", str(axis))))
                ),
            )
        if place.shape:
            finding = Finding("shape", f"{text_of(place.syntax)} is to be summed")
            yield finding, draft.put(place, Syntax("call", "sum", (place.syntax,)))
        s = place.syntax
        if s.kind == "call" and s.text in ("sum", "mean", "diag", "dot") and s.parts:
            yield Finding("shape", f"{s.text} is too much"), draft.put(place, s.parts[0])
        if s.kind == "call" and s.text == "dot":
            words = "the product is taken element by element"
            yield (
                Finding("matrix vs elementwise", words),
                draft.put(place, binary("*", *s.parts[:2])),
            )


def extra(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "op" and s.text in "+−":
            yield (
                Finding("extra term", f"{text_of(s.parts[1])} is too much"),
                draft.put(place, s.parts[0]),
            )
            yield (
                Finding("extra term", f"{text_of(s.parts[0])} is too much"),
                draft.put(place, s.parts[1]),
            )


def weights(draft: Draft) -> Iterator[Edit]:
    """Weights of rows and columns: diag(v) A."""
    for factor in draft.factors(1):
        shape = draft.shapes[factor.text]
        diagonal = Syntax("call", "diag", (factor,))
        for place in draft.places:
            finding = Finding(
                "missing factor",
                f"the weights {text_of(factor)} are missing at {text_of(place.syntax)}",
            )
            if len(place.shape) == 2 and place.shape[:1] == shape:
                yield finding, draft.put(place, binary("@", diagonal, place.syntax))
                yield (
                    finding,
                    draft.put(place, binary("@", Syntax("call", "inv", (diagonal,)), place.syntax)),
                )


def deleted(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "op" and s.text in "+−*/@·⊙⊘":
            kind = "extra term" if s.text in "+−" else "extra factor"
            yield (
                Finding(kind, f"{text_of(s.parts[1])} is too much"),
                draft.put(place, s.parts[0]),
            )
            yield (
                Finding(kind, f"{text_of(s.parts[0])} is too much"),
                draft.put(place, s.parts[1]),
            )
