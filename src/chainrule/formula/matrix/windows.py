"""Windows in index notation: X[n, c, i+u, j+v], and what is placed as W[k, c, h−i, w−j].

A view of windows is a sum over the places of its array, Σₚ Xₚ [p = i + u], and so is its transpose,
where p is free. Each relation [p = i + u] is solved for a label that is summed over: for p, else
for the place i of the window or the place u in it, whose array is read outside then, where it
is 0. The windows of a pooling that do not overlap give i = ⌊p/2⌋. What no label solves stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import cast

from chainrule.algebra.combine import grouped, ungrouped
from chainrule.algebra.index import Atom, Factor, Number, Poly, Term, fresh_labels, lean, normal
from chainrule.algebra.sizes import combined
from chainrule.formula.typeset.tree import Place

__all__ = ["Index", "Opened", "Reading", "Relation", "has_windows", "is_window", "opened"]

_ONE = Fraction(1)


@dataclass(frozen=True)
class Index:
    """A sum of labels, each with a step, and a number: 2i + u − 1; divided, it is rounded down."""

    offset: int | str
    terms: tuple[tuple[int, int], ...]
    divisor: int = 1

    @property
    def label(self) -> int | None:
        """The label, if that is all."""
        whole = len(self.terms) == 1 and self.terms[0][1] == 1 and self.offset == 0
        return self.terms[0][0] if whole and self.divisor == 1 else None

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels in it."""
        return tuple(i for i, _ in self.terms)

    def with_value(self, label: int, value: Index) -> Index:
        """The index with a label written out."""
        step = dict(self.terms).get(label)
        if step is None:
            return self
        if self.label == label:
            return value
        if value.divisor != 1 or self.divisor != 1:
            raise UnsolvedError
        terms = dict(value.terms) if step == 1 else {i: step * s for i, s in value.terms}
        for i, s in self.terms:
            if i != label:
                terms[i] = terms.get(i, 0) + s
        offset = _sum((1, self.offset), (step, value.offset))
        return Index(offset, tuple((i, s) for i, s in terms.items() if s))


class UnsolvedError(Exception):
    """A term that this notation does not reach."""


def plain(label: int) -> Index:
    """The index that is a label alone."""
    return Index(0, ((label, 1),))


def _sum(*parts: tuple[int, int | str]) -> int | str:
    if all(isinstance(p, int) for _, p in parts):
        return sum(times * p for times, p in parts if isinstance(p, int))
    found = combined(*((times, str(p).replace("-", "−")) for times, p in parts))
    return int(found.replace("−", "-")) if found.lstrip("−").isdigit() else found


@dataclass(frozen=True)
class Reading:
    """An atom read at indices, raised to a power; outside of its axes it is 0."""

    atom: Atom
    places: tuple[Index, ...]
    power: Fraction = _ONE
    outside: bool = False

    def with_value(self, label: int, value: Index, outside: bool) -> Reading:
        """The reading with a label written out."""
        if all(label not in p.labels for p in self.places):
            return self
        places = tuple(p.with_value(label, value) for p in self.places)
        return replace(self, places=places, outside=self.outside or outside)


@dataclass(frozen=True)
class Relation:
    """[p = i + u]: 1 where it holds. ``outside``: whether the sum leaves the axis of p."""

    label: int
    index: Index
    outside: bool


@dataclass
class Opened:
    """A term whose windows are written out; ``sizes`` are those of all of its labels."""

    rank: int
    coefficient: Number
    scalars: list[Factor]
    readings: list[Reading]
    relations: list[Relation] = field(default_factory=list)
    sizes: dict[int, str] = field(default_factory=dict)
    order: list[tuple[int, ...]] = field(default_factory=list)
    """For each axis with windows the label of the window and of the place in it, then its own."""

    def at(self, label: int) -> list[Reading]:
        """The readings at a label."""
        return [r for r in self.readings if any(label in p.labels for p in r.places)]

    def labels(self) -> set[int]:
        """The labels that stand anywhere."""
        read = {i for r in self.readings for p in r.places for i in p.labels}
        return read | {i for r in self.relations for i in (r.label, *r.index.labels)}

    def settle(self, label: int, value: Index, outside: bool) -> None:
        """Write a label out everywhere."""
        self.readings = [r.with_value(label, value, outside) for r in self.readings]


def is_window(atom: Atom) -> bool:
    """Whether an atom reads or fills windows: an axis by two labels, as i + u."""
    if atom.head not in ("view", "accumulate"):
        return False
    return any(len(terms) > 1 for _, terms in cast("tuple[Place, ...]", atom.params[0]))


def has_windows(term: Term) -> bool:
    """Whether windows stand in a product."""
    return any(is_window(f.atom) for f in term.factors)


def opened(term: Term, dims: Sequence[str]) -> list[Opened]:
    """A term with its windows written out, as a sum.

    Raises:  UnsolvedError: this notation does not reach it.
    """
    return [_solved(part) for part in _expanded(term, dims)]


# ---------------------------------------------------------------- views as sums over places


def _expanded(term: Term, dims: Sequence[str]) -> Iterator[Opened]:
    rank = len(dims)
    fresh = fresh_labels(term, rank)
    sizes = dict(enumerate(dims))
    for f in term.factors:
        sizes |= dict(zip(f.labels, f.atom.dims, strict=True))
    pending = [(Term(term.coefficient, term.factors), Opened(rank, _ONE, [], [], [], sizes))]
    while pending:
        product, made = pending.pop(0)
        window = next((f for f in product.factors if is_window(f.atom)), None)
        if window is None:
            yield _read(product, made)
            continue
        if window.power != 1:
            raise UnsolvedError
        rest = Term(product.coefficient, tuple(f for f in product.factors if f is not window))
        open_ = _view if window.atom.head == "view" else _accumulate
        inside, more = open_(window, made, fresh)
        pending = [*((rest.times(inner), _with_sizes(more, inner)) for inner in inside), *pending]


def _read(product: Term, made: Opened) -> Opened:
    made.coefficient = product.coefficient
    made.scalars = [f for f in product.factors if not f.labels]
    made.readings = [
        Reading(f.atom, tuple(map(plain, f.labels)), f.power) for f in product.factors if f.labels
    ]
    gone = set(made.sizes) - made.labels() - set(range(made.rank))
    if any(made.sizes[i] != "1" for i in gone):
        raise UnsolvedError  # a sum over what nothing depends on counts
    return made


def _with_sizes(made: Opened, inner: Term) -> Opened:
    sizes = dict(made.sizes)
    for f in inner.factors:
        sizes |= dict(zip(f.labels, f.atom.dims, strict=True))
    return replace(made, sizes=sizes, relations=[*made.relations], order=[*made.order])


def _view(f: Factor, made: Opened, fresh: Iterator[int]) -> tuple[list[Term], Opened]:
    """What is read, at labels of its own where it is read at sums of them."""
    inside = grouped(f.atom.args[0])
    axes = cast("tuple[Place, ...]", f.atom.params[0])
    more = replace(made, sizes={**made.sizes}, relations=[*made.relations], order=[*made.order])
    read = []
    for dim, (offset, terms) in zip(inside.dims, axes, strict=True):
        same = len(terms) == 1 and terms[0][1] == 1 and f.atom.dims[terms[0][0]] == dim
        if same and offset == 0:
            read.append(f.labels[terms[0][0]])
            continue
        index = Index(offset, tuple((f.labels[a], s) for a, s in terms))
        read.append(_related(more, next(fresh), dim, index, len(f.atom.params) > 1))
    return inside.at(read, fresh), more


def _accumulate(f: Factor, made: Opened, fresh: Iterator[int]) -> tuple[list[Term], Opened]:
    """What is placed, where its labels give those of the whole."""
    inside = ungrouped(f.atom.args[0])
    axes = cast("tuple[Place, ...]", f.atom.params[0])
    more = replace(made, sizes={**made.sizes}, relations=[*made.relations], order=[*made.order])
    own: dict[int, int] = {}
    for label, dim, (offset, terms) in zip(f.labels, f.atom.dims, axes, strict=True):
        same = len(terms) == 1 and terms[0][1] == 1 and inside.dims[terms[0][0]] == dim
        if same and offset == 0 and terms[0][0] not in own:
            own[terms[0][0]] = label
    direct = dict(own)
    for axis, dim in enumerate(inside.dims):
        if axis not in own:
            own[axis] = next(fresh)
            more.sizes[own[axis]] = dim
    for label, dim, (offset, terms) in zip(f.labels, f.atom.dims, axes, strict=True):
        if len(terms) == 1 and direct.get(terms[0][0]) == label:
            continue
        _related(more, label, dim, Index(offset, tuple((own[a], s) for a, s in terms)), True)
    return inside.at([own[a] for a in range(inside.rank)], fresh), more


def _related(made: Opened, label: int, dim: str, index: Index, outside: bool) -> int:
    made.sizes[label] = dim
    made.relations.append(Relation(label, index, outside))
    if len(index.terms) > 1:
        made.order.append((*index.labels, label))
    return label


# ---------------------------------------------------------------- solving relations


def _solved(term: Opened) -> Opened:
    term.readings = [_through(r, term.relations, term.sizes) for r in term.readings]
    solved = {r.label for r in term.relations}
    zero = Index(0, ())
    for label in [i for i in term.labels() - solved if i >= term.rank and term.sizes[i] == "1"]:
        term.settle(label, zero, outside=False)
        term.relations = [replace(r, index=r.index.with_value(label, zero)) for r in term.relations]
    while any(_is_solved(term, solve) for solve in (_rounded, _as_place, _as_label)):
        pass
    there = term.labels()
    term.sizes = {i: d for i, d in term.sizes.items() if i in there or i < term.rank}
    return term


def _is_solved(term: Opened, solve: Callable[[Opened, Relation, set[int]], bool]) -> bool:
    """Whether a relation was solved in this way, and so is gone."""
    for relation in term.relations:
        others = [r for r in term.relations if r is not relation]
        if solve(term, relation, {i for r in others for i in (r.label, *r.index.labels)}):
            term.relations = others
            return True
    return False


def _through(r: Reading, relations: Sequence[Relation], sizes: Mapping[int, str]) -> Reading:
    """[H[2i+u] = Pᵢ] as [Hₚ = Pᵢ], where p = 2i+u."""
    if r.atom.head != "indicator" or r.power != 1 or any(p.label is None for p in r.places):
        return r
    at = [cast("int", p.label) for p in r.places]
    named = {x.index: x.label for x in relations}
    sides = [_side(arg, at, named) for arg in r.atom.args]
    if all(side is None for side in sides):
        return r
    short = [side or _lean(arg, at) for side, arg in zip(sides, r.atom.args, strict=True)]
    labels = list(dict.fromkeys(i for _, found in short for i in found))
    dims = tuple(sizes[i] for i in labels)
    args = tuple(_spread(poly, [labels.index(i) for i in found], dims) for poly, found in short)
    atom = Atom("indicator", r.atom.params, args, dims)
    return Reading(atom, tuple(map(plain, labels)))


def _lean(poly: Poly, at: Sequence[int]) -> tuple[Poly, list[int]]:
    short, used = lean(poly)
    return short, [at[k] for k in used]


def _spread(poly: Poly, at: Sequence[int], dims: tuple[str, ...]) -> Poly:
    return normal(poly.at(at, itertools.count(len(dims))), range(len(dims)), dims)


def _side(
    arg: Poly, at: Sequence[int], named: Mapping[Index, int]
) -> tuple[Poly, list[int]] | None:
    """What a side of a relation views, and the labels at which that is read."""
    factors = [f for t in arg.terms for f in t.factors]
    if len(arg.terms) != 1 or len(factors) != 1 or arg.terms[0].coefficient != 1:
        return None
    (f,) = factors
    if f.atom.head != "view" or not is_window(f.atom) or f.power != 1:
        return None
    found = []
    for offset, terms in cast("tuple[Place, ...]", f.atom.params[0]):
        index = Index(offset, tuple((at[f.labels[a]], s) for a, s in terms))
        label = index.label if index.label is not None else named.get(index)
        if label is None:
            return None
        found.append(label)
    return f.atom.args[0], found


def _rounded(term: Opened, relation: Relation, elsewhere: set[int]) -> bool:
    """[p = 2i + u] with u < 2 in nothing else: i = ⌊p/2⌋."""
    terms = sorted(relation.index.terms, key=lambda pair: -pair[1])
    if len(terms) != 2 or terms[1][1] != 1 or relation.index.divisor != 1:
        return False
    (place, step), (inside, _) = terms
    bound = min(place, inside) >= term.rank and not {place, inside} & elsewhere
    if not bound or term.sizes[inside] != str(step) or step == 1 or term.at(inside):
        return False
    alone = all(p == plain(place) for r in term.at(place) for p in r.places if place in p.labels)
    if not alone or not _is_bounded(term, place):
        return False
    value = Index(_sum((-1, relation.index.offset)), ((relation.label, 1),), step)
    term.settle(place, value, outside=True)
    return True


def _is_bounded(term: Opened, label: int) -> bool:
    """Whether a value outside of a label's axis gives 0: a name is read there, at that alone."""
    found = term.at(label)
    return all(r.power > 0 for r in found) and any(
        r.atom.head == "name" and plain(label) in r.places for r in found
    )


def _as_place(term: Opened, relation: Relation, elsewhere: set[int]) -> bool:
    """Σₚ Xₚ [p = i + u] is X[i+u]."""
    label = relation.label
    found = term.at(label)
    if label < term.rank or label in elsewhere or not found:
        return False
    if relation.outside and not _is_bounded(term, label):
        return False
    term.settle(label, relation.index, relation.outside)
    return True


def _as_label(term: Opened, relation: Relation, elsewhere: set[int]) -> bool:
    """Σᵢ Yᵢ [p = i + u] is Y[p−u]: the label with a step of 1 that stands at the fewest factors."""
    index = relation.index
    free = [
        i for i, step in index.terms
        if step == 1 and i >= term.rank and i not in elsewhere and i != relation.label
        and _is_bounded(term, i)
    ]  # fmt: skip
    if not free or index.divisor != 1:
        return False
    best = min(free, key=lambda i: (any(r.atom.head != "name" for r in term.at(i)),
                                    len(term.at(i))))  # fmt: skip
    rest = tuple((i, -s) for i, s in index.terms if i != best)
    value = Index(_sum((-1, index.offset)), ((relation.label, 1), *rest))
    term.settle(best, value, outside=True)
    return True
