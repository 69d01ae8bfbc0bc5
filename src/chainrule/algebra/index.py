"""Index algebra: sums of products of labelled factors, in one normal form.

A ``Poly`` with k output labels stands for an array of rank k:

    poly[i₁, …, iₖ] = Σ over terms  c · Σ over bound labels  Π factors[labels]^power

Two polys that differ in the order of terms or factors, or in the names of bound labels, have the
same ``key``: labels are numbered by refinement of their surroundings, and like terms are collected.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isclose, isfinite

__all__ = ["Atom", "Factor", "Poly", "Term", "atom_poly", "constant", "lean", "normal", "scalar"]

Labels = tuple[int, ...]
Number = Fraction | float
_MOST_ORDERS = 5040
_MOST_DENOMINATOR = 64
_LONGER = re.compile("[₀-₉]{2,}")


@dataclass(frozen=True, eq=False)
class Atom:
    """What a factor is: a named value, a function of polys, a delta, a size.

    head       what kind: "name", "size", "delta", "group", "inverse", or the name of a function
    params     names and settings
    args       the polys that a function is applied to, each with its own output labels
    dims       the symbol of the size of each axis
    symmetric  whether its two axes may be exchanged
    facts      what else is known of its values: "simplex", "positive"
    """

    head: str
    params: tuple[object, ...] = ()
    args: tuple[Poly, ...] = ()
    dims: tuple[str, ...] = ()
    symmetric: bool = False
    facts: frozenset[str] = frozenset()
    key: str = field(init=False)

    def __post_init__(self) -> None:
        inside = ",".join(map(str, self.params)) + ";" + ",".join(a.key for a in self.args)
        object.__setattr__(self, "key", f"{self.head}<{inside}>")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key


@dataclass(frozen=True)
class Factor:
    """An atom read at labels, raised to a power element by element."""

    atom: Atom
    labels: Labels = ()
    power: Fraction = Fraction(1)


@dataclass(frozen=True)
class Term:
    """A coefficient times factors; labels that are no outputs are summed over."""

    coefficient: Number
    factors: tuple[Factor, ...] = ()

    def times(self, other: Term) -> Term:
        """The product of two terms whose bound labels differ."""
        return Term(self.coefficient * other.coefficient, self.factors + other.factors)


@dataclass(frozen=True, eq=False)
class Poly:
    """A sum of terms in normal form; the output labels are 0, 1, …, rank − 1."""

    dims: tuple[str, ...]
    terms: tuple[Term, ...]
    key: str

    @property
    def rank(self) -> int:
        """The number of output labels."""
        return len(self.dims)

    def at(self, labels: Sequence[int], fresh: Iterable[int]) -> list[Term]:
        """The terms with these output labels, and with bound labels of their own."""
        return [_relabelled(term, labels, self.rank, fresh) for term in self.terms]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.key == other.key and self.dims == other.dims

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key


def _relabelled(term: Term, labels: Sequence[int], rank: int, fresh: Iterable[int]) -> Term:
    new: dict[int, int] = dict(zip(range(rank), labels, strict=True))
    supply = iter(fresh)
    for f in term.factors:
        for label in f.labels:
            if label not in new:
                new[label] = next(supply)
    return Term(
        term.coefficient,
        tuple(Factor(f.atom, tuple(new[i] for i in f.labels), f.power) for f in term.factors),
    )


def fresh_labels(term: Term, rank: int) -> Iterator[int]:
    """Labels that neither the term nor the outputs have."""
    return itertools.count(max([rank, *(1 + i for f in term.factors for i in f.labels)]))


def magnitude(value: Number) -> Number:
    """|value|, which mypy cannot tell from ``abs`` of a union."""
    return value if value >= 0 else -value


def rational(value: float) -> Number:
    """A fraction with a small denominator, if the number is one."""
    if not isfinite(value):
        return float(value)
    near = Fraction(value).limit_denominator(_MOST_DENOMINATOR)
    return near if isclose(float(near), value, rel_tol=1e-12, abs_tol=1e-300) else float(value)


# ---------------------------------------------------------------- making polys


def constant(value: Number, dims: tuple[str, ...] = ()) -> Poly:
    """The array that holds one number everywhere."""
    return normal([Term(value)] if value else [], range(len(dims)), dims)


def scalar(head: str, *params: object) -> Poly:
    """A named number."""
    return atom_poly(Atom(head, params))


def atom_poly(atom: Atom) -> Poly:
    """An atom read at its own labels."""
    labels = tuple(range(len(atom.dims)))
    return normal([Term(Fraction(1), (Factor(atom, labels),))], labels, atom.dims)


def normal(terms: Iterable[Term], outputs: Iterable[int], dims: tuple[str, ...]) -> Poly:
    """Bring a sum of terms with these output labels into normal form."""
    outs = tuple(outputs)
    collected: dict[str, tuple[Number, Term]] = {}
    for term in terms:
        if not term.coefficient:
            continue
        merged = _merged(term, outs)
        key, canonical = _numbered(merged, outs)
        before = collected[key][0] if key in collected else Fraction(0)
        collected[key] = (_sum(before, merged.coefficient), canonical)
    kept = [
        (key, rational(c) if isinstance(c, float) else c, t)
        for key, (c, t) in collected.items()
        if c
    ]
    if len(kept) > 1:
        kept.sort(key=lambda row: _LONGER.sub(_after_digits, row[0]))
    found = tuple(Term(c, t.factors) for _, c, t in kept)
    text = " + ".join(f"{c}*{key}" for key, c, _ in kept) or "0"
    return Poly(dims, found, f"[{len(outs)}|{text}]")


def _after_digits(digits: re.Match[str]) -> str:
    """z₁₀ comes after z₉."""
    return "₉" * (len(digits[0]) - 1) + digits[0]


def _sum(a: Number, b: Number) -> Number:
    total = a + b
    largest = max(float(magnitude(a)), float(magnitude(b)))
    if isinstance(total, float) and isclose(total, 0, abs_tol=1e-12 * largest):
        return Fraction(0)
    return total


def _merged(term: Term, outputs: Labels) -> Term:
    """Follow deltas that touch a bound label; collect the powers of equal factors."""
    factors = list(term.factors)
    fixed = set(outputs)
    for f in list(factors):
        if f.atom.head != "delta":
            continue
        f = next(g for g in factors if g.atom.head == "delta")
        a, b = f.labels
        if a == b or a not in fixed or b not in fixed:
            old, new = (a, b) if a not in fixed else (b, a)
            factors.remove(f)
            factors = [
                Factor(g.atom, tuple(new if i == old else i for i in g.labels), g.power)
                for g in factors
            ]
        else:
            factors.remove(f)
            factors.append(f)
    powers: dict[tuple[Atom, Labels], Fraction] = {}
    for f in factors:
        labels = tuple(sorted(f.labels)) if f.atom.symmetric else f.labels
        place = (f.atom, labels)
        powers[place] = powers.get(place, Fraction(0)) + f.power
        if f.atom.head in ("delta", "indicator", "unit"):
            powers[place] = Fraction(1)
    made = tuple(Factor(atom, labels, p) for (atom, labels), p in powers.items() if p)
    return Term(term.coefficient, made)


def lean(poly: Poly) -> tuple[Poly, list[int]]:
    """A poly without the axes along which it is the same, and the places of the others."""
    used = sorted({i for t in poly.terms for f in t.factors for i in f.labels if i < poly.rank})
    fresh = itertools.count(len(used))
    place = [used.index(i) if i in used else next(fresh) for i in range(poly.rank)]
    dims = tuple(poly.dims[i] for i in used)
    return normal(poly.at(place, fresh), range(len(used)), dims), used


# ---------------------------------------------------------------- numbering bound labels


def _numbered(term: Term, outputs: Labels) -> tuple[str, Term]:
    """The term with bound labels numbered canonically, and the text that identifies it."""
    place = {label: k for k, label in enumerate(outputs)}
    bound = sorted({i for f in term.factors for i in f.labels} - set(place))
    best: tuple[str, Term] | None = None
    for order in _orders(term, place, bound):
        number = place | {label: len(outputs) + k for k, label in enumerate(order)}
        rows = sorted((_text(f, number), _renumbered(f, number)) for f in term.factors)
        text = "".join(row for row, _ in rows)
        if best is None or text < best[0]:
            best = text, Term(Fraction(1), tuple(f for _, f in rows))
    assert best is not None
    return best


def _orders(term: Term, place: dict[int, int], bound: list[int]) -> Iterable[tuple[int, ...]]:
    """The orders of the bound labels that refinement cannot tell apart."""
    color: dict[int, str] = {label: f"o{k}" for label, k in place.items()}
    color |= dict.fromkeys(bound, "b")
    for turn in range(len(bound) + 1):
        new = _recolored(term, color, bound)
        if turn and len(set(new.values())) == len({color[i] for i in bound}):
            break
        color |= new
    classes = [
        list(group)
        for _, group in itertools.groupby(sorted(bound, key=color.__getitem__), color.__getitem__)
    ]
    products = itertools.product(*(itertools.permutations(c) for c in classes))
    return (
        tuple(itertools.chain.from_iterable(parts))
        for parts in itertools.islice(products, _MOST_ORDERS)
    )


def _recolored(term: Term, color: Mapping[int, str], bound: list[int]) -> dict[int, str]:
    """Colors of the bound labels by what they stand at, and beside which colors."""
    around: dict[int, list[str]] = {label: [] for label in bound}
    for f in term.factors:
        shown = [color[i] for i in f.labels]
        for slot, label in enumerate(f.labels):
            if label in around:
                seen = "s" if f.atom.symmetric else str(slot)
                near = sorted(shown) if f.atom.symmetric else shown
                around[label].append(f"{f.atom.key}^{f.power}@{seen}{near}")
    refined = {label: "|".join(sorted(rows)) for label, rows in around.items()}
    ranks = {text: f"b{k}" for k, text in enumerate(sorted(set(refined.values())))}
    return {label: ranks[text] for label, text in refined.items()}


def _renumbered(f: Factor, number: dict[int, int]) -> Factor:
    labels = tuple(number[i] for i in f.labels)
    return Factor(f.atom, tuple(sorted(labels)) if f.atom.symmetric else labels, f.power)


def _text(f: Factor, number: dict[int, int]) -> str:
    labels = [number[i] for i in f.labels]
    if f.atom.symmetric:
        labels.sort()
    return f"{f.atom.key}{labels}^{f.power} "
