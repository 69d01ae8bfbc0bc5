"""Sums of Kronecker products whose terms have eigenvectors in common: A ⊗ I + I ⊗ B, A ⊗ B + λI.

Axes fall into groups. In every term a group has the identity or a matrix. Where no term has two
matrices, those of a group add up to one, and the eigenvalues are sums; where terms have more, each
group may have one matrix only, and the eigenvalues are sums of products.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.algebra.index import Poly, Term, normal
from chainrule.algebra.structure import Form, Part, Summand

__all__ = ["Group", "Joint", "joint_of"]


class Group(NamedTuple):
    """Axes that one symmetric matrix acts on.

    rows   the row labels; the column labels are as many above
    form   the matrix
    """

    rows: tuple[int, ...]
    form: Form


class Joint(NamedTuple):
    """Groups of axes, and for each term its number and which groups have their matrix in it.

    A term without a summand has the coefficient 1: its numbers are inside of the matrix.
    """

    groups: tuple[Group, ...]
    terms: tuple[tuple[Summand | None, tuple[bool, ...]], ...]


def joint_of(form: Form) -> Joint | None:
    """The groups of a symmetric form, or None."""
    straight = all(c == r + form.rows for s in form.summands for r, c in s.ties)
    if not form.symmetric or form.blocks or len(form.summands) < 2 or not straight:
        return None
    groups = _groups(form)
    if len(groups) < 2:
        return None
    rows = [_read(s, groups) for s in form.summands]
    if any(row is None for row in rows):
        return None
    table = [row for row in rows if row is not None]
    mixed = any(sum(part is not None for part in row) > 1 for row in table)
    return _powers(form, groups, table) if mixed else _sums(form, groups, table)


def _groups(form: Form) -> list[tuple[int, ...]]:
    """The free rows, together where a part reads more of them."""
    shared = {r for r, _ in form.common}
    groups = [{r} for r in form.row_labels if r not in shared]
    for part in (p for s in form.summands for p in s.parts):
        near = {i % form.rows for i in part.labels}
        touched = [g for g in groups if g & near]
        groups = [g for g in groups if g not in touched]
        groups += [set().union(*touched)] if touched else []
    return sorted(tuple(sorted(g)) for g in groups)


Row = list[Part | None]


def _read(s: Summand, groups: Sequence[tuple[int, ...]]) -> Row | None:
    """The matrix of each group in a term; None in place of all if a term is no such product."""
    tied = {r for r, _ in s.ties}
    row: Row = []
    for group in groups:
        parts = [p for p in s.parts if set(group) & {*p.rows, *(c for c in p.columns)}]
        found = next((p for p in s.parts if p.labels and p.rows == group), None)
        if set(group) <= tied and found is None:
            row.append(None)
        elif found is not None and len(parts) == 1 and len(found.columns) == len(group):
            row.append(found)
        else:
            return None
    wide = [p for p in s.parts if p.labels]
    return row if len(wide) == sum(part is not None for part in row) else None


def _matrix(form: Form, group: tuple[int, ...], terms: Sequence[Term]) -> Form:
    labels = (*group, *(r + form.rows for r in group))
    dims = tuple(form.poly.dims[i] for i in labels)
    rank = form.poly.rank
    place = {label: k for k, label in enumerate(labels)}
    moved: list[Term] = []
    for term in terms:
        shift = {i: i + rank + len(labels) for f in term.factors for i in f.labels}
        factors = tuple(
            type(f)(f.atom, tuple(place.get(i, shift[i]) for i in f.labels), f.power)
            for f in term.factors
        )
        moved.append(Term(term.coefficient, factors))
    poly: Poly = normal(moved, range(len(labels)), dims)
    return Form(poly, len(group))


def _sums(form: Form, groups: Sequence[tuple[int, ...]], table: Sequence[Row]) -> Joint | None:
    """No term has two matrices: those of a group are added."""
    made: list[Group] = []
    terms: list[tuple[Summand | None, tuple[bool, ...]]] = []
    nowhere = (False,) * len(groups)
    for k, group in enumerate(groups):
        own = [
            Term(s.coefficient, tuple(f for p in s.parts for f in p.factors))
            for s, row in zip(form.summands, table, strict=True)
            if row[k] is not None
        ]
        matrix = _matrix(form, group, own)
        made.append(Group(group, matrix))
        terms.append((None, tuple(j == k for j in range(len(groups)))))
    identities = zip(form.summands, table, strict=True)
    terms += [(s, nowhere) for s, row in identities if all(part is None for part in row)]
    return Joint(tuple(made), tuple(terms))


def _powers(form: Form, groups: Sequence[tuple[int, ...]], table: Sequence[Row]) -> Joint | None:
    """Each group has one matrix, which is symmetric, in some of the terms."""
    made: list[Group] = []
    for k, group in enumerate(groups):
        found = {
            matrix.poly: matrix
            for row in table
            if (part := row[k]) is not None
            for matrix in [_matrix(form, group, [Term(Fraction(1), part.factors)])]
        }
        if len(found) != 1 or not all(m.symmetric for m in found.values()):
            return None
        made.append(Group(group, *found.values()))
    terms = tuple(
        (s, tuple(part is not None for part in row))
        for s, row in zip(form.summands, table, strict=True)
    )
    return Joint(tuple(made), terms)
