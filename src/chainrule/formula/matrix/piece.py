"""Terms of a formula: a number, scalars above and below the fraction bar, a product of arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainrule.algebra.index import magnitude
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import (
    is_row,
    number,
    power_of,
    product,
)
from chainrule.formula.typeset.tree import Tree

__all__: list[str] = []

Dims = tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """A term: a number, scalars above and below the fraction bar, and a product of arrays."""

    coefficient: Fraction | float
    above: tuple[Tree, ...]
    below: tuple[Tree, ...]
    chain: tuple[Tree, ...]

    def tree(self, dims: Dims) -> tuple[int, Tree]:
        """The sign, and the tree without it."""
        return _assembled(self, dims)


def piece(
    coefficient: Fraction | float, above: Sequence[Tree], below: Sequence[Tree], body: Tree | None
) -> Piece:
    """Make a term; the scalar in front of its body joins the others."""
    top, bottom = list(above), list(below)
    if isinstance(body, ts.Scaled):
        scalar, body = body.scalar, body.body
        if isinstance(scalar, ts.Quotient):
            top.append(scalar.top)
            bottom.append(scalar.bottom)
        else:
            top.append(scalar)
    chain = () if body is None else parts_of(body)
    if body is None:
        rows = [t for t in top if isinstance(t, ts.Product) and is_row(t.parts[0])]
        if len(rows) == 1:
            top.remove(rows[0])
            chain = rows[0].parts
    up, down = _opened(top)
    under, over = _opened(bottom)
    return Piece(coefficient, _sorted([*up, *over]), _sorted([*down, *under]), chain)


def parts_of(body: Tree) -> tuple[Tree, ...]:
    return body.parts if isinstance(body, ts.Product) else (body,)


def _opened(scalars: Sequence[Tree]) -> tuple[list[Tree], list[Tree]]:
    """Whole powers as repeated factors, so that s and s² share one; negative ones apart."""
    above: list[Tree] = []
    below: list[Tree] = []
    for t in scalars:
        count = whole_power(t)
        if count is None or not isinstance(t, ts.Power):
            above.append(t)
        else:
            (above if count > 0 else below).extend([t.body] * abs(count))
    return above, below


def whole_power(tree: Tree) -> int | None:
    if isinstance(tree, ts.Power) and isinstance(tree.exponent, ts.Number):
        value = tree.exponent.value
        if isinstance(value, Fraction) and value.denominator == 1:
            return int(value)
    return None


def _sorted(scalars: Sequence[Tree]) -> tuple[Tree, ...]:
    """Numbers, names, then longer scalars."""
    return tuple(sorted(scalars, key=lambda t: (not isinstance(t, ts.Number), repr(t).count("("))))


def _assembled(p: Piece, dims: Dims) -> tuple[int, Tree]:
    sign = -1 if p.coefficient < 0 else 1
    size = magnitude(p.coefficient)
    above, below = _powers(p.above), _powers(p.below)
    flipped, chain = _flipped(p.chain)
    sign = -sign if flipped else sign
    body = product(chain) if chain else None
    if isinstance(size, Fraction):
        if size.denominator != 1:
            below.insert(0, number(size.denominator))
        size = Fraction(size.numerator)
    if size != 1:
        above.insert(0, number(size))
    if not above and not below:
        return sign, number(1) if body is None else body
    if body is None:
        return sign, _fraction(above, below)
    if isinstance(body, ts.Blocks):
        scaled = ts.Scaled(body.body.dims, _fraction(above, below), body.body)
        return sign, ts.Blocks(dims, body.label, scaled)
    if isinstance(body, ts.Over) and body.top == number(1) and not below:
        return sign, replace(body, top=_fraction(above, below))  # c ⊘ x, not c (1 ⊘ x)
    plain = isinstance(body, ts.Symbol | ts.Plus) or _is_outer(body)
    if not above and plain and not _is_ratio(below):
        return sign, ts.Quotient(dims, body, _scalars(below))
    return sign, ts.Scaled(dims, _fraction(above, below), body)


def _flipped(chain: tuple[Tree, ...]) -> tuple[bool, tuple[Tree, ...]]:
    """A scalar minus a vector is minus the vector minus the scalar, and the sign goes in front."""
    for k, part in enumerate(chain):
        inner = part.parts if isinstance(part, ts.Elementwise) else (part,)
        for j, t in enumerate(inner):
            if isinstance(t, ts.Plus) and _starts_with_scalar(t):
                turned = ts.Plus(t.dims, tuple(-s for s in t.signs[::-1]), t.parts[::-1])
                made = (*inner[:j], turned, *inner[j + 1 :])
                whole = turned if len(made) == 1 else ts.Elementwise(part.dims, made)
                return True, (*chain[:k], whole, *chain[k + 1 :])
    return False, chain


def _starts_with_scalar(tree: ts.Plus) -> bool:
    """Whether scalars that are no numbers are added, and arrays subtracted."""
    return (
        bool(tree.dims)
        and all(
            (not t.dims and not isinstance(t, ts.Number)) if s > 0 else bool(t.dims)
            for s, t in zip(tree.signs, tree.parts, strict=True)
        )
        and 1 in tree.signs
        and -1 in tree.signs
    )


def _is_outer(body: Tree | None) -> bool:
    """Whether a product is that of a column and a row, xxᵀ."""
    return isinstance(body, ts.Product) and len(body.parts) == 2 and is_row(body.parts[1])


def _powers(scalars: Sequence[Tree]) -> list[Tree]:
    """Repeated factors as powers."""
    return [power_of(t, Fraction(n)) for t, n in Counter(scalars).items()]


def _is_ratio(below: Sequence[Tree]) -> bool:
    """Whether a fraction 1/n is written before: numbers and sizes below."""
    return all(isinstance(t, ts.Number | ts.Symbol | ts.Product) for t in below)


def _fraction(above: Sequence[Tree], below: Sequence[Tree]) -> Tree:
    top = _scalars(above) if above else number(1)
    return ts.Quotient((), top, _scalars(below)) if below else top


def _scalars(parts: Sequence[Tree]) -> Tree:
    return parts[0] if len(parts) == 1 else ts.Product((), tuple(parts))
