"""The user's own definitions: put in where they stand, or taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from chainrule.algebra import combine
from chainrule.algebra.exponentials import Definitions
from chainrule.algebra.index import Atom, Factor, Poly, Term, fresh_labels, normal

__all__: list[str] = []


def folds(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Put the user's name where its definition stands: t ⊙ exp(Xw) is μ."""
    for atom, definition in definitions.items():
        found = with_factors_named(term, rank, atom, definition)
        found = found or _with_sum_named(term, atom, definition)
        if found is not None:
            return [found]
    return None


def with_factors_named(term: Term, rank: int, atom: Atom, definition: Poly) -> Term | None:
    """The term with the name in place of the factors that are the definition's only term."""
    if len(definition.terms) != 1:
        return None
    (pattern,) = definition.terms
    is_name = len(pattern.factors) == 1 and pattern.factors[0].atom.head == "name"
    if abs(pattern.coefficient) != 1 or not pattern.factors or is_name:
        return None
    found = _matched(pattern, term, definition.rank, rank)
    if found is None:
        return None
    used, labels = found
    rest = [f for f in term.factors if f not in used]
    whole = (*rest, *_left_over(used, pattern), Factor(atom, labels))
    return Term(term.coefficient * pattern.coefficient, whole)


def _with_sum_named(term: Term, atom: Atom, definition: Poly) -> Term | None:
    """The term with the name in place of a factor that is the definition, or its negative."""
    for f in term.factors:
        if f.atom.head != "group" or f.atom.args[0].dims != definition.dims:
            continue
        for sign in (1, -1) if f.power.denominator == 1 else (1,):
            if combine.scale(Fraction(sign), f.atom.args[0]) == definition:
                rest = [g for g in term.factors if g is not f]
                made = Factor(atom, f.labels, f.power)
                return Term(term.coefficient * sign ** int(f.power), (*rest, made))
    return None


def _contains(power: Fraction, wanted: Fraction) -> bool:
    """Whether a factor has this power; below the fraction bar more may stand: s² has s."""
    return power == wanted or power < wanted < 0


def _left_over(used: list[Factor], pattern: Term) -> list[Factor]:
    """The powers that a pattern leaves of the factors that it used."""
    return [
        Factor(f.atom, f.labels, f.power - wanted.power)
        for f, wanted in zip(used, pattern.factors, strict=False)
        if f.power != wanted.power
    ]


def _matched(
    pattern: Term, term: Term, outputs: int, rank: int
) -> tuple[list[Factor], tuple[int, ...]] | None:
    """Factors of the term that are the pattern, and where its output labels went."""

    def extend(k: int, used: list[Factor], places: dict[int, int]) -> dict[int, int] | None:
        if k == len(pattern.factors):
            return places if _is_closed(places, used) else None
        wanted = pattern.factors[k]
        for f in term.factors:
            if f in used or f.atom != wanted.atom or not _contains(f.power, wanted.power):
                continue
            for new in _laid(wanted, f, places):
                used.append(f)
                found = extend(k + 1, used, new)
                if found is not None:
                    return found
                used.pop()
        return None

    def _is_closed(places: dict[int, int], used: list[Factor]) -> bool:
        """Whether what the definition sums over is summed over, and nothing else reads it."""
        inside = [b for a, b in places.items() if a >= outputs]
        others = [f for f in term.factors if f not in used] + _left_over(used, pattern)
        outside = {i for f in others for i in f.labels}
        distinct = len(set(places.values())) == len(places)
        return distinct and all(b >= rank and b not in outside for b in inside)

    used: list[Factor] = []
    found = extend(0, used, {})
    if found is None or any(k not in found for k in range(outputs)):
        return None
    return used, tuple(found[k] for k in range(outputs))


def _laid(wanted: Factor, f: Factor, places: dict[int, int]) -> Iterator[dict[int, int]]:
    """Where labels of a pattern went, with those of one more factor of it, if that can be."""
    for labels in {f.labels, f.labels[::-1]} if f.atom.symmetric else {f.labels}:
        new = dict(places)
        if all(new.setdefault(a, b) == b for a, b in zip(wanted.labels, labels, strict=True)):
            yield new


_MOST_TERMS = 200


def expanded(poly: Poly, definitions: Definitions, most: int = _MOST_TERMS) -> Poly:
    """The poly without names of intermediate values and without groups of power 1.

    Where that has more than this many terms, it stays as far opened as it is by then.
    """
    while True:
        terms: list[Term] = []
        changed = False
        for term in poly.terms:
            opened = next((f for f in term.factors if _inside(f, definitions) is not None), None)
            if opened is None:
                terms.append(term)
                continue
            changed = True
            inner = _inside(opened, definitions)
            assert inner is not None
            fresh = fresh_labels(term, poly.rank)
            rest = list(term.factors)
            rest.remove(opened)
            left = opened.power - 1
            again = [Factor(opened.atom, opened.labels, left)] if left else []
            outer = Term(term.coefficient, (*rest, *again))
            terms += [outer.times(t) for t in inner.at(opened.labels, fresh)]
            if len(terms) > most:
                return poly
        if not changed:
            return poly
        poly = normal(terms, range(poly.rank), poly.dims)


def _inside(f: Factor, definitions: Definitions) -> Poly | None:
    if f.power.denominator != 1 or f.power < 1:
        return None
    if f.atom.head == "group":
        return f.atom.args[0]
    return definitions.get(f.atom)
