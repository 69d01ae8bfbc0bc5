"""Views and their transposes: labels where axes are read whole, units and slices where not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.combine import delta_factor, grouped, multiply, summed
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal
from chainrule.algebra.sizes import combined
from chainrule.ir.primitives import Axis

__all__ = ["accumulated", "viewed"]

_ONE = Fraction(1)
Offsets = Sequence[int | str]


def viewed(
    x: Poly,
    whole: Poly,
    axes: Sequence[Axis],
    offsets: Offsets,
    dims: tuple[str, ...],
    outside: bool,
) -> Poly:
    """x read by an affine map of the indices; ``whole`` is x as one factor."""
    fresh = itertools.count(len(dims))
    read: list[int] = []
    placed: list[Factor] = []
    for k, axis in enumerate(axes):
        step = len(axis.terms) == 1 and axis.terms[0][1] == 1
        if step and axis.offset == 0 and x.dims[k] == dims[axis.terms[0][0]]:
            read.append(axis.terms[0][0])
        elif step and axis.offset <= 0 and x.dims[k] == "1":
            offset = offsets[k]
            place = combined((-1, offset)) if isinstance(offset, str) else -offset
            unit = Atom("unit", (place,), (), (dims[axis.terms[0][0]],))
            placed.append(Factor(unit, (axis.terms[0][0],)))
            read.append(next(fresh))
        elif not axis.terms and axis.offset == 0 and x.dims[k] == "1":
            read.append(next(fresh))
        else:
            places = tuple((o, a.terms) for o, a in zip(offsets, axes, strict=True))
            return _linear("view", (places, *(["outside"] if outside else [])), whole, dims)
    terms = [t.times(Term(_ONE, tuple(placed))) for t in x.at(read, fresh)]
    return normal(terms, range(len(dims)), dims)


def _linear(head: str, params: tuple[object, ...], whole: Poly, dims: tuple[str, ...]) -> Poly:
    """A linear map of an array as an atom, with numbers in front: pad(2A) is 2 pad(A)."""
    whole = grouped(whole)
    if len(whole.terms) != 1:
        return atom_poly(Atom(head, params, (whole,), dims))
    (term,) = whole.terms
    scalars = tuple(f for f in term.factors if not f.labels)
    arrays = tuple(f for f in term.factors if f.labels)
    if not arrays:
        return atom_poly(Atom(head, params, (whole,), dims))
    inside = normal([Term(_ONE, arrays)], range(whole.rank), whole.dims)
    made = atom_poly(Atom(head, params, (inside,), dims))
    front = normal([Term(term.coefficient, scalars)], range(len(dims)), dims)
    return multiply(front, made, dims)


def accumulated(
    x: Poly, whole: Poly, axes: Sequence[Axis], offsets: Offsets, dims: tuple[str, ...]
) -> Poly:
    """Zeros, with the elements of x added at the places that a view reads."""
    labels = itertools.count(x.rank)
    read = list(range(x.rank))
    outputs: list[int] = []
    deltas: list[Factor] = []
    for k, axis in enumerate(axes):
        at_start = len(axis.terms) == 1 and axis.terms[0][1] == 1 and axis.offset == 0
        if at_start and x.dims[axis.terms[0][0]] == dims[k]:
            label = axis.terms[0][0]
            if label in outputs:
                twin = next(labels)
                deltas.append(delta_factor(dims[k], label, twin))
                label = twin
            outputs.append(label)
        elif not axis.terms and axis.offset == 0 and dims[k] == "1":
            outputs.append(next(labels))
        else:
            places = tuple((o, a.terms) for o, a in zip(offsets, axes, strict=True))
            return _linear("accumulate", (places,), whole, dims)
    unit = Term(_ONE, tuple(deltas))
    terms = [summed(t.times(unit), read, outputs, x.dims) for t in x.at(read, labels)]
    return normal(terms, outputs, dims)
