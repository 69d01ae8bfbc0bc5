"""Sums: scalars in front of terms, and common factors pulled out while the formula gets shorter.

XᵀP − XᵀY is Xᵀ(P − Y); ½ DᵀD − n/2 · Λ⁻¹ is ½ (DᵀD − nΛ⁻¹); M ⊙ A + M ⊙ B is M ⊙ (A + B).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.algebra.index import magnitude
from chainrule.formula.matrix.piece import Dims, Piece, parts_of, whole_power
from chainrule.formula.matrix.sums import is_all_ones, signed_sum
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import (
    elementwise,
    flat_transpose,
    power_of,
    product,
)
from chainrule.formula.typeset.tree import Tree

__all__: list[str] = []


def total(dims: Dims, pieces: Sequence[Piece]) -> Tree:
    """The sum of terms, factored."""
    found = [p.tree(dims) for p in _factored(list(pieces))]
    if len(found) == 1:
        sign, tree = found[0]
        return tree if sign > 0 else ts.Plus(dims, (-1,), (tree,))
    return signed_sum(dims, found)


# ---------------------------------------------------------------- two terms


def _factored(pieces: list[Piece]) -> list[Piece]:
    """Join pairs that share factors, the most similar first."""
    while len(pieces) > 1:
        found = [
            (saved, i, j, made)
            for i, j in itertools.combinations(range(len(pieces)), 2)
            for saved, made in filter(None, [_joined(pieces[i], pieces[j])])
        ]
        if not found:
            return pieces
        _, i, j, made = max(found, key=lambda pair: pair[0])
        pieces = [*pieces[:i], made, *(p for k, p in enumerate(pieces) if k > i and k != j)]
    return pieces


def _joined(a: Piece, b: Piece) -> tuple[int, Piece] | None:
    """Two terms as one product, with how many factors it saves; None if they share nothing."""
    shared_number = _common(a.coefficient, b.coefficient)
    above, rest_a, rest_b = _shared(a.above, b.above)
    below, under_a, under_b = _shared(a.below, b.below)
    left = replace(a, coefficient=a.coefficient / shared_number, above=rest_a, below=under_a)
    right = replace(b, coefficient=b.coefficient / shared_number, above=rest_b, below=under_b)
    scalars = len(above) + len(below) + (magnitude(shared_number) != 1)
    if a.chain == b.chain and a.chain and not is_all_ones(product(a.chain)):
        difference = _plus(replace(left, chain=()), replace(right, chain=()), ())
        return 2 * len(a.chain) + scalars, Piece(
            shared_number, (*above, difference), below, a.chain
        )
    found = _chains(left, right)
    if found is None:
        whole = _is_scalar(left) and _is_scalar(right) and not (under_a or under_b)
        if not whole or not (below or shared_number != 1):
            return None
        return scalars, Piece(shared_number, (*above, _plus(left, right, ())), below, ())
    count, chain = found
    if not count and not scalars:
        return None
    whole = not isinstance(shared_number, Fraction) or shared_number.denominator == 1
    if not count and (not a.chain or (whole and not below and (_nests(left) or _nests(right)))):
        return None
    return 2 * count + scalars, Piece(shared_number, above, below, chain)


def _is_scalar(p: Piece) -> bool:
    """Whether a term is xᵀAy or tr(A), with nothing but a sign in front."""
    chain = bool(p.chain) and not product(p.chain).dims
    trace = not p.chain and len(p.above) == 1 and not isinstance(p.above[0], ts.Symbol)
    return magnitude(p.coefficient) == 1 and (trace or (chain and not p.above))


def _nests(p: Piece) -> bool:
    """Whether brackets around a term would stand around brackets; a sum alone is continued."""
    alone = len(p.chain) == 1 and magnitude(p.coefficient) == 1 and not p.above and not p.below
    return not alone and any(isinstance(part, ts.Plus) for part in p.chain)


def _common(a: Fraction | float, b: Fraction | float) -> Fraction | float:
    """What two coefficients share: 2 of 2 and 4, ½ of ½ and −½."""
    sign = -1 if a < 0 and b < 0 else 1
    if not isinstance(a, Fraction) or not isinstance(b, Fraction):
        return magnitude(a) * sign if magnitude(a) == magnitude(b) else Fraction(sign)
    numerator = math.gcd(a.numerator, b.numerator)
    return sign * Fraction(numerator, math.gcd(a.denominator, b.denominator))


def _shared(
    a: tuple[Tree, ...], b: tuple[Tree, ...]
) -> tuple[tuple[Tree, ...], tuple[Tree, ...], tuple[Tree, ...]]:
    """What two collections have in common, and what is left of each."""
    common = Counter(a) & Counter(b)
    return (
        tuple(t for t in dict.fromkeys(a) for _ in range(common[t])),
        _without(a, common),
        _without(b, common),
    )


def _without(parts: tuple[Tree, ...], taken: Counter[Tree]) -> tuple[Tree, ...]:
    left = Counter(taken)
    kept = []
    for part in parts:
        if left[part]:
            left[part] -= 1
        else:
            kept.append(part)
    return tuple(kept)


def _chains(a: Piece, b: Piece) -> tuple[int, tuple[Tree, ...]] | None:
    """The joined product of arrays, and how many factors are shared."""
    x, y = a.chain, b.chain
    if not x or not y:
        return None
    front = 0
    while front < min(len(x), len(y)) and x[front] == y[front]:
        front += 1
    back = 0
    while back < min(len(x), len(y)) - front and x[-1 - back] == y[-1 - back]:
        back += 1
    inner_x, inner_y = x[front : len(x) - back], y[front : len(y) - back]
    first, last = x[:front], x[len(x) - back :]
    if not inner_x and not inner_y:
        return None
    if not inner_x or not inner_y:
        found = _with_identity(a, b, inner_x, inner_y, first, last)
        return found or (0, (_plus(a, b, _dims(x)),))
    left, right = replace(a, chain=inner_x), replace(b, chain=inner_y)
    deeper = _inside(left, right)
    if deeper is not None:
        count, middle = deeper
        return front + back + count, (*first, middle, *last)
    body = _plus(left, right, _dims(inner_x))
    return front + back, (*first, body, *last)


def _with_identity(
    a: Piece, b: Piece, x: tuple[Tree, ...], y: tuple[Tree, ...],
    first: tuple[Tree, ...], last: tuple[Tree, ...],
) -> tuple[int, tuple[Tree, ...]] | None:  # fmt: skip
    """AB − B is (A − I)B."""
    inner = x or y
    dims = _dims(inner)
    whole = _dims((*first, *inner, *last))
    if len(inner) != 1 or len(dims) != 2 or dims[0] != dims[1] or len(whole) != 2:
        return None
    eye = (ts.Eye(dims),)
    left = replace(a, chain=x or eye)
    right = replace(b, chain=y or eye)
    return len(first) + len(last), (*first, _plus(left, right, dims), *last)


def _dims(chain: tuple[Tree, ...]) -> Dims:
    return product(chain).dims


def _plus(a: Piece, b: Piece, dims: Dims) -> Tree:
    """A sum of two terms; sums inside are flattened."""
    found: list[tuple[int, Tree]] = []
    for p in (a, b):
        sign, tree = p.tree(dims)
        if isinstance(tree, ts.Plus):
            found += [(sign * s, t) for s, t in zip(tree.signs, tree.parts, strict=True)]
        else:
            found.append((sign, tree))
    return signed_sum(dims, found)


def _inside(a: Piece, b: Piece) -> tuple[int, Tree] | None:
    """Join inside of one factor: element by element, under diag, or under a transpose."""
    if len(a.chain) != 1 or len(b.chain) != 1:
        return None
    (x,), (y,) = a.chain, b.chain
    dims = x.dims
    if (
        isinstance(x, ts.Diag)
        and isinstance(y, ts.Diag)
        and len(x.body.dims) == 1 == len(y.body.dims)
    ):
        body = total(
            x.body.dims, [replace(a, chain=parts_of(x.body)), replace(b, chain=parts_of(y.body))]
        )
        return 1, ts.Diag(dims, body)
    if isinstance(x, ts.Transpose) and isinstance(y, ts.Transpose) and len(dims) == 2:
        below = _chains(replace(a, chain=parts_of(x.body)), replace(b, chain=parts_of(y.body)))
        return None if below is None else (below[0], ts.Transpose(dims, product(below[1])))
    pair = _same_frame(a, b, x, y)
    if pair is not None:
        return pair
    top_x, bottom_x = _ratio(x)
    top_y, bottom_y = _ratio(y)
    top, rest_x, rest_y = _shared(top_x, top_y)
    bottom, under_x, under_y = _shared(bottom_x, bottom_y)
    if not top and not bottom:
        return None
    ones = _ones(dims)
    left = _rejoined(rest_x, under_x, ones)
    right = _rejoined(rest_y, under_y, ones)
    body = total(dims, [replace(a, chain=parts_of(left)), replace(b, chain=parts_of(right))])
    inverse = [power_of(t, Fraction(-1)) for t in bottom]
    return len(top) + len(bottom), elementwise([*top, body, *inverse])


def _same_frame(a: Piece, b: Piece, x: Tree, y: Tree) -> tuple[int, Tree] | None:
    """Join under Σₙ, block by block, and in one side of a Kronecker product."""
    match x, y:
        case (ts.SumOver(label=n, body=left), ts.SumOver(label=m, body=right)) if n == m:
            joined = _joined(replace(a, chain=parts_of(left)), replace(b, chain=parts_of(right)))
            if joined is None:
                return None
            return 1 + joined[0], ts.SumOver(x.dims, n, _signed(joined[1], x.dims))
        case (ts.Blocks(label=n, body=left), ts.Blocks(label=m, body=right)) if n == m:
            pieces = [replace(a, chain=parts_of(left)), replace(b, chain=parts_of(right))]
            return 1, ts.Blocks(x.dims, n, total(left.dims, pieces))
        case (ts.Kron(parts=(l1, r1)), ts.Kron(parts=(l2, r2))) if l1 == l2 or r1 == r2:
            first, second = (r1, r2) if l1 == l2 else (l1, l2)
            pieces = [replace(a, chain=parts_of(first)), replace(b, chain=parts_of(second))]
            made = total(first.dims, pieces)
            return 1, ts.Kron(x.dims, (l1, made) if l1 == l2 else (made, r1))
    return None


def _signed(p: Piece, dims: Dims) -> Tree:
    sign, tree = p.tree(dims)
    return tree if sign > 0 else ts.Plus(dims, (-1,), (tree,))


def _ones(dims: Dims) -> Tree:
    if len(dims) == 1:
        return ts.Ones(dims)
    return product([ts.Ones(dims[:1]), flat_transpose(ts.Ones(dims[1:]))])


def _ratio(tree: Tree) -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    """The factors above and below in A ⊙ B ⊘ C."""
    if isinstance(tree, ts.Over):
        return _factors(tree.top), _factors(tree.bottom)
    return _factors(tree), ()


def _factors(tree: Tree) -> tuple[Tree, ...]:
    if isinstance(tree, ts.Number):
        return ()
    parts = tree.parts if isinstance(tree, ts.Elementwise) else (tree,)
    flat: list[Tree] = []
    for p in parts:
        count = whole_power(p)
        if isinstance(p, ts.Power) and count is not None and count > 0:
            flat += [p.body] * count
        else:
            flat.append(p)
    return tuple(flat)


def _rejoined(above: Sequence[Tree], below: Sequence[Tree], ones: Tree) -> Tree:
    """The product of factors, equal ones as a power; ones if there is none."""
    parts = [power_of(t, Fraction(n)) for t, n in Counter(above).items()]
    parts += [power_of(t, Fraction(-n)) for t, n in Counter(below).items()]
    return elementwise(parts) if parts else ones
