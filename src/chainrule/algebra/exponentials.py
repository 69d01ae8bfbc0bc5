"""The names of the field for quotients of exponentials: σ, softmax, tanh."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction

from chainrule.algebra import combine, scalars
from chainrule.algebra.index import (
    Atom,
    Factor,
    Poly,
    Term,
    atom_poly,
    constant,
    fresh_labels,
    normal,
)

__all__: list[str] = []

_ONE = Fraction(1)

Definitions = Mapping[Atom, Poly]


def sigmoids(term: Term, _: int, __: Definitions) -> list[Term] | None:
    for f in term.factors:
        if f.atom.head != "group" or f.power.denominator != 1 or f.power >= 0:
            continue
        exponential = _one_plus_exp(f.atom.args[0])
        if exponential is None:
            continue
        labels = tuple(f.labels[i] for i in exponential.labels)
        same = [g for g in term.factors if g.atom == exponential.atom and g.labels == labels]
        up = same[0].power if same else Fraction(0)
        down = -f.power - up
        if up.denominator != 1 or up < 0 or down < 0:
            continue
        (inside,) = exponential.atom.args
        there = scalars.function("sigmoid", [inside], exponential.atom.dims)
        rest = tuple(g for g in term.factors if g is not f and g not in same)
        (sigma,) = there.terms[0].factors
        made = [Term(term.coefficient, (*rest, Factor(sigma.atom, labels, up)))] if up else [
            Term(term.coefficient, rest)]  # fmt: skip
        if down:
            flipped = scalars.function("sigmoid", [combine.scale(-_ONE, inside)],
                                       exponential.atom.dims).terms[0].factors[0]  # fmt: skip
            made = [t.times(Term(_ONE, (Factor(flipped.atom, labels, down),))) for t in made]
        return made
    return None


def _one_plus_exp(poly: Poly) -> Factor | None:
    """The factor e^v of 1 + e^v."""
    if len(poly.terms) != 2:
        return None
    plain = [t for t in poly.terms if not t.factors and t.coefficient == 1]
    others = [t for t in poly.terms if len(t.factors) == 1 and t.coefficient == 1]
    if len(plain) == 1 and len(others) == 1:
        (factor,) = others[0].factors
        if factor.atom.head == "apply:exp" and factor.power == 1:
            return factor
    return None


# ---------------------------------------------------------------- σ(−v)


def reflections(term: Term, _: int, __: Definitions) -> list[Term] | None:
    """e^v σ(−v) is σ(v), and 1 − σ(−v) is σ(v)."""
    for f in term.factors:
        if f.atom.head == "group":
            sigma = _one_minus_sigmoid(f.atom.args[0])
            if sigma is not None and _is_negative(sigma.atom.args[0]):
                labels = tuple(f.labels[i] for i in sigma.labels)
                rest = tuple(g for g in term.factors if g is not f)
                made = Factor(_sigmoid(sigma.atom, -1), labels, f.power)
                return [Term(term.coefficient, (*rest, made))]
        if f.atom.head != "apply:sigmoid" or f.power.denominator != 1 or f.power < 1:
            continue
        for g in term.factors:
            both = _reflected(f, g) if g.labels == f.labels and g.power.denominator == 1 else None
            if both is not None:
                rest = tuple(h for h in term.factors if h is not f and h is not g)
                return [Term(term.coefficient, (*rest, *both, *_remaining(f), *_remaining(g)))]
    return None


def _reflected(f: Factor, g: Factor) -> list[Factor] | None:
    """What σ(w) makes together with one power of another factor at the same labels."""
    (inside,) = f.atom.args
    opposite = combine.scale(-_ONE, inside)
    if g.atom.head == "apply:exp" and g.atom.args[0] == (opposite if g.power > 0 else inside):
        return [Factor(_sigmoid(f.atom, -1), f.labels)]
    return None


def opposites(poly: Poly) -> Poly:
    """σ(v) + σ(−v) is 1, and softplus(v) − softplus(−v) is v, times whatever stands beside."""
    for i, first in enumerate(poly.terms):
        for second in poly.terms[i + 1 :]:
            made = _opposite(first, second, poly.rank)
            if made is not None:
                rest = [t for t in poly.terms if t is not first and t is not second]
                return opposites(normal([*rest, *made], range(poly.rank), poly.dims))
    return poly


def _opposite(first: Term, second: Term, rank: int) -> list[Term] | None:
    """What two terms come to that differ in the sign under one σ or softplus only."""
    own = [f for f in first.factors if f not in second.factors]
    other = [f for f in second.factors if f not in first.factors]
    if len(own) != 1 or len(other) != 1 or len(first.factors) != len(second.factors):
        return None
    f, g = own[0], other[0]
    head, same = f.atom.head, first.coefficient == second.coefficient
    if head != g.atom.head or f.labels != g.labels or f.power != 1 or g.power != 1:
        return None
    if head not in ("apply:sigmoid", "apply:softplus") or same != (head == "apply:sigmoid"):
        return None
    if not same and first.coefficient != -second.coefficient:
        return None
    (inside,) = f.atom.args
    if g.atom.args[0] != combine.scale(-_ONE, inside):
        return None
    rest = Term(first.coefficient, tuple(h for h in first.factors if h is not f))
    if same:
        return [rest]
    return [rest.times(t) for t in inside.at(f.labels, fresh_labels(first, rank))]


def complements(poly: Poly) -> Poly:
    """σ(v) ⊙ (1 − σ(v)) for σ(v) ⊙ σ(−v), which is shorter while it is still to be divided."""
    terms = [_with_complement(t) for t in poly.terms]
    changed = any(a is not b for a, b in zip(terms, poly.terms, strict=True))
    return normal(terms, range(poly.rank), poly.dims) if changed else poly


def _with_complement(term: Term) -> Term:
    sigmas = [f for f in term.factors if f.atom.head == "apply:sigmoid" and f.power == 1]
    for f, g in itertools.permutations(sigmas, 2):
        (inside,) = f.atom.args
        opposite = g.atom.args[0] == combine.scale(-_ONE, inside)
        if opposite and _is_negative(inside) and f.labels == g.labels:
            one = constant(_ONE, f.atom.dims)
            group = combine.grouped(combine.add([(_ONE, one), (-_ONE, atom_poly(g.atom))]))
            made = Factor(group.terms[0].factors[0].atom, f.labels)
            rest = tuple(h for h in term.factors if h is not f)
            return _with_complement(Term(term.coefficient, (*rest, made)))
    return term


def _one_minus_sigmoid(poly: Poly) -> Factor | None:
    """The factor σ(w) of 1 − σ(w)."""
    if len(poly.terms) != 2:
        return None
    plain = [t for t in poly.terms if not t.factors and t.coefficient == 1]
    others = [t for t in poly.terms if len(t.factors) == 1 and t.coefficient == -1]
    if len(plain) == 1 and len(others) == 1:
        (factor,) = others[0].factors
        if factor.atom.head == "apply:sigmoid" and factor.power == 1:
            return factor
    return None


def _is_negative(poly: Poly) -> bool:
    return bool(poly.terms) and all(t.coefficient < 0 for t in poly.terms)


def _sigmoid(atom: Atom, sign: int) -> Atom:
    """σ of the argument of another σ, perhaps with the opposite sign."""
    inside = combine.scale(Fraction(sign), atom.args[0])
    return scalars.function("sigmoid", [inside], atom.dims).terms[0].factors[0].atom


# ---------------------------------------------------------------- softmax and tanh by hand


def softmaxes(term: Term, _: int, __: Definitions) -> list[Term] | None:
    """exp(xᵢ) / Σⱼ exp(xⱼ) is softmax(x)ᵢ, and exp(v) / (exp(v) + exp(−v)) is σ(2v)."""
    for f in term.factors:
        if f.atom.head != "group" or f.power.denominator != 1 or f.power >= 0:
            continue
        inner = f.atom.args[0]
        for g in term.factors:
            if g.atom.head != "apply:exp" or g.power.denominator != 1 or g.power < 1:
                continue
            made = _probability(g, f, inner) or _two_sided(g, f, inner)
            if made is not None:
                rest = [h for h in term.factors if h is not f and h is not g]
                rest += [made, *_remaining(g), *_remaining(f)]
                return [Term(term.coefficient, tuple(rest))]
    return None


def _remaining(f: Factor) -> list[Factor]:
    """A factor with one power less, towards 1."""
    left = f.power - 1 if f.power > 0 else f.power + 1
    return [Factor(f.atom, f.labels, left)] if left else []


def _probability(g: Factor, f: Factor, inner: Poly) -> Factor | None:
    if len(inner.terms) != 1 or inner.terms[0].coefficient != 1:
        return None
    factors = inner.terms[0].factors
    if len(factors) != 1 or factors[0].atom != g.atom or factors[0].power != 1:
        return None
    outer, summed = factors[0].labels[: inner.rank], factors[0].labels[inner.rank :]
    if outer != tuple(range(inner.rank)) or not summed or min(summed) < inner.rank:
        return None
    if len(set(summed)) != len(summed) or g.labels[: inner.rank] != f.labels:
        return None
    axes = tuple(range(inner.rank, len(g.labels))) if len(summed) > 1 else ()
    return Factor(Atom("softmax", axes, g.atom.args, g.atom.dims), g.labels)


def _two_sided(g: Factor, f: Factor, inner: Poly) -> Factor | None:
    if len(inner.terms) != 2 or any(t.coefficient != 1 or len(t.factors) != 1 for t in inner.terms):
        return None
    parts = [t.factors[0] for t in inner.terms]
    if any(p.atom.head != "apply:exp" or p.power != 1 for p in parts):
        return None
    a, b = (p.atom.args[0] for p in parts)
    if combine.scale(-_ONE, a) != b or g.atom.args[0] not in (a, b):
        return None
    if any(tuple(f.labels[i] for i in p.labels) != g.labels for p in parts):
        return None
    double = combine.scale(Fraction(2), g.atom.args[0])
    return Factor(
        scalars.function("sigmoid", [double], g.atom.dims).terms[0].factors[0].atom, g.labels
    )


# ---------------------------------------------------------------- of logarithms


def shares(term: Term, rank: int, _: Definitions) -> list[Term] | None:
    """σ(log a − log b) is a, if a + b is 1."""
    for f in term.factors:
        share = _share(f.atom.args[0]) if f.atom.head == "apply:sigmoid" else None
        if share is not None:
            rest = Term(term.coefficient, tuple(g for g in term.factors if g is not f))
            made = combine.power(share, f.power).at(f.labels, fresh_labels(term, rank))
            return [rest.times(t) for t in made]
    return None


def _share(poly: Poly) -> Poly | None:
    """The a of log a − log b, if a + b is 1."""
    if len(poly.terms) != 2:
        return None
    a, b = _positive_log(poly), _positive_log(combine.scale(-_ONE, poly))
    if a is None or b is None or combine.number_of(combine.add([(_ONE, a), (_ONE, b)])) != 1:
        return None
    return a


def _positive_log(poly: Poly) -> Poly | None:
    """The a of the term log a."""
    for term in poly.terms:
        if term.coefficient == 1:
            return _inside_log(normal([term], range(poly.rank), poly.dims))
    return None


def _inside_log(poly: Poly) -> Poly | None:
    """The v of log v, with the axes of the whole."""
    factor = combine.lone(poly)
    if factor is None or factor.atom.head != "apply:log":
        return None
    terms = factor.atom.args[0].at(factor.labels, itertools.count(poly.rank))
    return normal(terms, range(poly.rank), poly.dims)


def completed(poly: Poly) -> Poly:
    """1 + p ⊘ (1 − p) is 1 ⊘ (1 − p), times whatever stands beside."""
    for odds in poly.terms:
        for f, group in itertools.permutations(odds.factors, 2):
            if not group.power < 0 < f.power or f.power.denominator > 1 or not _is_rest(group, f):
                continue
            others = tuple(g for g in odds.factors if g is not f and g is not group)
            one = Factor(f.atom, f.labels, f.power - 1)
            beside = Factor(group.atom, group.labels, group.power + 1)
            whole = Term(odds.coefficient, (*others, *([one] if one.power else [])))
            there = whole.times(Term(_ONE, (beside,) if beside.power else ()))
            (there,) = normal([there], range(poly.rank), poly.dims).terms
            if there in poly.terms:
                rest = [t for t in poly.terms if t is not odds and t != there]
                made = whole.times(Term(_ONE, (group,)))
                return completed(normal([*rest, made], range(poly.rank), poly.dims))
    return poly


def _is_rest(group: Factor, f: Factor) -> bool:
    """Whether a factor is 1 − p for the other one, p."""
    if group.atom.head != "group" or group.labels != f.labels:
        return False
    (inside,) = group.atom.args
    return inside == combine.add([(_ONE, constant(_ONE, inside.dims)), (-_ONE, atom_poly(f.atom))])


def differences(poly: Poly) -> Poly:
    """c σ(2v) − c σ(−2v) is c tanh(v)."""
    for i, first in enumerate(poly.terms):
        for f in first.factors:
            if f.atom.head != "apply:sigmoid" or f.power != 1:
                continue
            wanted = _instead(first, f, "sigmoid", -_ONE, -_ONE)
            key = normal([wanted], range(poly.rank), poly.dims)
            others = [t for k, t in enumerate(poly.terms) if k != i]
            alike = (normal([t], range(poly.rank), poly.dims) == key for t in others)
            place = next((k for k, is_alike in enumerate(alike) if is_alike), None)
            if place is not None:
                del others[place]
                made = _instead(first, f, "tanh", Fraction(1, 2), _ONE)
                return differences(normal([*others, made], range(poly.rank), poly.dims))
    return poly


def _instead(term: Term, f: Factor, head: str, inside: Fraction, sign: Fraction) -> Term:
    """A term times a sign, with a function of a multiple of v in place of its factor f of v."""
    v = combine.scale(inside, f.atom.args[0])
    (made,) = scalars.function(head, [v], f.atom.dims).terms
    other = Factor(made.factors[0].atom, f.labels)
    return Term(
        sign * term.coefficient * made.coefficient,
        tuple(other if g is f else g for g in term.factors),
    )
