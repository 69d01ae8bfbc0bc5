"""Picks: slices, windows, joined and split axes, and integer indices, as factors of a term.

    pick[t₁, …, tₖ, p] = [p = offset + Σ step · t]        at[i…, p] = [p = index[i…]]

A pick reads a value at p where it meets one, and writes at p where p is an output. Two that meet
each other become a δ, a pick of a pick, or nothing at all; so x[1:]² has a diagonal Hessian, and
ratings that each belong to one user have one block per user.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from chainrule.algebra.combine import delta_factor
from chainrule.algebra.index import Atom, Factor, Poly, Term, normal
from chainrule.ir.primitives import Axis

__all__ = ["Affine", "affine_of", "groups", "is_pick", "is_split", "meeting", "pick", "simplified"]

_HEADS = ("pick", "at")
_ONE = Fraction(1)


class Affine(NamedTuple):
    """Where a pick of the first kind reads: offset + Σ step · t, in an axis of some size.

    terms  the size of each t, and its step
    """

    offset: int
    terms: tuple[tuple[int, int], ...]
    size: int

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last place that it reads."""
        ends = [(0, step * (size - 1)) for size, step in self.terms]
        low, high = (sum(map(pick, ends)) for pick in (min, max))
        return self.offset + low, self.offset + high

    @property
    def is_total(self) -> bool:
        """Whether every place that it reads is inside the axis."""
        low, high = self.range
        return low >= 0 and high < self.size

    @property
    def is_injective(self) -> bool:
        """Whether no place is read twice."""
        reach = 1
        for step, size in sorted((abs(step), size) for size, step in self.terms if size > 1):
            if step < reach:
                return False
            reach += step * (size - 1)
        return True


def pick(offset: int, terms: Sequence[tuple[int, int, str]], target: int, dim: str) -> Factor:
    """The factor [target = offset + Σ step · label]; terms are (label, step, size)."""
    sizes = tuple(size for _, _, size in terms)
    steps = tuple(step for _, step, _ in terms)
    dims = (*sizes, dim)
    labels = (*(label for label, _, _ in terms), target)
    return Factor(Atom("pick", (offset, steps, dims), (), dims), labels)


def is_pick(factor: Factor) -> bool:
    """Whether a factor is a pick of either kind."""
    return factor.atom.head in _HEADS


def affine_of(factor: Factor) -> Affine | None:
    """How a pick of the first kind reads."""
    if factor.atom.head != "pick":
        return None
    offset, steps, dims = factor.atom.params
    assert isinstance(offset, int)
    assert isinstance(steps, tuple)
    assert isinstance(dims, tuple)
    terms = tuple((int(d), step) for d, step in zip(dims, steps, strict=False))
    return Affine(offset, terms, int(dims[-1]))


# ---------------------------------------------------------------- layout


def viewed(operand: Poly, axes: Sequence[Axis], dims: tuple[str, ...]) -> Poly:
    """The poly under an affine index map: a label for what is read whole, else a pick."""
    fresh = itertools.count(len(dims))
    read: list[int] = []
    picks: list[Factor] = []
    for size, axis in zip(operand.dims, axes, strict=True):
        if is_whole(axis, size, dims):
            read.append(axis.terms[0][0])
            continue
        read.append(next(fresh))
        if size != "1" or axis.terms or axis.offset:
            picks.append(_of_axis(axis, dims, read[-1], size))
    terms = [t.times(Term(_ONE, tuple(picks))) for t in operand.at(read, fresh)]
    return normal(terms, range(len(dims)), dims)


def accumulated(operand: Poly, axes: Sequence[Axis], dims: tuple[str, ...]) -> Poly:
    """The transpose of ``viewed``."""
    labels = itertools.count(operand.rank)
    outputs: list[int] = []
    factors: list[Factor] = []
    for size, axis in zip(dims, axes, strict=True):
        whole = is_whole(axis, size, operand.dims)
        if whole and axis.terms[0][0] not in outputs:
            outputs.append(axis.terms[0][0])
            continue
        outputs.append(next(labels))
        if whole:
            factors.append(delta_factor(size, axis.terms[0][0], outputs[-1]))
        elif size != "1" or axis.terms or axis.offset:
            factors.append(_of_axis(axis, operand.dims, outputs[-1], size))
    return _summed(operand, factors, outputs, dims, labels)


def joined(operands: Sequence[Poly], axis: int, dims: tuple[str, ...]) -> Poly:
    """Polys one after another along an axis."""
    terms: list[Term] = []
    start = 0
    for operand in operands:
        fresh = itertools.count(operand.rank + 1)
        inner = operand.rank
        read = [inner if k == axis else k for k in range(operand.rank)]
        size = operand.dims[axis]
        factor = pick(start, [(inner, 1, size)], axis, dims[axis])
        terms += [t.times(Term(_ONE, (factor,))) for t in operand.at(read, fresh)]
        start += int(size)
    return normal(terms, range(len(dims)), dims)


def reshaped(operand: Poly, dims: tuple[str, ...]) -> Poly:
    """The poly in row-major order under another shape: axes that are split or joined are picks."""
    fresh = itertools.count(len(dims))
    read: dict[int, int] = {}
    picks: list[Factor] = []
    for before, after in groups(operand.dims, dims):
        if len(before) == len(after) == 1:
            read[before[0]] = after[0]
            continue
        read |= {k: next(fresh) for k in before}
        size = str(math.prod(int(dims[k]) for k in after))
        middle = read[before[0]] if len(before) == 1 else (
            after[0] if len(after) == 1 else next(fresh))  # fmt: skip
        if len(before) > 1:
            picks.append(_row_major([(read[k], operand.dims[k]) for k in before], middle, size))
        if len(after) > 1:
            picks.append(_row_major([(k, dims[k]) for k in after], middle, size))
    labels = [read.get(k, -1) for k in range(operand.rank)]
    labels = [next(fresh) if i < 0 else i for i in labels]  # axes of size 1
    terms = [t.times(Term(_ONE, tuple(picks))) for t in operand.at(labels, fresh)]
    return normal(terms, range(len(dims)), dims)


def is_whole(axis: Axis, size: str, dims: Sequence[str]) -> bool:
    """Whether an axis is read from its beginning to its end, by one axis of the result."""
    straight = len(axis.terms) == 1 and axis.terms[0][1] == 1 and axis.offset == 0
    return straight and dims[axis.terms[0][0]] == size


def _of_axis(axis: Axis, dims: Sequence[str], target: int, size: str) -> Factor:
    terms = [(label, step, dims[label]) for label, step in axis.terms]
    return pick(axis.offset, terms, target, size)


def _row_major(labels: Sequence[tuple[int, str]], target: int, size: str) -> Factor:
    steps = [math.prod(int(d) for _, d in labels[k + 1 :]) for k in range(len(labels))]
    terms = [(i, step, d) for (i, d), step in zip(labels, steps, strict=True)]
    return pick(0, terms, target, size)


def groups(before: Sequence[str], after: Sequence[str]) -> Iterable[tuple[list[int], list[int]]]:
    """The shortest runs of axes that hold as many elements; axes of size 1 are in none."""
    left = [k for k, d in enumerate(before) if d != "1"]
    right = [k for k, d in enumerate(after) if d != "1"]
    while left and right:
        sides = ([left.pop(0)], [right.pop(0)])
        sizes = [int(before[sides[0][0]]), int(after[sides[1][0]])]
        while sizes[0] != sizes[1]:
            short = sizes[0] > sizes[1]
            more = (right if short else left).pop(0)
            sides[short].append(more)
            sizes[short] *= int((after if short else before)[more])
        yield sides


def _summed(
    operand: Poly, factors: Sequence[Factor], outputs: Sequence[int], dims: tuple[str, ...],
    labels: Iterable[int],
) -> Poly:  # fmt: skip
    """A poly times factors, summed over its labels that are no outputs; some may be in nothing."""
    made = []
    for term in operand.at(range(operand.rank), labels):
        whole = term.times(Term(_ONE, tuple(factors)))
        there = {*outputs, *(i for f in whole.factors for i in f.labels)}
        alone = math.prod(int(d) for k, d in enumerate(operand.dims) if k not in there)
        made.append(Term(whole.coefficient * alone, whole.factors))
    return normal(made, outputs, dims)


# ---------------------------------------------------------------- where picks meet


def simplified(poly: Poly) -> Poly:
    """The poly after picks that meet were made one, or a δ, or nothing."""
    if not any(is_pick(f) for t in poly.terms for f in t.factors):
        return poly
    terms = [_settled(t, poly.rank) for t in poly.terms]
    if all(new is old for new, old in zip(terms, poly.terms, strict=True)):
        return poly
    return normal(terms, range(poly.rank), poly.dims)


def _settled(term: Term, rank: int) -> Term:
    """A term after all rules."""
    while (changed := _step(term, rank)) is not None:
        term = changed
    return term


def _step(term: Term, rank: int) -> Term | None:
    """One rule applied; None where none fits."""
    picks = [f for f in term.factors if is_pick(f)]
    for f in picks:
        if f.power != 1:  # 0 and 1 are their own squares
            return _replaced(term, [f], [Factor(f.atom, f.labels)], rank)
        if (flipped := _flipped(f)) is not None:
            return _replaced(term, [f], [flipped], rank)
        alone = _alone(term, f, rank) or _through(term, f, picks, rank)
        if alone is not None:
            return alone
    for f, g in itertools.combinations(picks, 2):
        met = _met(term, f, g, rank)
        if met is not None:
            return met
    return None


def _uses(term: Term, label: int) -> int:
    return sum(f.labels.count(label) for f in term.factors)


def _replaced(term: Term, gone: Iterable[Factor], new: Iterable[Factor], rank: int) -> Term:
    """The term without some factors and with others; a δ on a bound label renames it at once."""
    lost, pending = list(gone), list(new)
    factors = [f for f in term.factors if not any(f is g for g in lost)]
    while pending:
        f = pending.pop(0)
        low, high = min(f.labels), max(f.labels)
        if f.atom.head != "delta" or high < rank:
            factors.append(f)
            continue
        factors, pending = ([_renamed(g, high, low) for g in gs] for gs in (factors, pending))
    return Term(term.coefficient, tuple(factors))


def _renamed(f: Factor, old: int, new: int) -> Factor:
    if old not in f.labels:
        return f
    return Factor(f.atom, tuple(new if i == old else i for i in f.labels), f.power)


def _alone(term: Term, f: Factor, rank: int) -> Term | None:
    """A pick summed over its target, which is inside the axis, is 1."""
    target = f.labels[-1]
    if target < rank or _uses(term, target) > 1:
        return None
    affine = affine_of(f)
    if affine is not None and not affine.is_total:
        return None
    made = _replaced(term, [f], [], rank)
    sizes = dict(zip(f.labels[:-1], f.atom.dims, strict=False))
    there = {i for g in made.factors for i in g.labels}
    left = math.prod(int(d) for i, d in sizes.items() if i >= rank and i not in there)
    return Term(made.coefficient * left, made.factors)


def _flipped(f: Factor) -> Factor | None:
    """[i = a − 1], which is outside for some a, as [a = i + 1], if that is inside for all i.

    Where it is inside both ways, as in [i = 4 − a], the smaller label is the target.
    """
    affine = affine_of(f)
    if affine is None or len(affine.terms) != 1:
        return None
    size, step = affine.terms[0]
    if abs(step) != 1 or not Affine(-step * affine.offset, ((affine.size, step),), size).is_total:
        return None
    (label, target), (dim, other) = f.labels, f.atom.dims
    if affine.is_total and label >= target:
        return None
    return pick(-step * affine.offset, [(target, step, other)], label, dim)


def _through(term: Term, inner: Factor, picks: Sequence[Factor], rank: int) -> Term | None:
    """A pick of a pick: p = a + b·i where i = c + d·t is p = (a + bc) + bd·t."""
    middle = inner.labels[-1]
    own = affine_of(inner)
    if own is None or not own.is_total or middle < rank or _uses(term, middle) != 2:
        return None
    outer = next((g for g in picks if g is not inner and middle in g.labels[:-1]), None)
    reach = None if outer is None else affine_of(outer)
    if outer is None or reach is None:
        return None
    place = outer.labels.index(middle)
    step = reach.terms[place][1]
    steps: dict[int, tuple[int, str]] = {}
    rows = [
        (label, s, outer.atom.dims[k])
        for k, (label, (_, s)) in enumerate(zip(outer.labels[:-1], reach.terms, strict=True))
        if k != place
    ]
    rows += [
        (label, step * s, d)
        for label, (_, s), d in zip(inner.labels[:-1], own.terms, inner.atom.dims, strict=False)
    ]
    for label, s, d in rows:
        steps[label] = (steps.get(label, (0, d))[0] + s, d)
    made = pick(
        reach.offset + step * own.offset,
        [(label, s, d) for label, (s, d) in steps.items()],
        outer.labels[-1],
        outer.atom.dims[-1],
    )
    return _replaced(term, [inner, outer], [_as_delta(made)], rank)


def _as_delta(factor: Factor) -> Factor:
    """A pick that reads an axis from its beginning to its end is a δ."""
    affine = affine_of(factor)
    assert affine is not None
    if affine.offset == 0 and affine.terms == ((affine.size, 1),):
        return delta_factor(factor.atom.dims[-1], *factor.labels)
    return factor


def _met(term: Term, f: Factor, g: Factor, rank: int) -> Term | None:
    """Two picks with the same terms, or with the same target."""
    if f.atom == g.atom and f.labels[:-1] == g.labels[:-1]:
        same = f.labels == g.labels
        tied = delta_factor(f.atom.dims[-1], f.labels[-1], g.labels[-1])
        return _replaced(term, [g], [] if same else [tied], rank)
    if f.labels[-1] != g.labels[-1]:
        return None
    first, second = affine_of(f), affine_of(g)
    if first is None or second is None:
        return None
    if f.atom == g.atom and first.is_injective:
        pairs = zip(f.labels[:-1], g.labels[:-1], f.atom.dims, strict=False)
        return _replaced(term, [g], [delta_factor(d, a, b) for a, b, d in pairs if a != b], rank)
    if first.range[1] < second.range[0] or second.range[1] < first.range[0]:
        return Term(_ONE - 1)
    return _inside(term, f, g, rank) or _inside(term, g, f, rank)


def _inside(term: Term, f: Factor, g: Factor, rank: int) -> Term | None:
    """[p = a + i] [p = b + j] is [p = a + i] [j = (a − b) + i] where p = b + j is inside."""
    first, second = affine_of(f), affine_of(g)
    assert first is not None
    assert second is not None
    straight = len(second.terms) == 1 and second.terms[0][1] == 1 and second.is_total
    if not straight or f.labels[-1] < rank:  # an output stays as it is: nothing to gain
        return None
    size, label = second.terms[0][0], g.labels[0]
    if label in f.labels:
        return None
    moved = Affine(first.offset - second.offset, first.terms, size)
    rows = zip(f.labels[:-1], first.terms, f.atom.dims, strict=False)
    made = pick(moved.offset, [(i, step, d) for i, (_, step), d in rows], label, g.atom.dims[0])
    return _replaced(term, [g], [_as_delta(made)], rank)


def is_split(poly: Poly, most: int) -> bool:
    """Whether single elements are read out of a short axis, as parameters b[0], b[1], … are."""
    return any(
        f.atom.head == "pick" and len(f.labels) == 1 and int(f.atom.dims[0]) <= most
        for t in poly.terms for f in t.factors
    )  # fmt: skip


def meeting(poly: Poly) -> bool:
    """Whether picks are left that meet in a label that is summed over."""
    for term in poly.terms:
        found = [f for f in term.factors if is_pick(f)]
        targets = [f.labels[-1] for f in found]
        inner = {i for f in found for i in f.labels[:-1]}
        if any(p >= poly.rank and (targets.count(p) > 1 or p in inner) for p in targets):
            return True
    return False
