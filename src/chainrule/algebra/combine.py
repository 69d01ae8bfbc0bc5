"""Combining polys: sums, products, powers and functions, with the identities that always hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from chainrule.algebra.bounds import bounds_of
from chainrule.algebra.index import (
    Atom,
    Factor,
    Number,
    Poly,
    Term,
    atom_poly,
    constant,
    lean,
    magnitude,
    normal,
)

__all__: list[str] = []

_ONE, _HALF = Fraction(1), Fraction(1, 2)
_ODD = frozenset({"tanh", "sin", "tan", "sign", "erf", "atan", "sinh", "asinh"})
_EVEN = frozenset({"abs", "cos", "cosh"})
_AT_ZERO = {"exp": _ONE, "cos": _ONE, "cosh": _ONE, "sigmoid": _HALF, "ndtr": _HALF}
_FLIPPED = {">": "≤", "≥": "<", "<": "≥", "≤": ">"}
_RELATIONS = {"greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤"}


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


# ---------------------------------------------------------------- functions


def number_of(poly: Poly) -> Number | None:
    """The number that a constant poly holds everywhere, or None."""
    if not poly.terms:
        return Fraction(0)
    if len(poly.terms) == 1 and not poly.terms[0].factors:
        return poly.terms[0].coefficient
    return None


def _known(head: str, x: Number | None) -> Number | None:
    """What a function of a number is, where that is a plain number: sign(3), exp(0)."""
    match head:
        case "abs" if x is not None:
            return magnitude(x)
        case "sign" if x is not None:
            return Fraction((x > 0) - (x < 0))
        case "relu" if x is not None:
            return max(x, Fraction(0))
        case "log" if x == 1:
            return Fraction(0)
        case _ if x == 0:
            return Fraction(0) if head in _ODD else _AT_ZERO.get(head)
    return None


def function(head: str, operands: Sequence[Poly], dims: tuple[str, ...], *params: object) -> Poly:
    """A function of polys, element by element, as an atom; tanh(−x) is −tanh(x), |2x| is 2|x|."""
    first = operands[0]
    if not params and (known := _known(head, number_of(first))) is not None:
        return constant(known, dims)
    if head in _ODD | _EVEN and first.terms and all(t.coefficient < 0 for t in first.terms):
        sign = -_ONE if head in _ODD else _ONE
        return scale(sign, function(head, [scale(-_ONE, first)], dims, *params))
    if head in ("abs", "sign") and (factor := content(first)[0]) != 1:
        size = factor if head == "abs" else _ONE
        return scale(size, function(head, [scale(1 / factor, first)], dims))
    return atom_poly(Atom(f"apply:{head}", params, tuple(map(ungrouped, operands)), dims))


def apply(
    name: str, operands: list[Poly], params: tuple[Any, ...], dims: tuple[str, ...], integers: bool
) -> Poly:
    """A scalar record applied to polys."""
    x = operands[0]
    match name:
        case "cast" | "detach":
            return x
        case "sqrt":
            return power(x, _HALF)
        case "pow":
            exponent = number_of(operands[1])
            if isinstance(exponent, Fraction):
                return power(x, exponent)
        case "exp":
            return _exp(x, dims)
        case "log" if (power_of := lone(ungrouped(x))) and power_of.atom.head == "apply:exp":
            terms = power_of.atom.args[0].at(power_of.labels, itertools.count(x.rank))
            return normal(terms, range(x.rank), dims)
        case "log1p":
            return function("log", [add([(_ONE, constant(_ONE, dims)), (_ONE, x)])], dims)
        case "maximum" if number_of(operands[1]) == 0:
            return function("relu", [x], dims)
        case "equal" | "not_equal":
            truth = _onehot(x, operands[1], dims) if integers else _equal(x, operands[1], dims)
            return truth if name == "equal" else negated(truth)
        case "greater" | "greater_equal" | "less" | "less_equal":
            return indicator(_RELATIONS[name], x, operands[1], dims)
        case "logical_and":
            return multiply(x, operands[1], dims)
        case "logical_or" if negated(x) == operands[1]:
            return constant(_ONE, dims)
        case "logical_or":
            both = multiply(x, operands[1], dims)
            return add([(_ONE, x), (_ONE, operands[1]), (-_ONE, both)])
        case "logical_not":
            return negated(x)
        case "isinf" | "isnan":
            return constant(Fraction(0), dims)
        case "isfinite":
            return constant(_ONE, dims)
    return function(name, operands, dims, *params)


def _equal(x: Poly, y: Poly, dims: tuple[str, ...]) -> Poly:
    """[x = y] of floats, which holds by chance at most, but for a mask: [m = 1] is m."""
    factor, number = lone(x), number_of(y)
    if factor is not None and factor.atom.facts & {"mask", "onehot"} and number in (0, 1):
        return x if number else negated(x)
    return constant(Fraction(0), dims)


def indicator(relation: str, left: Poly, right: Poly, dims: tuple[str, ...]) -> Poly:
    """[left > right], 1 where it holds and 0 elsewhere."""
    (low, high), (least, most) = bounds_of(left), bounds_of(right)
    above, below = low > most, high < least
    sure = {">": above, "≥": low >= most, "<": below, "≤": high <= least}[relation]
    never = {">": high <= least, "≥": below, "<": low >= most, "≤": above}[relation]
    if sure or never:
        return constant(Fraction(int(sure)), dims)
    return atom_poly(Atom("indicator", (relation,), (left, right), dims))


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


def _exp(x: Poly, dims: tuple[str, ...]) -> Poly:
    x = ungrouped(x)
    factor = lone(x)
    if factor is not None and factor.atom.head == "log_softmax":
        atom = Atom("softmax", factor.atom.params, factor.atom.args, factor.atom.dims)
        return normal([Term(_ONE, (Factor(atom, factor.labels),))], range(x.rank), x.dims)
    return function("exp", [x], dims)


# ---------------------------------------------------------------- softmax


def softmax_like(name: str, x: Poly, dims: tuple[str, ...], axes: tuple[int, ...]) -> Poly:
    """softmax, log_softmax and logsumexp over some axes, as atoms."""
    return atom_poly(Atom(name, axes, (ungrouped(x),), dims))


# ---------------------------------------------------------------- indices


def _onehot(x: Poly, y: Poly, dims: tuple[str, ...]) -> Poly:
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


# ---------------------------------------------------------------- routines


def lone(poly: Poly) -> Factor | None:
    """The factor that a poly is, if it is nothing but one."""
    if len(poly.terms) == 1 and poly.terms[0].coefficient == 1:
        factors = poly.terms[0].factors
        if len(factors) == 1 and factors[0].power == 1:
            return factors[0]
    return None
