"""Reads and writes at integers: products with one-hot rows, in matrices row by row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.combine import delta_factor, lone, number_of, size
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, lean, normal
from chainrule.algebra.masks import count_axis

__all__ = ["gather", "scatter"]

_ONE = Fraction(1)


def _index_factor(index: Poly, labels: Sequence[int], axis: int, dim: str) -> Factor:
    """The factor that picks, for each index, its place on an axis."""
    counted = count_axis(index)
    if counted is not None and index.dims[counted] == dim:
        return delta_factor(dim, labels[counted], axis)
    index, used = lean(index)
    place = number_of(index)
    if not used and isinstance(place, Fraction) and place >= 0 and place.denominator == 1:
        return Factor(Atom("unit", (int(place),), (), (dim,)), (axis,))
    labels = [labels[i] for i in used]
    atom = Atom("onehot", (), (index,), (*index.dims, dim))
    return Factor(atom, (*labels, axis))


def gather(operand: Poly, indices: Sequence[Poly], dims: tuple[str, ...]) -> Poly:
    """result[i…, rest…] = Σ over axes operand[axes…, rest…] Π onehot(index)[i…, axis]."""
    if (rows := _of_rows(operand, indices, dims)) is not None:
        return rows
    shared = indices[0].rank
    places = list(range(shared))
    rest = list(range(shared, len(dims)))
    axes = list(range(len(dims), len(dims) + len(indices)))
    fresh = itertools.count(len(dims) + len(indices))
    picks = tuple(
        _index_factor(index, places, axis, dim)
        for index, axis, dim in zip(indices, axes, operand.dims, strict=False)
    )
    terms = [t.times(Term(_ONE, picks)) for t in operand.at([*axes, *rest], fresh)]
    return normal(terms, range(len(dims)), dims)


def scatter(updates: Poly, indices: Sequence[Poly], dims: tuple[str, ...]) -> Poly:
    """result[axes…, rest…] = Σ over i updates[i…, rest…] Π onehot(index)[i…, axis]."""
    if (rows := _into_rows(updates, indices, dims)) is not None:
        return rows
    count = len(indices)
    axes, rest = list(range(count)), list(range(count, len(dims)))
    places = [len(dims) + k for k in range(indices[0].rank)]
    fresh = itertools.count(len(dims) + indices[0].rank)
    picks = tuple(
        _index_factor(index, places, axis, dim)
        for index, axis, dim in zip(indices, axes, dims, strict=False)
    )
    terms = [t.times(Term(_ONE, picks)) for t in updates.at([*places, *rest], fresh)]
    return normal(terms, range(len(dims)), dims)


def _in_row(indices: Sequence[Poly], length: str) -> Poly | None:
    """The index within a row, where the only index is that of row · length + index, flat."""
    (index, *more) = indices
    rows = None
    rest = []
    for term in index.terms:
        counters = [f for f in term.factors if f.atom.head == "iota" and f.labels == (0,)]
        others = tuple(f for f in term.factors if f not in counters)
        if len(counters) == 1 and Term(term.coefficient, others) == size(length):
            rows = counters[0]
        else:
            rest.append(term)
    if more or rows is None or index.rank < 2:
        return None
    return normal(rest, range(index.rank), index.dims)


def _of_rows(operand: Poly, indices: Sequence[Poly], dims: tuple[str, ...]) -> Poly | None:
    """A flattened matrix read at an index in each of its rows."""
    whole = lone(operand)
    if whole is None or whole.atom.head != "reshape" or whole.atom.args[0].rank != 2:
        return None
    (inner,) = whole.atom.args
    index = _in_row(indices, inner.dims[1])
    if index is None or index.rank != 2:
        return None
    pick = _index_factor(index, (0, 1), 2, inner.dims[1])
    terms = [t.times(Term(_ONE, (pick,))) for t in inner.at((0, 2), itertools.count(3))]
    return normal(terms, range(2), dims)


def _into_rows(updates: Poly, indices: Sequence[Poly], dims: tuple[str, ...]) -> Poly | None:
    """Values added to a flattened matrix at an index in each of its rows."""
    sides, rows = dims[0].split("·"), indices[0].dims[:1]
    if len(dims) > 1 or len(sides) != 2 or not rows or rows[0] not in sides:
        return None
    (length,) = sides[:1] if sides[1] == rows[0] else sides[1:]
    index = _in_row(indices, length)
    if index is None or index.rank != 2:
        return None
    pick = _index_factor(index, (0, 2), 1, length)
    terms = [t.times(Term(_ONE, (pick,))) for t in updates.at((0, 2), itertools.count(3))]
    inner = normal(terms, range(2), (*rows, length))
    return atom_poly(Atom("reshape", dims, (inner,), dims))
