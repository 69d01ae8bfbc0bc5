"""The structure of a derivative: tied axes, blocks, Kronecker products, low rank.

A derivative with the row labels i… and the column labels j… is a sum of products

    c · Π δ(i, j) · Π parts[labels]

where parts share no label. A δ that no part reads is an identity, one that a part reads makes a
block for each of its places; several parts with rows and columns of their own are a Kronecker
product; a part whose rows and columns meet in a summed label only is XᵀDX, of low rank if that axis
is short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from chainrule.algebra.combine import delta_factor
from chainrule.algebra.index import Atom, Factor, Number, Poly, Term, normal
from chainrule.algebra.linear import tied_labels

__all__ = ["Form", "Part", "Summand", "damped", "evaluated"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """Factors that labels connect.

    rows, columns  the output labels that it reads, those tied to columns among the rows
    bound          the labels that it sums over
    """

    factors: tuple[Factor, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    bound: tuple[int, ...]

    @property
    def labels(self) -> tuple[int, ...]:
        """The output labels."""
        return (*self.rows, *self.columns)


@dataclass(frozen=True)
class Summand:
    """One term: a coefficient, the pairs of labels that a δ ties, and the parts."""

    coefficient: Number
    ties: tuple[Pair, ...]
    parts: tuple[Part, ...]

    def is_read(self, label: int) -> bool:
        """Whether a part reads an output label."""
        return any(label in p.labels for p in self.parts)


class Form:
    """The structure of one block of a derivative.

    poly       the derivative, with the labels of rows first
    rows       how many labels those are
    symmetric  whether the matrix is known to be symmetric
    """

    def __init__(self, poly: Poly, rows: int, symmetric: bool = False) -> None:
        self.poly = poly
        self.rows = rows
        self.symmetric = symmetric or _is_symmetric(poly, rows)
        self.summands = tuple(_summand(t, poly, rows) for t in poly.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and (self.poly, self.rows) == (other.poly, other.rows)

    def __hash__(self) -> int:
        return hash((self.poly, self.rows))

    @cached_property
    def sizes(self) -> Mapping[int, int]:
        """The size of every output label."""
        return {k: int(d) for k, d in enumerate(self.poly.dims)}

    def sizes_in(self, summand: Summand) -> dict[int, int]:
        """The size of every label of a summand."""
        return {**self.sizes, **sizes_of(f for p in summand.parts for f in p.factors)}

    @property
    def row_labels(self) -> tuple[int, ...]:
        """The labels of the rows."""
        return tuple(range(self.rows))

    @property
    def column_labels(self) -> tuple[int, ...]:
        """The labels of the columns."""
        return tuple(range(self.rows, self.poly.rank))

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns of the matrix."""
        both = self.row_labels, self.column_labels
        first, second = (math.prod(self.sizes[i] for i in labels) for labels in both)
        return first, second

    @cached_property
    def common(self) -> tuple[Pair, ...]:
        """The pairs that are tied in every summand."""
        if not self.summands:
            return ()
        first, *others = self.summands
        return tuple(p for p in first.ties if all(p in s.ties for s in others))

    @cached_property
    def blocks(self) -> tuple[Pair, ...]:
        """The tied pairs that parts read: the matrix has a block for each of their places."""
        return tuple(p for p in self.common if any(s.is_read(p[0]) for s in self.summands))

    @cached_property
    def identities(self) -> tuple[Pair, ...]:
        """The tied pairs that no part reads: the matrix is the same at each of their places."""
        return tuple(p for p in self.common if p not in self.blocks)

    @cached_property
    def free(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The labels of rows and of columns that are not tied in every summand."""
        tied = {i for p in self.common for i in p}
        rows, columns = (
            tuple(i for i in ls if i not in tied) for ls in (self.row_labels, self.column_labels)
        )
        return rows, columns

    @property
    def side(self) -> int:
        """The number of rows of the matrix that is left at one place of every tied pair."""
        return math.prod(self.sizes[i] for i in self.free[0])

    @property
    def core_size(self) -> int:
        """The number of elements that are left at the places of all tied pairs that are read."""
        blocks = math.prod(self.sizes[r] for r, _ in self.blocks)
        return blocks * math.prod(self.sizes[i] for side in self.free for i in side)

    @property
    def is_square(self) -> bool:
        """Whether what is left has as many columns as rows."""
        return self.side == math.prod(self.sizes[i] for i in self.free[1])

    @property
    def is_diagonal(self) -> bool:
        """Whether every row label is tied to a column label."""
        return bool(self.summands) and not self.free[0] and not self.free[1]

    @property
    def is_straight(self) -> bool:
        """Whether ties and parts join each axis of the rows to the same axis of the columns."""
        parts = self.kronecker or ()
        ties = all(row + self.rows == column for row, column in self.common)
        return ties and all(tuple(r + self.rows for r in p.rows) == p.columns for p in parts)

    @cached_property
    def kronecker(self) -> tuple[Part, ...] | None:
        """The matrices whose Kronecker product is left at one place of every pair, or None."""
        if len(self.summands) != 1 or self.blocks:
            return None
        parts = [p for p in self.summands[0].parts if p.labels]
        covered = {i for p in parts for i in p.labels} == {*self.free[0], *self.free[1]}
        square = all(
            math.prod(self.sizes[i] for i in p.rows) == math.prod(self.sizes[i] for i in p.columns)
            for p in parts
        )
        whole = len(self.summands[0].ties) == len(self.common)
        return tuple(parts) if covered and square and whole and len(parts) > 1 else None


def damped(form: Form, damping: Atom) -> Form:
    """The form plus a number, given as an atom, times the identity."""
    rank, rows = form.poly.rank, form.rows
    identity = Term(Fraction(1), (
        Factor(damping),
        *(delta_factor(form.poly.dims[k], k, k + rows) for k in range(rows)),
    ))  # fmt: skip
    made = normal([*form.poly.terms, identity], range(rank), form.poly.dims)
    return Form(made, rows, form.symmetric)


def evaluated(form: Form, worth: Callable[[Part], bool]) -> tuple[Form, list[tuple[Atom, Part]]]:
    """The form with some parts as single atoms, and the part that each of these stands for."""
    atoms: dict[tuple[Factor, ...], tuple[Atom, Part]] = {}
    terms = []
    for s in form.summands:
        factors = [delta_factor(form.poly.dims[r], r, c) for r, c in s.ties]
        for part in s.parts:
            if not worth(part):
                factors += part.factors
                continue
            dims = tuple(form.poly.dims[i] for i in part.labels)
            name = f"part {len(atoms)}"
            atom, _ = atoms.setdefault(part.factors, (Atom("value", (name,), (), dims), part))
            factors.append(Factor(atom, part.labels))
        terms.append(Term(s.coefficient, tuple(factors)))
    made = normal(terms, range(form.poly.rank), form.poly.dims)
    return Form(made, form.rows, form.symmetric), list(atoms.values())


def sizes_of(factors: Iterable[Factor]) -> dict[int, int]:
    """The sizes of labels."""
    return {i: int(d) for f in factors for i, d in zip(f.labels, f.atom.dims, strict=True)}


def _is_symmetric(poly: Poly, rows: int) -> bool:
    if poly.rank != 2 * rows or poly.dims[:rows] != poly.dims[rows:]:
        return False
    turned = {**{k: k + rows for k in range(rows)}, **{k + rows: k for k in range(rows)}}
    terms = [
        Term(t.coefficient, tuple(
            Factor(f.atom, tuple(turned.get(i, i) for i in f.labels), f.power) for f in t.factors))
        for t in poly.terms
    ]  # fmt: skip
    return normal([_lowest(t) for t in terms], range(poly.rank), poly.dims) == poly


def _lowest(term: Term) -> Term:
    """Factors read the smaller one of two tied labels."""
    same = dict(tied_labels(term))
    return Term(term.coefficient, tuple(
        f if f.atom.head == "delta"
        else Factor(f.atom, tuple(same.get(i, i) for i in f.labels), f.power)
        for f in term.factors
    ))  # fmt: skip


def _summand(term: Term, poly: Poly, rows: int) -> Summand:
    rank = poly.rank
    tied = tied_labels(term)
    straight = {
        (low, high) for high, low in tied if low < rows <= high
        and [b for _, b in tied].count(low) == 1
    }  # fmt: skip
    factors = [f for f in term.factors if f.atom.head != "delta"]
    factors += [_eye(low, high, term) for high, low in tied if (low, high) not in straight]
    parts = [_part(group, rank, rows) for group in _connected(factors)]
    return Summand(term.coefficient, tuple(sorted(straight)), tuple(parts))


def _eye(low: int, high: int, term: Term) -> Factor:
    """A δ that ties no row to a column is a factor like any other."""
    dims = next(f.atom.dims for f in term.factors if f.atom.head == "delta" and high in f.labels)
    return Factor(Atom("eye", dims[:1], (), dims), (low, high))


def _part(factors: Sequence[Factor], rank: int, rows: int) -> Part:
    labels = sorted({i for f in factors for i in f.labels})
    return Part(
        tuple(factors),
        tuple(i for i in labels if i < rows),
        tuple(i for i in labels if rows <= i < rank),
        tuple(i for i in labels if i >= rank),
    )


def _connected(factors: Sequence[Factor]) -> list[list[Factor]]:
    """Factors in groups that share labels."""
    groups: list[list[Factor]] = []
    for f in factors:
        near = [g for g in groups if any(set(f.labels) & set(h.labels) for h in g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(h for g in near for h in g), f])
    return groups
