"""Reading a derivative off a tangent: what stands beside the direction, its labels set free."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, cast

from chainrule.algebra import combine
from chainrule.algebra.index import Atom, Factor, Poly, Term, normal
from chainrule.algebra.joins import inside_of_join, stacked
from chainrule.algebra.sizes import combined
from chainrule.errors import FormulaError
from chainrule.formula.typeset.tree import Place

__all__ = ["DIRECTION", "read_off"]

DIRECTION: Final = "direction"
_LINEAR: Final = ("group", "view", "accumulate", "reshape", "join")


def read_off(tangent: Poly, dims: tuple[str, ...], definitions: Mapping[Atom, Poly]) -> Poly:
    """Set the labels of the direction free: the coefficient of dx."""
    rank = tangent.rank
    terms = []
    for term in _opened(tangent).terms:
        place = next((f for f in term.factors if f.atom == _direction(f.atom)), None)
        if place is None:
            raise FormulaError("the derivative goes through an operation that has no formula")
        terms.append(combine.set_free(term, place, rank))
    return stacked(normal(terms, range(len(dims)), dims), definitions)


def _direction(atom: Atom) -> Atom | None:
    return atom if atom.head == "name" and atom.params[0] == DIRECTION else None


def _opened(poly: Poly) -> Poly:
    """Distribute over the groups and slices in which the direction stands."""
    while True:
        terms: list[Term] = []
        changed = False
        for term in poly.terms:
            hidden = next((f for f in term.factors if DIRECTION in f.atom.key
                           and f.atom.head in _LINEAR), None)  # fmt: skip
            if hidden is None:
                terms.append(term)
                continue
            changed = True
            rest = Term(term.coefficient, tuple(f for f in term.factors if f is not hidden))
            terms += [rest.times(t) for t in _inside(hidden)]
        if not changed:
            return poly
        poly = normal(terms, range(poly.rank), poly.dims)


def _inside(f: Factor) -> list[Term]:
    """The terms of a group, or of what a slice reads, beside rows of I that say where."""
    if f.atom.head == "join":
        return inside_of_join(f, DIRECTION)
    (inner,) = f.atom.args
    fresh = itertools.count(1000)
    if f.atom.head == "group":
        return inner.at(f.labels, fresh)
    own = [next(fresh) for _ in inner.dims]
    if f.atom.head == "reshape":  # I, with its rows and its columns reshaped
        dims = (*f.atom.dims, *inner.dims)
        atom = Atom("reshape", dims, (combine.delta("·".join(inner.dims)),), dims)
        one = Term(Fraction(1), (Factor(atom, (*f.labels, *own)),))
        return [one.times(t) for t in inner.at(own, fresh)]
    places = cast("tuple[Place, ...]", f.atom.params[0])
    read = f.atom.head == "view"
    whole, part = (own, f.labels) if read else (f.labels, own)
    dims, shape = (inner.dims, f.atom.dims) if read else (f.atom.dims, inner.dims)
    padded = len(f.atom.params) > 1
    picks = tuple(
        _pick(
            place,
            [part[a] for a, _ in place[1]],
            [shape[a] for a, _ in place[1]],
            label,
            dim,
            padded,
        )
        for place, label, dim in zip(places, whole, dims, strict=True)
    )
    return [Term(Fraction(1), picks).times(t) for t in inner.at(own, fresh)]


def _pick(
    place: Place, labels: Sequence[int], shape: Sequence[str], label: int, dim: str, padded: bool
) -> Factor:
    """[label = offset + Σ step · labels]: δ, a column of I, or rows of it."""
    offset, terms = place
    if not terms:
        return Factor(Atom("unit", (offset,), (), (dim,)), (label,))
    if offset == 0 and len(terms) == 1 and terms[0][1] == 1 and shape[0] == dim:
        return combine.delta_factor(dim, labels[0], label)
    steps = tuple((k, step) for k, (_, step) in enumerate(terms))
    if padded and steps == ((0, 1),):  # columns of the larger I: [label + before = place]
        before = combined((-1, str(offset).replace("-", "−")))
        shift = int(before) if before.isdigit() else before
        wide = Atom("view", (((0, steps), (shift, ((1, 1),))),), (combine.delta(shape[0]),),
                    (*shape, dim))  # fmt: skip
        return Factor(wide, (*labels, label))
    params = (((offset, steps), (0, ((len(terms), 1),))), *(["outside"] if padded else []))
    return Factor(Atom("view", params, (combine.delta(dim),), (*shape, dim)), (*labels, label))
