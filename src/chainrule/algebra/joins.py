"""Joined arrays: [A; B] along an axis, its parts read back, and where a direction stands in one.

A slice of [A; B] that is a part is that part. In a derivative, the part k of [A; B] stands at its
place by the factor ``embed``, rows of I: what the rows of a Jacobian have by such factors becomes
one block matrix, [J; 𝟎]; summed over, it slices what it is multiplied with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.algebra.combine import delta_factor, lone
from chainrule.algebra.index import (
    Atom,
    Factor,
    Poly,
    Term,
    atom_poly,
    constant,
    fresh_labels,
    normal,
)
from chainrule.algebra.sizes import combined

__all__ = ["ends", "inside_of_join", "joined", "part_of", "stacked"]

_ONE = Fraction(1)
Definitions = Mapping[Atom, Poly]


def joined(parts: Sequence[Poly], axis: int) -> Poly:
    """[A; B], the parts one after another along an axis."""
    lengths = tuple(p.dims[axis] for p in parts)
    dims = (*parts[0].dims[:axis], total(lengths), *parts[0].dims[axis + 1 :])
    if not any(p.terms for p in parts):
        return constant(_ONE - 1, dims)
    return atom_poly(Atom("join", (axis,), tuple(parts), dims))


def total(lengths: Sequence[str]) -> str:
    """The size of parts of these sizes together."""
    return combined(*((1, length) for length in lengths))


def ends(lengths: Sequence[str]) -> list[str]:
    """Where each part begins, and where the last one ends."""
    return [total(lengths[:k]) for k in range(len(lengths) + 1)]


def part_of(
    x: Poly, axis: int, start: int | str, length: str | None, definitions: Definitions
) -> Poly | None:
    """The slice of x at this axis where x is made of joined arrays and the slice is a part of each.

    Without a length, the slice is one place, and a part of size 1 is it. None for anything else.
    """
    cut = _Cut(start, length, definitions)
    made = cut.poly(x, axis)
    return made if cut.found else None


@dataclass
class _Cut:
    """A slice along one axis; ``found`` says that something was a part of joined arrays there."""

    start: int | str
    length: str | None
    definitions: Definitions
    found: bool = False

    def poly(self, x: Poly, axis: int) -> Poly | None:
        """The slice of a poly, factor by factor."""
        terms = []
        for term in x.terms:
            made: Term | None = Term(term.coefficient)
            for f in term.factors:
                made = None if made is None else self._times(made, f, axis, x.rank)
                if made is None:
                    return None
            terms.append(made)
        dims = tuple(d if k != axis else self.length or "1" for k, d in enumerate(x.dims))
        return normal([t for t in terms if t is not None], range(x.rank), dims)

    def _times(self, term: Term, f: Factor, label: int, rank: int) -> Term | None:
        if label not in f.labels:
            return term.times(Term(_ONE, (f,)))
        cut = self.factor(f, label)
        if cut is None:
            return None
        if not cut.terms:
            return Term(_ONE - 1)
        fresh = fresh_labels(Term(_ONE, (*term.factors, f)), rank)
        (inner, *more) = cut.at(f.labels, fresh)
        if f.power != 1 and (more or f.power.denominator != 1):
            inner = _grouped(cut, f.labels)
        elif more:
            return term.times(_grouped(cut, f.labels))
        return term.times(_raised(inner, f.power))

    def factor(self, f: Factor, label: int) -> Poly | None:
        """The slice of a factor along one of its labels."""
        if f.labels.count(label) > 1:
            return None
        slot = f.labels.index(label)
        part = _part(f.atom, slot, self.start, self.length or "1", self.definitions)
        if part is not None:
            self.found = True
            return part
        if f.atom.head.partition(":")[0] in _POINTWISE:
            return self._pointwise(f.atom, slot)
        if f.atom.head not in ("name", "join") or self.length is None:
            return None
        return _read(f.atom, slot, self.start, self.length)

    def _pointwise(self, atom: Atom, slot: int) -> Poly | None:
        if any(a.rank and a.dims != atom.dims for a in atom.args):
            return None
        args = [self.poly(a, slot) if a.rank else a for a in atom.args]
        dims = tuple(d if k != slot else self.length or "1" for k, d in enumerate(atom.dims))
        made = tuple(a for a in args if a is not None)
        if len(made) < len(args):
            return None
        if atom.head == "group":
            return made[0]
        return atom_poly(Atom(atom.head, atom.params, made, dims))


_POINTWISE = ("apply", "group", "indicator")


def _part(
    atom: Atom, slot: int, start: int | str, length: str, definitions: Definitions
) -> Poly | None:
    """The part of joined arrays that a slice of them is; None if the slice is none."""
    held = definitions.get(atom)
    whole = None if held is None else lone(held)
    if held is not None and whole is not None and whole.labels == tuple(range(held.rank)):
        atom = whole.atom
    if atom.head != "join" or slot != atom.params[0]:
        return None
    lengths = [p.dims[slot] for p in atom.args]
    places = dict(zip(ends(lengths), range(len(lengths)), strict=False))
    k = places.get(str(start).replace("-", "−"))
    return atom.args[k] if k is not None and lengths[k] == length else None


def _read(atom: Atom, slot: int, start: int | str, length: str) -> Poly:
    """A slice of an array as such."""
    dims = tuple(length if k == slot else d for k, d in enumerate(atom.dims))
    places = tuple((start if k == slot else 0, ((k, 1),)) for k in range(len(dims)))
    return atom_poly(Atom("view", (places,), (atom_poly(atom),), dims))


def _grouped(poly: Poly, labels: tuple[int, ...], power: Fraction = _ONE) -> Term:
    return Term(_ONE, (Factor(Atom("group", (), (poly,), poly.dims), labels, power),))


def _raised(term: Term, power: Fraction) -> Term:
    if power == 1:
        return term
    factors = tuple(Factor(f.atom, f.labels, f.power * power) for f in term.factors)
    return Term(term.coefficient ** int(power), factors)


# ---------------------------------------------------------------- derivatives


def inside_of_join(f: Factor, direction: str) -> list[Term]:
    """The terms of the parts in which a direction stands, each beside the place of its part."""
    axis = int(str(f.atom.params[0]))
    lengths = tuple(p.dims[axis] for p in f.atom.args)
    fresh = itertools.count(1000)
    found: list[Term] = []
    for k, part in enumerate(f.atom.args):
        if direction not in part.key:
            continue
        at = (*f.labels[:axis], next(fresh), *f.labels[axis + 1 :])
        if all(length == "1" for length in lengths):
            unit = Atom("unit", (k,), (), (str(len(lengths)),))
            place = Factor(unit, (f.labels[axis],))
        else:
            atom = Atom("embed", (k, lengths), (), (total(lengths), lengths[k]))
            place = Factor(atom, (f.labels[axis], at[axis]))
        found += [Term(_ONE, (place,)).times(t) for t in part.at(at, fresh)]
    return found


def stacked(poly: Poly, definitions: Definitions) -> Poly:
    """The poly without ``embed``: slices where it is summed over, block matrices where it is not.

    The rows of I beside which nothing stands are those of [I; 𝟎].
    """
    while True:
        made = [_sliced(t, poly.rank, definitions) for t in poly.terms]
        if all(t is None for t in made):
            break
        terms = [t for new, old in zip(made, poly.terms, strict=True)
                 for t in ([old] if new is None else new)]  # fmt: skip
        poly = normal(terms, range(poly.rank), poly.dims)
    while (found := _joined_rows(poly)) is not None:
        poly = found
    return poly


def _sliced(term: Term, rank: int, definitions: Definitions) -> list[Term] | None:
    """Σ over the whole of embed times others: the others at the place of the part."""
    for f in term.factors:
        if f.atom.head == "unit" and f.labels[0] >= rank:
            made = _column(term, f, rank, definitions)
            if made is not None:
                return [made]
        if f.atom.head != "embed" or f.labels[0] < rank:
            continue
        label, inner = f.labels
        rest = [g for g in term.factors if g is not f]
        whole = Term(term.coefficient, tuple(g for g in rest if label not in g.labels))
        for g in (g for g in rest if label in g.labels):
            cut = _cut_at(g, label, inner, f.atom, definitions)
            if cut is None:
                return []
            whole = whole.times(cut)
        return [whole]
    return None


def _column(term: Term, unit: Factor, rank: int, definitions: Definitions) -> Term | None:
    """[𝟏, x]e₁ is x."""
    (label,) = unit.labels
    others = [g for g in term.factors if g is not unit and label in g.labels]
    if len(others) != 1 or others[0].power != 1 or others[0].labels.count(label) > 1:
        return None
    (g,) = others
    (place,) = unit.atom.params
    part = _part(g.atom, g.labels.index(label), str(place), "1", definitions)
    if part is None:
        return None
    rest = Term(term.coefficient, tuple(h for h in term.factors if h is not g and h is not unit))
    if not part.terms:
        return Term(_ONE - 1)
    return rest.times(_one_of(part, g.labels, fresh_labels(term, rank)))


def _one_of(poly: Poly, labels: tuple[int, ...], fresh: Iterable[int]) -> Term:
    """A poly as one term."""
    terms = poly.at(labels, fresh)
    return terms[0] if len(terms) == 1 else _grouped(poly, labels)


def _cut_at(
    g: Factor, label: int, inner: int, place: Atom, definitions: Definitions
) -> Term | None:
    """A factor at the places of a part; None where it is zero there."""
    k, lengths = int(str(place.params[0])), place.params[1]
    assert isinstance(lengths, tuple)
    labels = tuple(inner if i == label else i for i in g.labels)
    if g.atom.head == "embed" and g.labels[0] == label:
        same = g.atom.params == place.params
        return Term(_ONE, (delta_factor(lengths[k], inner, g.labels[1]),)) if same else None
    start = ends(lengths)[k]
    offset = int(start) if start.isdigit() else start
    cut = _Cut(offset, lengths[k], definitions).factor(g, label)
    if cut is None:
        cut = _read(g.atom, g.labels.index(label), offset, lengths[k])
    if not cut.terms:
        return None
    if g.power != 1:
        return _grouped(cut, labels, g.power)
    return _one_of(cut, labels, itertools.count(5000))


def _joined_rows(poly: Poly) -> Poly | None:
    """The terms that have a place along one output label as one block matrix."""
    for first in poly.terms:
        for place in (f for f in first.factors if f.atom.head == "embed"):
            alone = sum(_place_like(t, place) is not None for t in poly.terms) == 1
            found = _block(first, place, poly.rank, alone)
            if found is not None:
                return _with_blocks(poly, place, alone, *found[1:])
    return None


def _place_like(term: Term, place: Factor) -> Factor | None:
    """The factor that puts a part of the same joined arrays at its place along the same axis."""
    return next((f for f in term.factors if f.atom.head == "embed"
                 and f.labels[0] == place.labels[0]
                 and f.atom.params[1] == place.atom.params[1]), None)  # fmt: skip


def _with_blocks(
    poly: Poly, place: Factor, alone: bool, outputs: tuple[int, ...], rest: tuple[Factor, ...]
) -> Poly:
    label, lengths = place.labels[0], place.atom.params[1]
    assert isinstance(lengths, tuple)
    blocks: list[list[Term]] = [[] for _ in lengths]
    left: list[Term] = []
    for term in poly.terms:
        own = _place_like(term, place)
        split = None if own is None else _block(term, own, poly.rank, alone)
        if own is None or split is None or split[1:] != (outputs, rest):
            left.append(term)
        else:
            blocks[int(str(own.atom.params[0]))].append(split[0])
    axes = (label, *outputs)
    sizes = tuple(poly.dims[i] for i in outputs)
    parts = [normal(b, axes, (length, *sizes)) for b, length in zip(blocks, lengths, strict=True)]
    atom = Atom("join", (0,), tuple(parts), (total(lengths), *sizes))
    return normal([*left, Term(_ONE, (*rest, Factor(atom, axes)))], range(poly.rank), poly.dims)


def _block(
    term: Term, place: Factor, rank: int, alone: bool
) -> tuple[Term, tuple[int, ...], tuple[Factor, ...]] | None:
    """What is connected to a place by labels: the block, its other outputs, and all the rest.

    The block has the label of the whole in place of that of the part. None where it has both.
    Scalars stand in front of a block that is ``alone``.
    """
    label, inner = place.labels
    factors = [f for f in term.factors if f is not place]
    if inner < rank:
        block = [f for f in factors if set(f.labels) <= {inner} and (f.labels or not alone)]
        whole = delta_factor(place.atom.dims[1], label, inner)
        own = Term(term.coefficient, (whole, *block))
        return own, (inner,), tuple(f for f in factors if f not in block)
    reached, block = {inner}, []
    while more := [f for f in factors if f not in block and reached & set(f.labels)]:
        block += more
        reached |= {i for f in more for i in f.labels if i >= rank}
    if any(label in f.labels for f in block):
        return None
    there = {i for f in block for i in f.labels if i < rank}
    block += [f for f in factors if f not in block and set(f.labels) <= there
              and (f.labels or not alone)]  # fmt: skip
    moved = tuple(
        Factor(f.atom, tuple(label if i == inner else i for i in f.labels), f.power) for f in block
    )
    outputs = sorted({i for f in block for i in f.labels if i < rank})
    rest = tuple(f for f in factors if f not in block)
    return Term(term.coefficient, moved), tuple(outputs), rest
