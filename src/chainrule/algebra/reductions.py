"""Maxima, products and other reductions that are no sums, and functions along an axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.combine import ungrouped
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal
from chainrule.ir.graph import Graph
from chainrule.ir.primitives import Reduce

__all__ = ["along", "attained", "axes_of", "reduced"]


def reduced(kind: str, x: Poly, axes: Sequence[int], dims: tuple[str, ...]) -> Poly:
    """A reduction as an atom; it goes over the last axes of its operand, so their number says it.

    The maxima of the columns of X are max(Xᵀ), as those of its rows are max(X).
    """
    kept = [k for k in range(x.rank) if k not in axes]
    return atom_poly(Atom(f"reduce:{kind}", (), (_ordered(ungrouped(x), [*kept, *axes]),), dims))


def along(name: str, x: Poly, axes: Sequence[int], dims: tuple[str, ...]) -> Poly:
    """softmax, log_softmax or logsumexp along some axes, read from the transpose if need be."""
    order = [*(k for k in range(x.rank) if k not in axes), *axes]
    if order == list(range(x.rank)) or len(dims) not in (x.rank, x.rank - len(axes)):
        return atom_poly(Atom(name, tuple(axes), (ungrouped(x),), dims))
    turned = _ordered(ungrouped(x), order)
    places = tuple(range(x.rank - len(axes), x.rank))
    if len(dims) < x.rank:
        return atom_poly(Atom(name, places, (ungrouped(turned),), dims))
    atom = Atom(name, places, (turned,), turned.dims)
    return normal([Term(Fraction(1), (Factor(atom, tuple(order)),))], range(x.rank), dims)


def axes_of(body: Graph) -> tuple[int, ...]:
    """The axes over which the body of a softmax sums."""
    found = (node.op.axes for node in body.nodes() if isinstance(node.op, Reduce))
    return next(found, ())


def attained(x: Poly, extremum: Poly) -> Poly:
    """[x = m], 1 where an extremum is attained."""
    return atom_poly(Atom("indicator", ("=",), (ungrouped(x), ungrouped(extremum)), x.dims))


def _ordered(x: Poly, order: Sequence[int]) -> Poly:
    """The poly with its axes in this order."""
    read = [list(order).index(k) for k in range(x.rank)]
    terms = x.at(read, itertools.count(x.rank))
    return normal(terms, range(x.rank), tuple(x.dims[k] for k in order))
