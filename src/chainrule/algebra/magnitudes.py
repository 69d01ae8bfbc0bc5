"""Absolute values and signs: sign(x) ⊙ |x| is x, |x|² is x², sign(x) ⊘ |x| is 1 ⊘ x.

At 0, where a sign has no derivative, both sides follow from limits; nowhere else do they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra import combine, scalars
from chainrule.algebra.definitions import with_factors_named
from chainrule.algebra.index import Factor, Term, fresh_labels

__all__: list[str] = []

_NAMES = ("sign", "abs")


def magnitudes(term: Term, rank: int, _: object) -> list[Term] | None:
    """sign(x)ᵃ |x|ᵇ xᶜ with as few factors as there can be, for whole a, b and c."""
    for f in term.factors:
        if f.atom.head in ("apply:sign", "apply:abs") and f.power.denominator == 1:
            made = _fewest(term, f, rank)
            if made is not None:
                return made
    return None


def _fewest(term: Term, f: Factor, rank: int) -> list[Term] | None:
    (x,) = f.atom.args
    value = combine.lone(x) or combine.together(x).terms[0].factors[0]
    if value.atom.head == "group" and len(x.terms) == 1:  # Xw stands as X and w beside others
        term = with_factors_named(term, rank, value.atom, x) or term
    sign, size = (scalars.function(name, [x], x.dims).terms[0].factors[0] for name in _NAMES)
    signs, sizes, own = (_found(term, g, f.labels) for g in (sign, size, value))
    a, b, c = (sum(int(g.power) for g in found) for found in (signs, sizes, own))
    powers = _split(odd=(a + c) % 2 == 1, size=b + c)
    if powers == (a, b, c):
        return None
    used = {id(g) for g in (*signs, *sizes, *own)}
    rest = [g for g in term.factors if id(g) not in used]
    made = [
        Factor(g.atom, tuple(f.labels[i] for i in g.labels), Fraction(power))
        for g, power in ((sign, powers[0]), (size, powers[1]))
        if power
    ]
    left = Term(term.coefficient, (*rest, *made))
    if not powers[2]:
        return [left]
    raised = combine.power(x, Fraction(powers[2]))
    return [left.times(t) for t in raised.at(f.labels, fresh_labels(term, rank))]


def _split(*, odd: bool, size: int) -> tuple[int, int, int]:
    """The powers of sign, |x| and x of what is |x|^size, times sign(x) if odd."""
    if odd == (size % 2 == 1):
        return 0, 0, size
    if not odd:
        return 0, size, 0
    return (1, 0, size) if size <= 0 else (0, 1, size - 1)


def _found(term: Term, wanted: Factor, labels: Sequence[int]) -> list[Factor]:
    """The factors of a term that are whole powers of a value at these labels."""
    there = tuple(labels[i] for i in wanted.labels)
    return [
        g
        for g in term.factors
        if g.atom == wanted.atom and g.labels == there and g.power.denominator == 1
    ]
