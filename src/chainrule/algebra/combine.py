"""Combining polys: sums, products and powers, with the identities that always hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.index import (
    Atom,
    Factor,
    Number,
    Poly,
    Term,
    atom_poly,
    lean,
    normal,
)

__all__: list[str] = []

_ONE = Fraction(1)


# ---------------------------------------------------------------- sources


def filled(term: Term, dims: tuple[str, ...]) -> Poly:
    """The array that holds one number everywhere, perhaps a function of sizes."""
    return normal([term], range(len(dims)), dims)


def delta_factor(dim: str, a: int, b: int) -> Factor:
    """δ read at two labels."""
    return Factor(Atom("delta", (), (), (dim, dim), symmetric=True), (a, b))


def set_free(term: Term, factor: Factor, rank: int) -> Term:
    """The coefficient of a factor: the term without it, with its labels after these outputs."""
    above = 1 + max((i for f in term.factors for i in f.labels), default=rank)

    def shift(label: int) -> int:
        return label if label < rank else label + above + len(factor.labels)

    rest = [
        Factor(f.atom, tuple(map(shift, f.labels)), f.power)
        for f in term.factors
        if f is not factor
    ]
    deltas = [
        delta_factor(dim, shift(label), rank + k)
        for k, (dim, label) in enumerate(zip(factor.atom.dims, factor.labels, strict=True))
    ]
    return Term(term.coefficient, (*rest, *deltas))


def delta(dim: str) -> Poly:
    """The identity matrix."""
    return atom_poly(Atom("delta", (), (), (dim, dim), symmetric=True))


def size(dim: str) -> Term:
    """The size of an axis as a number."""
    if dim.isdigit():
        return Term(Fraction(dim))
    factors = tuple(Factor(Atom("size", (name, 0))) for name in dim.split("·"))
    return Term(_ONE, factors)


# ---------------------------------------------------------------- linear combinations


def add(parts: Sequence[tuple[Number, Poly]]) -> Poly:
    """Σ c · poly."""
    dims = parts[0][1].dims
    terms = [Term(c * t.coefficient, t.factors) for c, p in parts for t in p.terms]
    return normal(terms, range(len(dims)), dims)


def scale(number: Number, poly: Poly) -> Poly:
    """C · poly."""
    terms = [Term(number * t.coefficient, t.factors) for t in poly.terms]
    return normal(terms, range(poly.rank), poly.dims)


def grouped(poly: Poly) -> Poly:
    """A sum of several terms as one factor, with its content in front: 2x − 2y is 2 (x − y)."""
    if len(poly.terms) < 2:
        return poly
    factor, inside = content(poly)
    group = Atom("group", (), (inside,), poly.dims)
    return scale(factor, atom_poly(group))


def content(poly: Poly) -> tuple[Number, Poly]:
    """The common rational factor of the coefficients, positive, and what is left."""
    found = [t.coefficient for t in poly.terms]
    if not found or not all(isinstance(c, Fraction) for c in found):
        return _ONE, poly
    parts = [c for c in found if isinstance(c, Fraction)]
    numerator = math.gcd(*(c.numerator for c in parts))
    factor = Fraction(numerator, math.lcm(*(c.denominator for c in parts)))
    if all(c < 0 for c in parts):
        factor = -factor
    return factor, scale(1 / factor, poly)


def ungrouped(poly: Poly) -> Poly:
    """Open the groups that stand alone in their term."""
    terms: list[Term] = []
    changed = False
    for term in poly.terms:
        group = term.factors[0] if len(term.factors) == 1 else None
        whole = group is not None and group.labels == tuple(range(poly.rank))
        if group is None or not whole or group.atom.head != "group" or group.power != 1:
            terms.append(term)
        else:
            inner = group.atom.args[0]
            terms += [Term(term.coefficient * t.coefficient, t.factors) for t in inner.terms]
            changed = True
    return normal(terms, range(poly.rank), poly.dims) if changed else poly


# ---------------------------------------------------------------- products


def multiply(left: Poly, right: Poly, dims: tuple[str, ...]) -> Poly:
    """The product element by element."""
    labels = tuple(range(len(dims)))
    return einsum([left, right], (labels, labels), labels, dims)


def einsum(
    operands: Sequence[Poly],
    inputs: Sequence[tuple[int, ...]],
    output: tuple[int, ...],
    dims: tuple[str, ...],
) -> Poly:
    """The contraction of polys, distributed over their sums."""
    fresh = itertools.count(1 + max((i for labels in inputs for i in labels), default=-1))
    sized = {i: d for p, ls in zip(operands, inputs, strict=True)
             for i, d in zip(ls, p.dims, strict=True)}  # fmt: skip
    expanded = [p.at(ls, fresh) for p, ls in zip(operands, inputs, strict=True)]
    terms = []
    for choice in itertools.product(*expanded):
        term = Term(_ONE)
        for part in choice:
            term = term.times(part)
        terms.append(_summed(term, [i for i in sized if i not in output], sized))
    return normal(terms, output, dims)


def summed(term: Term, labels: Sequence[int], outputs: Sequence[int], dims: Sequence[str]) -> Term:
    """A term summed over the labels that are no outputs."""
    sized = dict(zip(labels, dims, strict=True))
    return _summed(term, [i for i in labels if i not in outputs], sized)


def _summed(term: Term, bound: Sequence[int], sized: dict[int, str]) -> Term:
    """A sum over a label that no factor has is the size of its axis."""
    there = {i for f in term.factors for i in f.labels}
    for label in bound:
        if label not in there:
            term = term.times(size(sized[label]))
    return term


def power(poly: Poly, exponent: Fraction) -> Poly:
    """Every element to a power."""
    poly = ungrouped(poly)
    if not poly.terms:
        return poly
    whole = exponent.denominator == 1
    if len(poly.terms) == 1:
        (term,) = poly.terms
        bound = any(i >= poly.rank for f in term.factors for i in f.labels)
        safe = whole or all(f.power == 1 or f.atom.head == "size" for f in term.factors)
        if not bound and safe and (whole or term.coefficient > 0):
            coefficient = _number_power(term.coefficient, exponent)
            factors = tuple(Factor(f.atom, f.labels, f.power * exponent) for f in term.factors)
            return normal([Term(coefficient, factors)], range(poly.rank), poly.dims)
    factor, inside = content(poly)
    if not whole and factor < 0:
        factor, inside = _ONE, poly
    return scale(_number_power(factor, exponent), together(inside, exponent))


def together(inside: Poly, exponent: Fraction = _ONE) -> Poly:
    """A sum as one factor to a power, which is read only at the labels that it has."""
    short, used = lean(inside)
    group = Atom("group", (), (short,), short.dims)
    made = Term(_ONE, (Factor(group, tuple(used), exponent),))
    return normal([made], range(inside.rank), inside.dims)


def _number_power(value: Number, exponent: Fraction) -> Number:
    if isinstance(value, float):
        return float(value ** float(exponent))
    if exponent.denominator == 1:
        return value ** int(exponent)
    size = abs(float(exponent))
    top, bottom = (round(v**size) for v in value.as_integer_ratio())
    root = Fraction(top, bottom) if top and bottom else Fraction(0)
    if root and root**exponent.denominator == value ** abs(exponent.numerator):
        return root if exponent > 0 else 1 / root
    return float(float(value) ** float(exponent))


# ---------------------------------------------------------------- what a poly is


def number_of(poly: Poly) -> Number | None:
    """The number that a constant poly holds everywhere, or None."""
    if not poly.terms:
        return Fraction(0)
    if len(poly.terms) == 1 and not poly.terms[0].factors:
        return poly.terms[0].coefficient
    return None


def lone(poly: Poly) -> Factor | None:
    """The factor that a poly is, if it is nothing but one."""
    if len(poly.terms) == 1 and poly.terms[0].coefficient == 1:
        factors = poly.terms[0].factors
        if len(factors) == 1 and factors[0].power == 1:
            return factors[0]
    return None
