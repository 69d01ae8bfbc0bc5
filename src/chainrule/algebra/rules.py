"""Identities that make terms simpler: what learners would cancel, and the names of the field.

A⁻¹A = I · eᵛ/(1 + eᵛ) = σ(v) · [u > 0] = [H > 0] where H = relu(u) · probabilities sum to 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction

from chainrule.algebra import combine
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal

__all__ = ["expanded", "tidy"]

_ONE = Fraction(1)


def tidy(poly: Poly, definitions: Mapping[Atom, Poly]) -> Poly:
    """Apply the rules to every term until none fits."""
    terms: list[Term] = []
    pending = list(poly.terms)
    changed = False
    while pending:
        term = pending.pop()
        for rule in _RULES:
            made = rule(term, poly.rank, definitions)
            if made is not None:
                changed = True
                pending += made
                break
        else:
            terms.append(term)
    simple = normal(terms, range(poly.rank), poly.dims) if changed else poly
    return _shorter(_one_fraction(_differences(simple)))


Definitions = Mapping[Atom, Poly]


# ---------------------------------------------------------------- A⁻¹ A = I


def _inverses(term: Term, rank: int, _: Definitions) -> list[Term] | None:
    for f in term.factors:
        if f.atom.head != "inverse" or f.power != 1:
            continue
        inner = f.atom.args[0]
        if len(inner.terms) != 1 or inner.terms[0].coefficient != 1:
            continue
        wanted = inner.terms[0].factors
        if len(wanted) != 1 or wanted[0].power != 1:
            continue
        for g in term.factors:
            made = _cancelled(term, f, g, wanted[0], rank)
            if made is not None:
                return [made]
    return None


def _cancelled(term: Term, f: Factor, g: Factor, wanted: Factor, rank: int) -> Term | None:
    """The term without A⁻¹[i, j] A[j, k], which is δ[i, k]."""
    if g.atom != wanted.atom or g.power != 1 or len(g.labels) != 2:
        return None
    straight = wanted.labels == (0, 1)
    rows, columns = g.labels if straight else g.labels[::-1]
    sides = [(f.labels[1], rows, f.labels[0], columns), (f.labels[0], columns, f.labels[1], rows)]
    if g.atom.symmetric and f.atom.symmetric:
        sides += [(a, d, c, b) for a, b, c, d in sides]
    for shared, other, left, right in sides:
        uses = sum(h.labels.count(shared) for h in term.factors)
        if shared == other and shared >= rank and uses == 2:
            rest = tuple(h for h in term.factors if h is not f and h is not g)
            delta = combine.delta_factor(f.atom.dims[0], left, right)
            return Term(term.coefficient, (*rest, delta))
    return None


# ---------------------------------------------------------------- e^v / (1 + e^v) = σ(v)


def _sigmoids(term: Term, _: int, __: Definitions) -> list[Term] | None:
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
        there = combine.function("sigmoid", [inside], exponential.atom.dims)
        rest = tuple(g for g in term.factors if g is not f and g not in same)
        (sigma,) = there.terms[0].factors
        made = [Term(term.coefficient, (*rest, Factor(sigma.atom, labels, up)))] if up else [
            Term(term.coefficient, rest)]  # fmt: skip
        if down:
            flipped = combine.function("sigmoid", [combine.scale(-_ONE, inside)],
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


# ---------------------------------------------------------------- masks


def _masks(term: Term, _: int, definitions: Definitions) -> list[Term] | None:
    """[u > 0] is [H > 0] where the user called relu(u) H, and u nothing."""
    for f in term.factors:
        if f.atom.head != "indicator" or f.atom.params[0] not in (">", "≤"):
            continue
        left, right = f.atom.args
        if right.terms or (len(left.terms) == 1 and len(left.terms[0].factors) == 1):
            continue
        wanted = combine.function("relu", [left], left.dims)
        for atom, definition in definitions.items():
            if definition == wanted:
                value = atom_poly(atom)
                mask = Atom("indicator", f.atom.params, (value, right), f.atom.dims)
                factors = tuple(Factor(mask, f.labels) if g is f else g for g in term.factors)
                return [Term(term.coefficient, factors)]
    return None


# ---------------------------------------------------------------- probabilities


def _simplex(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Σ over the last axis of probabilities that nothing else reads is 1."""
    for f in term.factors:
        if f.power != 1 or not f.labels or not _is_simplex(f.atom, definitions):
            continue
        last = f.labels[-1]
        alone = sum(g.labels.count(last) for g in term.factors) == 1
        if last >= rank and alone:
            return [Term(term.coefficient, tuple(g for g in term.factors if g is not f))]
    return None


def _is_simplex(atom: Atom, definitions: Definitions) -> bool:
    if atom.head in ("softmax", "onehot"):
        return True
    if atom.head == "name":
        definition = definitions.get(atom)
        if definition is not None and len(definition.terms) == 1:
            factor = combine.lone(definition)
            straight = factor is not None and factor.labels == tuple(range(definition.rank))
            return factor is not None and straight and _is_simplex(factor.atom, definitions)
    return "simplex" in atom.facts


# ---------------------------------------------------------------- softmax and tanh by hand


def _softmaxes(term: Term, _: int, __: Definitions) -> list[Term] | None:
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
    outer = factors[0].labels[:-1]
    last = factors[0].labels[-1:]
    if outer != tuple(range(inner.rank)) or not last or last[0] < inner.rank:
        return None
    if g.labels[:-1] != f.labels:
        return None
    atom = Atom("softmax", (), g.atom.args, g.atom.dims)
    return Factor(atom, g.labels)


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
        combine.function("sigmoid", [double], g.atom.dims).terms[0].factors[0].atom, g.labels
    )


def _differences(poly: Poly) -> Poly:
    """c σ(2v) − c σ(−2v) is c tanh(v)."""
    for i, first in enumerate(poly.terms):
        for f in first.factors:
            if f.atom.head != "apply:sigmoid" or f.power != 1:
                continue
            turned = combine.function(
                "sigmoid", [combine.scale(-_ONE, f.atom.args[0])], f.atom.dims
            )
            other = Factor(turned.terms[0].factors[0].atom, f.labels)
            wanted = Term(-first.coefficient, tuple(other if g is f else g for g in first.factors))
            key = normal([wanted], range(poly.rank), poly.dims)
            for j, second in enumerate(poly.terms):
                if j != i and normal([second], range(poly.rank), poly.dims) == key:
                    half = combine.scale(Fraction(1, 2), f.atom.args[0])
                    (tanh,) = combine.function("tanh", [half], f.atom.dims).terms
                    made = Term(first.coefficient * tanh.coefficient, tuple(
                        Factor(tanh.factors[0].atom, f.labels) if g is f else g
                        for g in first.factors))  # fmt: skip
                    rest = [t for k, t in enumerate(poly.terms) if k not in (i, j)]
                    return _differences(normal([*rest, made], range(poly.rank), poly.dims))
    return poly


# ---------------------------------------------------------------- one fraction


def _one_fraction(poly: Poly) -> Poly:
    """(1 − y) ⊘ (1 − p) − y ⊘ p is (p − y) ⊘ (p ⊙ (1 − p)), where that is shorter."""
    for i, first in enumerate(poly.terms):
        for second in poly.terms[i + 1 :]:
            made = _over_common(first, second)
            if made is not None:
                rest = [t for t in poly.terms if t is not first and t is not second]
                return normal([*rest, *made], range(poly.rank), poly.dims)
    return poly


def _over_common(a: Term, b: Term) -> list[Term] | None:
    below = [_denominators(t) for t in (a, b)]
    if not below[0] or not below[1] or below[0] == below[1]:
        return None
    if all(f[0].head != "group" for d in below for f in d):
        return None
    shared = [f for f in a.factors if f in b.factors and f.power > 0]
    common = {f: max(below[0].get(f, 0), below[1].get(f, 0)) for f in {*below[0], *below[1]}}
    tops = []
    for term, own in zip((a, b), below, strict=True):
        more = [Factor(*f, Fraction(n - own.get(f, 0))) for f, n in common.items()]
        above = [f for f in term.factors if (f.atom, f.labels) not in own and f not in shared]
        tops.append(Term(term.coefficient, (*above, *(f for f in more if f.power))))
    top = _numerator(tops)
    if top is None:
        return None
    under = tuple(Factor(*f, Fraction(-n)) for f, n in common.items())
    return [Term(t.coefficient, (*shared, *t.factors, *under)) for t in top]


def _numerator(tops: list[Term]) -> list[Term] | None:
    """The sum of two numerators with its groups opened, as one group; None if that is long."""
    labels = sorted({i for t in tops for f in t.factors for i in f.labels})
    sizes = {i: d for t in tops for f in t.factors
             for i, d in zip(f.labels, f.atom.dims, strict=True)}  # fmt: skip
    dims = tuple(sizes[i] for i in labels)
    opened = expanded(normal(tops, labels, dims), {})
    simple = all(len(t.factors) <= 1 and all(f.power > 0 for f in t.factors) for t in opened.terms)
    if not opened.terms or len(opened.terms) > 2 or not simple:
        return None
    return combine.grouped(opened).at(labels, itertools.count(1 + max(labels, default=0)))


def _denominators(term: Term) -> dict[tuple[Atom, tuple[int, ...]], int]:
    """The factors with negative whole powers."""
    return {
        (f.atom, f.labels): -int(f.power)
        for f in term.factors
        if f.power < 0 and f.power.denominator == 1 and f.labels
    }


# ---------------------------------------------------------------- the user's names


def _folds(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Put the user's name where its definition stands: t ⊙ exp(Xw) is μ."""
    for atom, definition in definitions.items():
        if len(definition.terms) == 1:
            (pattern,) = definition.terms
            plain = len(pattern.factors) == 1 and pattern.factors[0].atom.head == "name"
            if pattern.coefficient == 1 and pattern.factors and not plain:
                found = _matched(pattern, term, definition.rank, rank)
                if found is not None:
                    used, labels = found
                    rest = tuple(f for f in term.factors if f not in used)
                    return [Term(term.coefficient, (*rest, Factor(atom, labels)))]
        for f in term.factors:
            if f.atom.head == "group" and f.atom.args[0].dims == definition.dims:
                for sign in (1, -1):
                    if combine.scale(Fraction(sign), f.atom.args[0]) == definition and (
                        sign == 1 or f.power.denominator == 1
                    ):
                        rest = tuple(g for g in term.factors if g is not f)
                        made = Factor(atom, f.labels, f.power)
                        return [Term(term.coefficient * sign ** int(f.power), (*rest, made))]
    return None


def _matched(
    pattern: Term, term: Term, outputs: int, rank: int
) -> tuple[list[Factor], tuple[int, ...]] | None:
    """Factors of the term that are the pattern, and where its output labels went."""

    def extend(k: int, used: list[Factor], places: dict[int, int]) -> dict[int, int] | None:
        if k == len(pattern.factors):
            return places if _is_closed(places, used) else None
        wanted = pattern.factors[k]
        for f in term.factors:
            if f in used or f.atom != wanted.atom or f.power != wanted.power:
                continue
            for labels in {f.labels, f.labels[::-1]} if f.atom.symmetric else {f.labels}:
                new = dict(places)
                if all(
                    new.setdefault(a, b) == b for a, b in zip(wanted.labels, labels, strict=True)
                ):
                    used.append(f)
                    found = extend(k + 1, used, new)
                    if found is not None:
                        return found
                    used.pop()
        return None

    def _is_closed(places: dict[int, int], used: list[Factor]) -> bool:
        """Whether what the definition sums over is summed over, and nothing else reads it."""
        inside = [b for a, b in places.items() if a >= outputs]
        outside = {i for f in term.factors if f not in used for i in f.labels}
        distinct = len(set(places.values())) == len(places)
        return distinct and all(b >= rank and b not in outside for b in inside)

    used: list[Factor] = []
    found = extend(0, used, {})
    if found is None or any(k not in found for k in range(outputs)):
        return None
    return used, tuple(found[k] for k in range(outputs))


# ---------------------------------------------------------------- groups that say too much


def _shorter(poly: Poly) -> Poly:
    """(1 − y) ⊙ p − y ⊙ (1 − p) is p − y: open the groups where fewer names are left."""
    if len(poly.terms) < 2 or all(f.atom.head != "group" for t in poly.terms for f in t.factors):
        return poly
    opened = expanded(poly, {})
    return opened if _names(opened) < _names(poly) else poly


def _names(poly: Poly) -> int:
    """How many names stand in a poly, those inside of groups included."""
    return sum(
        _names(f.atom.args[0]) if f.atom.head == "group" else 1
        for t in poly.terms
        for f in t.factors
    )


# ---------------------------------------------------------------- what cancels in a sum


def _cancelling(term: Term, _: int, __: Definitions) -> list[Term] | None:
    """μ ⊙ (1 − y ⊘ μ) is μ − y."""
    for f in term.factors:
        if f.atom.head != "group" or f.power != 1:
            continue
        for g in term.factors:
            if g is f or g.power.denominator != 1 or g.power < 1:
                continue
            if any(
                h.atom == g.atom and h.power < 0 and tuple(f.labels[i] if i < len(f.labels) else -1
                                                           for i in h.labels) == g.labels
                for t in f.atom.args[0].terms for h in t.factors
            ):  # fmt: skip
                rest = Term(term.coefficient, tuple(h for h in term.factors if h is not f))
                fresh = itertools.count(1 + max(i for h in term.factors for i in h.labels))
                return [rest.times(t) for t in f.atom.args[0].at(f.labels, fresh)]
    return None


# ---------------------------------------------------------------- sums that vanish


def _vanishing(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Σ over an axis along which a value was centered is 0."""
    for f in term.factors:
        if f.atom.head not in ("name", "group") or f.power != 1:
            continue
        for slot, label in enumerate(f.labels):
            alone = sum(g.labels.count(label) for g in term.factors) == 1
            if label >= rank and alone and _sums_to_zero(f.atom, slot, definitions):
                return []
    return None


def _sums_to_zero(atom: Atom, slot: int, definitions: Definitions) -> bool:
    if atom.head == "name":
        definition = definitions.get(atom)
        if definition is None:
            return False
    else:
        definition = atom.args[0]
    if len(definition.terms) < 2:
        return False
    whole = expanded(definition, definitions)
    labels = tuple(range(whole.rank))
    kept = tuple(i for i in labels if i != slot)
    return not combine.einsum([whole], [labels], kept, tuple(whole.dims[i] for i in kept)).terms


def expanded(poly: Poly, definitions: Definitions) -> Poly:
    """The poly without names of intermediate values and without groups of power 1."""
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
            fresh = itertools.count(1 + max((i for f in term.factors for i in f.labels), default=0))
            rest = list(term.factors)
            rest.remove(opened)
            left = opened.power - 1
            again = [Factor(opened.atom, opened.labels, left)] if left else []
            outer = Term(term.coefficient, (*rest, *again))
            terms += [outer.times(t) for t in inner.at(opened.labels, fresh)]
            if len(terms) > _MOST_TERMS:
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


_MOST_TERMS = 200
_RULES = (_inverses, _sigmoids, _softmaxes, _masks, _simplex, _vanishing, _cancelling, _folds)
