"""Reshapes: axes of size 1 come and go, what was reshaped goes back; views that read zeros."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis

__all__ = ["reads_outside", "reshaped", "squeezed"]

_POINTWISE = ("apply", "group", "indicator")


def reshaped(x: Poly, whole: Poly, dims: tuple[str, ...]) -> Poly:
    """The elements of x, in their order, with these axes; ``whole`` is x as one factor."""
    before = [k for k, d in enumerate(x.dims) if d != "1"]
    after = [k for k, d in enumerate(dims) if d != "1"]
    if [x.dims[k] for k in before] != [dims[k] for k in after]:
        back = _back(x, dims)
        return atom_poly(Atom("reshape", dims, (whole,), dims)) if back is None else back
    labels = itertools.count(len(dims))
    place = dict(zip(before, after, strict=True))
    read = [place[k] if k in place else next(labels) for k in range(x.rank)]
    return normal(x.at(read, labels), range(len(dims)), dims)


def squeezed(x: Poly) -> Poly:
    """x without its axes of size 1."""
    kept = [k for k, dim in enumerate(x.dims) if dim != "1"]
    fresh = itertools.count(len(kept))
    read = [kept.index(k) if k in kept else next(fresh) for k in range(x.rank)]
    return normal(x.at(read, fresh), range(len(kept)), tuple(x.dims[k] for k in kept))


def _back(x: Poly, dims: tuple[str, ...]) -> Poly | None:
    """x with its old axes, if all that it is made of was reshaped from these: 2·vec(X) is 2·X."""
    terms = []
    if not any(f.labels for t in x.terms for f in t.factors):
        return None
    for term in x.terms:
        factors = [_factor_back(f, x.rank, dims) if f.labels else f for f in term.factors]
        if None in factors:
            return None
        terms.append(Term(term.coefficient, tuple(f for f in factors if f is not None)))
    return normal(terms, range(len(dims)), dims)


def _factor_back(f: Factor, rank: int, dims: tuple[str, ...]) -> Factor | None:
    atom, labels = f.atom, tuple(range(len(dims)))
    if f.labels != tuple(range(rank)):
        return None
    if atom.head == "reshape":
        (inside,) = atom.args
        return Factor(_grouped(inside), labels, f.power) if inside.dims == dims else None
    if atom.head.partition(":")[0] not in _POINTWISE:
        return None
    args = [a if not a.rank else _back(a, dims) for a in atom.args]
    if any(a is None for a in args):
        return None
    made = tuple(a for a in args if a is not None)
    return Factor(replace(atom, args=made, dims=dims), labels, f.power)


def _grouped(poly: Poly) -> Atom:
    """A poly as one atom: the name that it is, or a sum that stays together."""
    if len(poly.terms) == 1 and poly.terms[0].coefficient == 1:
        factors = poly.terms[0].factors
        labels = tuple(range(poly.rank))
        if len(factors) == 1 and factors[0] == Factor(factors[0].atom, labels):
            return factors[0].atom
    return Atom("group", (), (poly,), poly.dims)


def reads_outside(view: Node, axes: Sequence[Axis]) -> bool:
    """Whether a view reads zeros beyond its operand, as padding does."""
    for size, axis in zip(view.inputs[0].shape, axes, strict=True):
        ends = [step * (view.shape[k] - 1) for k, step in axis.terms]
        low = axis.offset + sum(min(e, 0) for e in ends)
        if low < 0 or axis.offset + sum(max(e, 0) for e in ends) >= size:
            return True
    return False
