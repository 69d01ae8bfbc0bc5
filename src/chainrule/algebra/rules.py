"""Identities that make terms simpler: what learners would cancel, and the names of the field.

A⁻¹A = I · eᵛ/(1 + eᵛ) = σ(v) · [u > 0] = [H > 0] where H = relu(u) · probabilities sum to 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction

from chainrule.algebra import combine, scalars
from chainrule.algebra.clips import exclusive, kept, saturated, unclipped
from chainrule.algebra.definitions import expanded, folds
from chainrule.algebra.exponentials import (
    Definitions,
    completed,
    differences,
    opposites,
    reflections,
    shares,
    sigmoids,
    softmaxes,
)
from chainrule.algebra.index import (
    Atom,
    Factor,
    Number,
    Poly,
    Term,
    atom_poly,
    fresh_labels,
    normal,
)
from chainrule.algebra.magnitudes import magnitudes

__all__ = ["tidy"]


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
    simple = differences(completed(saturated(opposites(simple), definitions)))
    return _shorter(_one_fraction(simple))


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


# ---------------------------------------------------------------- masks


def _masks(term: Term, _: int, definitions: Definitions) -> list[Term] | None:
    """[u > 0] is [H > 0] where the user called relu(u) H, and u nothing."""
    for f in term.factors:
        if f.atom.head != "indicator" or f.atom.params[0] not in (">", "≤"):
            continue
        left, right = f.atom.args
        if right.terms or (len(left.terms) == 1 and len(left.terms[0].factors) == 1):
            continue
        wanted = scalars.function("relu", [left], left.dims)
        for atom, definition in definitions.items():
            if definition == wanted:
                value = atom_poly(atom)
                mask = Atom("indicator", f.atom.params, (value, right), f.atom.dims)
                factors = tuple(Factor(mask, f.labels) if g is f else g for g in term.factors)
                return [Term(term.coefficient, factors)]
    return None


# ---------------------------------------------------------------- permutations


def _permutations(term: Term, rank: int, _: Definitions) -> list[Term] | None:
    """PᵀP = I and PPᵀ = I for the P that sorts a vector."""
    found = [f for f in term.factors if f.atom.head == "onehot" and len(f.labels) == 2
             and _is_order(f.atom)]  # fmt: skip
    for f, g in itertools.combinations(found, 2):
        for slot in (0, 1):
            shared = f.labels[slot]
            uses = sum(h.labels.count(shared) for h in term.factors)
            if f.atom == g.atom and shared == g.labels[slot] >= rank and uses == 2:
                rest = tuple(h for h in term.factors if h is not f and h is not g)
                other = 1 - slot
                delta = combine.delta_factor(f.atom.dims[other], f.labels[other], g.labels[other])
                return [Term(term.coefficient, (*rest, delta))]
    return None


def _is_order(atom: Atom) -> bool:
    index = combine.lone(atom.args[0])
    return index is not None and index.atom.head == "argsort" and len(index.labels) == 1


# ---------------------------------------------------------------- probabilities


def _simplex(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Σ over the last axis of probabilities that nothing else reads is 1."""
    for f in term.factors:
        if f.power != 1 or not f.labels or not _is_simplex(f.atom, definitions):
            continue
        last = f.labels[-1]
        alone = sum(g.labels.count(last) for g in term.factors) == 1
        if last >= rank and alone:
            return [_without(term, f, last, rank)]
    return None


def _without(term: Term, f: Factor, label: int, rank: int) -> Term:
    """A term whose factor is 1 when summed over a label; its other sums are still counted."""
    rest = tuple(g for g in term.factors if g is not f)
    made = Term(term.coefficient, rest)
    left = {i for g in rest for i in g.labels} | {label}
    for other, dim in dict(zip(f.labels, f.atom.dims, strict=True)).items():
        if other >= rank and other not in left:
            made = made.times(combine.size(dim))
    return made


def _averages(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Probabilities times a sum that has a constant: pᵀ(1 + v) is 1 + pᵀv."""
    for f in term.factors:
        if f.power != 1 or not f.labels or not _is_simplex(f.atom, definitions):
            continue
        last = f.labels[-1]
        users = [g for g in term.factors if g is not f and last in g.labels]
        if last < rank or len(users) != 1 or users[0].atom.head != "group" or users[0].power != 1:
            continue
        (group,) = users
        slots = {k for k, label in enumerate(group.labels) if label == last}
        inner = group.atom.args[0]
        if any(not slots & {i for g in t.factors for i in g.labels} for t in inner.terms):
            rest = Term(term.coefficient, tuple(g for g in term.factors if g is not group))
            fresh = fresh_labels(term, rank)
            return [rest.times(t) for t in inner.at(group.labels, fresh)]
    return None


def _is_simplex(atom: Atom, definitions: Definitions) -> bool:
    if atom.head in ("softmax", "onehot"):
        return len(atom.params) < 2  # over several axes, only the sum over all of them is 1
    if atom.head == "name":
        definition = definitions.get(atom)
        if definition is not None and len(definition.terms) == 1:
            factor = combine.lone(definition)
            straight = factor is not None and factor.labels == tuple(range(definition.rank))
            return factor is not None and straight and _is_simplex(factor.atom, definitions)
    return "simplex" in atom.facts


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


def _cancelling(term: Term, rank: int, _: Definitions) -> list[Term] | None:
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
                fresh = fresh_labels(term, rank)
                return [rest.times(t) for t in f.atom.args[0].at(f.labels, fresh)]
    return None


def _nothing(term: Term, _: int, __: Definitions) -> list[Term] | None:
    """A product with a sum whose terms have all cancelled is 0."""
    gone = any(
        f.atom.head == "group" and f.power > 0 and not f.atom.args[0].terms for f in term.factors
    )
    return [] if gone else None


# ---------------------------------------------------------------- axes of size 1

_POINTWISE = ("group", "apply", "indicator")


def _units(term: Term, rank: int, _: Definitions) -> list[Term] | None:
    """A sum over an axis of size 1 is what stands there, without the axis."""
    for f in term.factors:
        if "1" not in f.atom.dims or f.atom.head.partition(":")[0] not in _POINTWISE:
            continue
        for slot, label in enumerate(f.labels):
            alone = sum(g.labels.count(label) for g in term.factors) == 1
            same = all(a.dims == f.atom.dims for a in f.atom.args)
            if f.atom.dims[slot] == "1" and label >= rank and alone and same:
                args = tuple(_without_axis(a, slot) for a in f.atom.args)
                dims = f.atom.dims[:slot] + f.atom.dims[slot + 1 :]
                atom = Atom(f.atom.head, f.atom.params, args, dims)
                made = Factor(atom, f.labels[:slot] + f.labels[slot + 1 :], f.power)
                rest = tuple(g for g in term.factors if g is not f)
                return [Term(term.coefficient, (*rest, made))]
    return None


def _without_axis(poly: Poly, slot: int) -> Poly:
    """A poly read at the only place of an axis of size 1."""
    dims = poly.dims[:slot] + poly.dims[slot + 1 :]
    places = [k - (k > slot) if k != slot else len(dims) for k in range(poly.rank)]
    made = normal(poly.at(places, itertools.count(poly.rank)), range(len(dims)), dims)
    return tidy(made, {})


# ---------------------------------------------------------------- sums that vanish


_CENTERED = 12  # what was centered has few terms; a sum of residuals many when written out


def _totals(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Σ over an axis along which a value was centered is 0; smoothed labels still sum to 1."""
    for f in term.factors:
        if f.atom.head not in ("name", "group") or f.power != 1:
            continue
        for slot, label in enumerate(f.labels):
            if label < rank or sum(g.labels.count(label) for g in term.factors) > 1:
                continue
            total = _total(f.atom, slot, definitions)
            if total is not None:
                made = _without(term, f, label, rank)
                return [Term(made.coefficient * total, made.factors)] if total else []
    return None


def _total(atom: Atom, slot: int, definitions: Definitions) -> Number | None:
    """The number that a sum of terms has as its total along an axis, if it is one number."""
    definition = definitions.get(atom) if atom.head == "name" else atom.args[0]
    if definition is None:
        return None
    whole = expanded(definition, definitions, _CENTERED)
    if len(whole.terms) < 2:
        return None
    labels = tuple(range(whole.rank))
    kept = tuple(i for i in labels if i != slot)
    total = combine.einsum([whole], [labels], kept, tuple(whole.dims[i] for i in kept))
    terms = [_simplex(t, len(kept), definitions) or [t] for t in total.terms]
    opened = [t for made in terms for t in made]
    return combine.number_of(normal(opened, range(len(kept)), total.dims))


_RULES = (
    _nothing, _inverses, _permutations, sigmoids, shares, reflections, softmaxes, _masks, _simplex,
    _averages, _totals, _cancelling, _units, exclusive, unclipped, kept, folds,
    magnitudes,
)  # fmt: skip
