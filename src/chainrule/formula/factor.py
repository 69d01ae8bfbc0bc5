"""Sums: scalars in front of terms, and common factors pulled out while the formula gets shorter.

XᵀP − XᵀY is Xᵀ(P − Y); ½ DᵀD − n/2 · Λ⁻¹ is ½ (DᵀD − nΛ⁻¹); M ⊙ A + M ⊙ B is M ⊙ (A + B).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chainrule.algebra.index import magnitude
from chainrule.formula import typeset as ts
from chainrule.formula.build import (
    elementwise,
    flat_transpose,
    is_row,
    number,
    power_of,
    product,
    turns,
)
from chainrule.formula.typeset import Tree
from chainrule.formula.walk import walk

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
    chain = () if body is None else _parts(body)
    if body is None:
        rows = [t for t in top if isinstance(t, ts.Product) and is_row(t.parts[0])]
        if len(rows) == 1:
            top.remove(rows[0])
            chain = rows[0].parts
    up, down = _opened(top)
    under, over = _opened(bottom)
    return Piece(coefficient, _sorted([*up, *over]), _sorted([*down, *under]), chain)


def _opened(scalars: Sequence[Tree]) -> tuple[list[Tree], list[Tree]]:
    """Whole powers as repeated factors, so that s and s² share one; negative ones apart."""
    above: list[Tree] = []
    below: list[Tree] = []
    for t in scalars:
        count = _whole_power(t)
        if count is None or not isinstance(t, ts.Power):
            above.append(t)
        else:
            (above if count > 0 else below).extend([t.body] * abs(count))
    return above, below


def _whole_power(tree: Tree) -> int | None:
    if isinstance(tree, ts.Power) and isinstance(tree.exponent, ts.Number):
        value = tree.exponent.value
        if isinstance(value, Fraction) and value.denominator == 1:
            return int(value)
    return None


def _sorted(scalars: Sequence[Tree]) -> tuple[Tree, ...]:
    """Numbers, names, then longer scalars."""
    return tuple(sorted(scalars, key=lambda t: (not isinstance(t, ts.Number), repr(t).count("("))))


def _parts(body: Tree) -> tuple[Tree, ...]:
    return body.parts if isinstance(body, ts.Product) else (body,)


def total(dims: Dims, pieces: Sequence[Piece]) -> Tree:
    """The sum of terms, factored."""
    found = [p.tree(dims) for p in _factored(list(pieces))]
    if len(found) == 1:
        sign, tree = found[0]
        return tree if sign > 0 else ts.Plus(dims, (-1,), (tree,))
    return _sum(dims, found)


def _sum(dims: Dims, found: Sequence[tuple[int, Tree]]) -> Tree:
    """A signed sum: what is added stands first; 1 − p, XW + b."""
    found = _collected(found)
    plain = not any(isinstance(p, ts.Eye) for _, t in found for p in walk(t) if p.dims == dims)
    if plain:
        found = [(s, _as_number(t)) for s, t in found]
    if any(isinstance(t, ts.Product) and not _is_bias(t) for _, t in found):
        found = [(s, ts.Bias(t.dims, flat_transpose(t.parts[1])))
                 if s > 0 and _is_bias(t) and isinstance(t, ts.Product) else (s, t)
                 for s, t in found]  # fmt: skip
    found = _uncancelled(found)
    if not found:
        return ts.Zero(dims)
    if len(found) == 1 and found[0][0] > 0:
        return found[0][1]
    if len(dims) == 2:
        turned = [(s, flat_transpose(t)) for s, t in found]
        if turns([t for _, t in turned]) + 1 < turns([t for _, t in found]):
            return ts.Transpose(dims, _sum(dims[::-1], turned))
    ordered = sorted(found, key=lambda pair: (-pair[0], _rank(pair[1])))
    if [s for s, _ in ordered] == [1, 1] and isinstance(ordered[1][1], ts.Number):
        ordered.reverse()
    return ts.Plus(dims, tuple(s for s, _ in ordered), tuple(t for _, t in ordered))


def _collected(found: Sequence[tuple[int, Tree]]) -> list[tuple[int, Tree]]:
    """Open sums inside of the sum, and collect like terms: (1 − s) − s is 1 − 2s."""
    flat: list[tuple[int, Tree]] = []
    for sign, tree in found:
        if isinstance(tree, ts.Plus):
            flat += [(sign * s, t) for s, t in zip(tree.signs, tree.parts, strict=True)]
        else:
            flat.append((sign, tree))
    counts: dict[Tree, Fraction] = {}
    for sign, tree in flat:
        count, base = _counted(tree)
        counts[base] = counts.get(base, Fraction(0)) + sign * count
    if len(counts) == len(flat):
        return flat
    return [(1 if n > 0 else -1, _times_number(abs(n), base)) for base, n in counts.items() if n]


def _counted(tree: Tree) -> tuple[Fraction, Tree]:
    """A term as a number times something."""
    if isinstance(tree, ts.Number) and isinstance(tree.value, Fraction):
        return tree.value, number(1)
    if isinstance(tree, ts.Scaled) and isinstance(tree.scalar, ts.Number):
        value = tree.scalar.value
        if isinstance(value, Fraction):
            return value, tree.body
    return Fraction(1), tree


def _times_number(count: Fraction, base: Tree) -> Tree:
    if isinstance(base, ts.Number):
        return number(count)
    return base if count == 1 else ts.Scaled(base.dims, number(count), base)


def _uncancelled(found: Sequence[tuple[int, Tree]]) -> list[tuple[int, Tree]]:
    """A signed sum without what stands in it with both signs: y + (1 − y) is 1."""
    left: list[tuple[int, Tree]] = []
    for sign, tree in found:
        if (-sign, tree) in left:
            left.remove((-sign, tree))
        else:
            left.append((sign, tree))
    return left


def _rank(tree: Tree) -> int:
    """Products before names before transposes before biases and numbers."""
    match tree:
        case ts.Number() | ts.Bias():
            return 3
        case ts.Transpose():
            return 2
    return int(isinstance(tree, ts.Symbol))


def _is_bias(tree: Tree) -> bool:
    """Whether a tree is 𝟏bᵀ for a name b."""
    return (
        isinstance(tree, ts.Product)
        and len(tree.parts) == 2
        and isinstance(tree.parts[0], ts.Ones)
        and isinstance(flat_transpose(tree.parts[1]), ts.Symbol)
    )


def _as_number(tree: Tree) -> Tree:
    """In a sum, c·𝟏 is the number c, as in 1 − p."""
    match tree:
        case ts.Ones():
            return number(1)
        case ts.Scaled(scalar=scalar, body=body) if _is_all_ones(body):
            return _mean(scalar)
    return number(1) if _is_all_ones(tree) else tree


def _mean(scalar: Tree) -> Tree:
    """mean(v), where a scalar is 𝟏ᵀv / n."""
    match scalar:
        case ts.Quotient(top=ts.Product(parts=(first, second)), bottom=ts.Symbol(name=size)):
            vector = second.dims == (size,) or first.dims == (size,)
            if vector and isinstance(flat_transpose(first), ts.Ones):
                return ts.Apply((), "mean", (second,))
    return scalar


def _is_all_ones(tree: Tree) -> bool:
    match tree:
        case ts.Ones():
            return True
        case ts.Product(parts=parts):
            columns = [flat_transpose(p) if is_row(p) else p for p in parts]
            return all(isinstance(p, ts.Ones) for p in columns)
    return False


# ---------------------------------------------------------------- one term


def _assembled(p: Piece, dims: Dims) -> tuple[int, Tree]:
    sign = -1 if p.coefficient < 0 else 1
    size = magnitude(p.coefficient)
    above, below = _powers(p.above), _powers(p.below)
    body = product(p.chain) if p.chain else None
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
    if not above and isinstance(body, ts.Symbol | ts.Plus) and not _is_ratio(below):
        return sign, ts.Quotient(dims, body, _scalars(below))
    return sign, ts.Scaled(dims, _fraction(above, below), body)


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


# ---------------------------------------------------------------- two terms


def _factored(pieces: list[Piece]) -> list[Piece]:
    """Join pairs that share factors, the most similar first."""
    while len(pieces) > 1:
        best: tuple[int, int, int, Piece] | None = None
        for i, first in enumerate(pieces):
            for j in range(i + 1, len(pieces)):
                joined = _joined(first, pieces[j])
                if joined is not None and (best is None or joined[0] > best[0]):
                    best = (joined[0], i, j, joined[1])
        if best is None:
            return pieces
        _, i, j, made = best
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
    if a.chain == b.chain and a.chain and not _is_all_ones(product(a.chain)):
        difference = _plus(replace(left, chain=()), replace(right, chain=()), ())
        return 2 * len(a.chain) + scalars, Piece(
            shared_number, (*above, difference), below, a.chain
        )
    found = _chains(left, right)
    if found is None:
        return None
    count, chain = found
    if not count and not scalars:
        return None
    whole = not isinstance(shared_number, Fraction) or shared_number.denominator == 1
    if not count and (not a.chain or (whole and not below and (_nests(left) or _nests(right)))):
        return None
    return 2 * count + scalars, Piece(shared_number, above, below, chain)


def _nests(p: Piece) -> bool:
    """Whether brackets around a term would stand around brackets."""
    return any(isinstance(part, ts.Plus) for part in p.chain)


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
        return _with_identity(a, b, inner_x, inner_y, first, last)
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
    return _sum(dims, found)


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
            x.body.dims, [replace(a, chain=_parts(x.body)), replace(b, chain=_parts(y.body))]
        )
        return 1, ts.Diag(dims, body)
    if isinstance(x, ts.Transpose) and isinstance(y, ts.Transpose) and len(dims) == 2:
        below = _chains(replace(a, chain=_parts(x.body)), replace(b, chain=_parts(y.body)))
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
    body = total(dims, [replace(a, chain=_parts(left)), replace(b, chain=_parts(right))])
    inverse = [power_of(t, Fraction(-1)) for t in bottom]
    return len(top) + len(bottom), elementwise([*top, body, *inverse])


def _same_frame(a: Piece, b: Piece, x: Tree, y: Tree) -> tuple[int, Tree] | None:
    """Join under Σₙ, block by block, and in one side of a Kronecker product."""
    match x, y:
        case (ts.SumOver(label=n, body=left), ts.SumOver(label=m, body=right)) if n == m:
            joined = _joined(replace(a, chain=_parts(left)), replace(b, chain=_parts(right)))
            if joined is None:
                return None
            return 1 + joined[0], ts.SumOver(x.dims, n, _signed(joined[1], x.dims))
        case (ts.Blocks(label=n, body=left), ts.Blocks(label=m, body=right)) if n == m:
            pieces = [replace(a, chain=_parts(left)), replace(b, chain=_parts(right))]
            return 1, ts.Blocks(x.dims, n, total(left.dims, pieces))
        case (ts.Kron(parts=(l1, r1)), ts.Kron(parts=(l2, r2))) if l1 == l2 or r1 == r2:
            first, second = (r1, r2) if l1 == l2 else (l1, l2)
            pieces = [replace(a, chain=_parts(first)), replace(b, chain=_parts(second))]
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
        count = _whole_power(p)
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
