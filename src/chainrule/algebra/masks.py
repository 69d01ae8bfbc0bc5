"""Masks: polys of 0 and 1 that say where a relation holds, and one-hot arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from chainrule.algebra.bounds import bounds_of
from chainrule.algebra.combine import add, lone, multiply, number_of
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, constant, normal

__all__: list[str] = []

_ONE: Final = Fraction(1)
_FLIPPED: Final = {">": "≤", "≥": "<", "<": "≥", "≤": ">"}


def indicator(relation: str, left: Poly, right: Poly, dims: tuple[str, ...]) -> Poly:
    """[left > right], 1 where it holds and 0 elsewhere."""
    (low, high), (least, most) = bounds_of(left), bounds_of(right)
    above, below = low > most, high < least
    sure = {">": above, "≥": low >= most, "<": below, "≤": high <= least}[relation]
    never = {">": high <= least, "≥": below, "<": low >= most, "≤": above}[relation]
    if sure or never:
        return constant(Fraction(int(sure)), dims)
    return atom_poly(Atom("indicator", (relation,), (left, right), dims))


def equal(x: Poly, y: Poly, dims: tuple[str, ...]) -> Poly:
    """[x = y] of floats, which holds by chance at most, but for a mask: [m = 1] is m."""
    factor, number = lone(x), number_of(y)
    if factor is not None and factor.atom.facts & {"mask", "onehot"} and number in (0, 1):
        return x if number else negated(x)
    return constant(Fraction(0), dims)


def negated(mask: Poly) -> Poly:
    """1 − mask, as the opposite relation where it is one."""
    factor = lone(mask)
    if factor is not None and factor.atom.head == "indicator":
        relation = _FLIPPED.get(str(factor.atom.params[0]))
        if relation is not None:  # "=" has no opposite among the relations
            flipped = Atom("indicator", (relation,), factor.atom.args, factor.atom.dims)
            made = [Term(_ONE, (Factor(flipped, factor.labels),))]
            return normal(made, range(mask.rank), mask.dims)
    return add([(_ONE, constant(_ONE, mask.dims)), (-_ONE, mask)])


def select(mask: Poly, chosen: Poly, otherwise: Poly) -> Poly:
    """``mask ? chosen : otherwise``; a mask that holds nowhere in general leaves nothing."""
    truth = number_of(mask)
    if truth is not None:
        return chosen if truth else otherwise
    dims = mask.dims
    first = multiply(mask, chosen, dims)
    second = multiply(negated(mask), otherwise, dims) if otherwise.terms else otherwise
    return add([(_ONE, first), (_ONE, second)])


def one_hot(x: Poly, y: Poly, dims: tuple[str, ...]) -> Poly:
    """[xᵢ = k] where one side counts along an axis; the other names the class."""
    for index, counter in ((x, y), (y, x)):
        found = count_axis(counter)
        free = [k for k in range(len(dims)) if k != found]
        if found is not None and all(found not in f.labels for t in index.terms for f in t.factors):
            source = normal(
                [
                    Term(t.coefficient, tuple(_drop(f, found) for f in t.factors))
                    for t in index.terms
                ],
                range(len(free)), tuple(dims[k] for k in free),
            )  # fmt: skip
            sizes = (*source.dims, dims[found])
            atom = Atom("onehot", (), (source,), sizes)
            return normal([Term(_ONE, (Factor(atom, (*free, found)),))], range(len(dims)), dims)
    return atom_poly(Atom("indicator", ("=",), (x, y), dims))


def count_axis(poly: Poly) -> int | None:
    factor = lone(poly)
    return factor.labels[0] if factor is not None and factor.atom.head == "iota" else None


def _drop(f: Factor, label: int) -> Factor:
    return Factor(f.atom, tuple(i - (i > label) for i in f.labels), f.power)
