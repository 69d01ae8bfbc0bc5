"""Hessians by the gradient: where a quotient makes long sums, the gradient g stands in them.

The Hessian of R = xᵀAx / xᵀx has the gradient g = 2/xᵀx · (Ax − Rx) inside: it is
2/xᵀx · (A − RI − gxᵀ − xgᵀ), as the quotient rule gives it. It is found by long division: a term
of the Hessian by a term of the gradient is a vector v, and all of gvᵀ + vgᵀ goes out at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from chainrule.algebra import combine
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal
from chainrule.algebra.rules import tidy

__all__ = ["GRADIENT", "by_gradient"]

GRADIENT = "g"

Definitions = Mapping[Atom, Poly]
_OUTER = ((0,), (1,))
_MOST = 24  # terms of a Hessian that is tried: each is divided by each of the gradient's


def by_gradient(
    hessian: Poly, gradient: Poly, value: Poly, names: tuple[str, str], known: Definitions
) -> tuple[Poly, Definitions] | None:
    """The Hessian in the value and the gradient by these names; None if it has no fewer terms.

    The definitions are what was known and the two names, as far as they are used.
    """
    own, short = names
    if len(hessian.terms) > _MOST:
        return None
    if _is_quotient(value):
        known = {**known, Atom("name", (own,)): value}
        hessian, gradient = tidy(hessian, known), tidy(gradient, known)
    symbol = Atom("name", (short,), (), gradient.dims)
    rests = [(_less(hessian, gradient, v, known), v) for v in _quotients(hessian, gradient)]
    left, vector = min(rests, key=lambda pair: len(pair[0].terms), default=(hessian, gradient))
    if len(left.terms) + 2 >= len(hessian.terms):
        return None
    both = _both(atom_poly(symbol), vector)
    return combine.add([(Fraction(1), left), (Fraction(1), both)]), {**known, symbol: gradient}


def _is_quotient(value: Poly) -> bool:
    """Whether a number is something over something else, so that it has a use for its name."""
    return len(value.terms) == 1 and any(f.power < 0 for f in value.terms[0].factors)


def _less(hessian: Poly, gradient: Poly, vector: Poly, known: Definitions) -> Poly:
    both = _both(gradient, vector)
    return tidy(combine.add([(Fraction(1), hessian), (Fraction(-1), both)]), known)


def _both(first: Poly, second: Poly) -> Poly:
    """The sum abᵀ + baᵀ."""
    dims = first.dims * 2
    turned = [combine.einsum(pair, _OUTER, (0, 1), dims)
              for pair in ((first, second), (second, first))]  # fmt: skip
    return combine.add([(Fraction(1), p) for p in turned])


def _quotients(hessian: Poly, gradient: Poly) -> Iterator[Poly]:
    """The vectors v for which a term of the Hessian is a term of the gradient times vᵀ."""
    for whole in hessian.terms:
        for part in gradient.terms:
            found = _quotient(whole, part, gradient.dims)
            if found is not None:
                yield found


def _quotient(whole: Term, part: Term, dims: tuple[str, ...]) -> Poly | None:
    """The vector v with ``whole[i, j] = part[i] v[j]``."""
    scalars, ends = _split(whole, 2)
    divisors, own = _split(part, 1)
    if len(ends) != 2 or ends[0] != own.get(0):
        return None
    for divisor in divisors:
        if divisor in scalars:
            scalars.remove(divisor)
        elif not any(f.labels for t in divisor.terms for f in t.factors):
            scalars.append(combine.power(divisor, Fraction(-1)))
        else:
            return None
    factors = [combine.filled(Term(whole.coefficient / part.coefficient), ()), *scalars, ends[1]]
    labels = ((),) * (len(factors) - 1) + ((0,),)
    return combine.einsum(factors, labels, (0,), dims)


def _split(term: Term, rank: int) -> tuple[list[Poly], dict[int, Poly]]:
    """The numbers in a product, and the vector at each output label, where these are apart."""
    scalars: list[Poly] = []
    ends: dict[int, Poly] = {}
    for part in _components(term):
        outputs = sorted({i for f in part for i in f.labels if i < rank})
        dims = tuple(_dim(part, i) for i in outputs)
        poly = normal([Term(Fraction(1), tuple(part))], outputs, dims)
        if len(outputs) == 1:
            ends[outputs[0]] = poly
        elif not outputs:
            scalars.append(poly)
    return scalars, ends


def _dim(factors: list[Factor], label: int) -> str:
    return next(d for f in factors for i, d in zip(f.labels, f.atom.dims, strict=True)
                if i == label)  # fmt: skip


def _components(term: Term) -> list[list[Factor]]:
    """The factors of a product that hang together by their labels."""
    found: list[list[Factor]] = []
    for factor in term.factors:
        near = [c for c in found if {i for f in c for i in f.labels} & set(factor.labels)]
        found = [c for c in found if c not in near] + [[f for c in near for f in c] + [factor]]
    return found
