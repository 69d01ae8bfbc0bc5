"""Signed sums: what is added stands first, like terms are collected, biases are written XW + b."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.formula.matrix.piece import Dims, Piece
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import (
    elementwise,
    flat_transpose,
    is_row,
    number,
    product,
    turns,
)
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__: list[str] = []


def signed_sum(dims: Dims, found: Sequence[tuple[int, Tree]]) -> Tree:
    """A signed sum: what is added stands first; 1 − p, XW + b."""
    found = _collected(found)
    if not any(_is_diagonal(t, dims) for _, t in found):
        found = [(s, _as_number(t)) for s, t in found]
    if any(isinstance(t, ts.Product) and not _has_equal_rows(t) for _, t in found):
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
        if turns([t for _, t in turned]) + 2 < turns([t for _, t in found]):
            return ts.Transpose(dims, signed_sum(dims[::-1], turned))
    if len(dims) == 1 and all(_lies(t) for _, t in found):
        return ts.Transpose(dims, signed_sum(dims, [(s, flat_transpose(t)) for s, t in found]))
    ordered = sorted(found, key=lambda pair: (-pair[0], _rank(pair[1])))
    if [s for s, _ in ordered] == [1, 1] and isinstance(ordered[1][1], ts.Number):
        ordered.reverse()
    return ts.Plus(dims, tuple(s for s, _ in ordered), tuple(t for _, t in ordered))


def _is_diagonal(tree: Tree, dims: Dims) -> bool:
    """Whether a number beside a matrix would be read as that times I: it has I, or is diagonal."""
    if any(isinstance(p, ts.Eye) for p in walk(tree) if p.dims == dims):
        return True
    body = tree.body if isinstance(tree, ts.Scaled) else tree
    return len(dims) == 2 and isinstance(body, ts.Diag | ts.Blocks | ts.Kron)


def _lies(tree: Tree) -> bool:
    """Whether a vector is a row: uᵀ, 2uᵀ, uᵀA."""
    if isinstance(tree, ts.Scaled):
        return _lies(tree.body)
    if isinstance(tree, ts.Product):
        return bool(tree.dims) and is_row(tree.parts[0])
    return is_row(tree)


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
        case ts.Scaled(scalar=ts.Apply()) | ts.Scaled(body=ts.Eye()):
            return 1
    return int(isinstance(tree, ts.Symbol))


def _is_bias(tree: Tree) -> bool:
    """Whether a tree is 𝟏bᵀ for a name b."""
    return (
        isinstance(tree, ts.Product)
        and len(tree.parts) == 2
        and isinstance(tree.parts[0], ts.Ones)
        and isinstance(flat_transpose(tree.parts[1]), ts.Symbol)
    )


def _has_equal_rows(tree: ts.Product) -> bool:
    """Whether a product is 𝟏vᵀ or u𝟏ᵀ, beside which a bias would be read as either."""
    sides = [flat_transpose(p) if is_row(p) else p for p in tree.parts]
    return len(sides) == 2 and any(isinstance(p, ts.Ones) for p in sides)


def _as_number(tree: Tree) -> Tree:
    """In a sum, c·𝟏 is the number c, as in 1 − p."""
    match tree:
        case ts.Ones():
            return number(1)
        case ts.Scaled(scalar=scalar, body=body) if is_all_ones(body):
            return mean_of(scalar)
    return number(1) if is_all_ones(tree) else tree


def mean_of(scalar: Tree) -> Tree:
    """mean(v), where a scalar is 𝟏ᵀv / n."""
    match scalar:
        case ts.Quotient(top=ts.Product(parts=(first, second)), bottom=ts.Symbol(name=size)):
            vector = second.dims == (size,) or first.dims == (size,)
            if vector and isinstance(flat_transpose(first), ts.Ones):
                return ts.Apply((), "mean", (second,))
    return scalar


def averaged(tree: Tree) -> Tree:
    """mean(v) for a definition that says 1/n · 𝟏ᵀv."""
    match tree:
        case ts.Scaled(
            dims=(),
            scalar=ts.Quotient(top=top, bottom=ts.Symbol(name=size)),
            body=ts.Product(parts=(ts.Transpose(body=ts.Ones(dims=sizes)), *rest)),
        ) if top == number(1) and sizes == (size,):
            return ts.Apply((), "mean", (product(rest),))
    return tree


def is_all_ones(tree: Tree) -> bool:
    match tree:
        case ts.Ones():
            return True
        case ts.Product(parts=parts):
            columns = [flat_transpose(p) if is_row(p) else p for p in parts]
            return all(isinstance(p, ts.Ones) for p in columns)
    return False


def with_means(pieces: list[Piece], dims: tuple[str, ...]) -> list[Piece]:
    """Where a mean is subtracted from a vector, scalars uᵀv/n are means too."""
    if len(dims) != 1 or len(pieces) < 2:
        return pieces
    if not any(_as_means(p, dims) is not None and is_all_ones(product(p.chain or [ts.Ones(dims)]))
               for p in pieces):  # fmt: skip
        return pieces
    return [_as_means(p, dims) or p for p in pieces]


def _as_means(p: Piece, dims: tuple[str, ...]) -> Piece | None:
    """The term with 𝟏ᵀu/n or uᵀv/n as mean(u) or mean(u ⊙ v)."""
    size = ts.Symbol((), dims[0])
    for t in p.above:
        if size in p.below and isinstance(t, ts.Product) and len(t.parts) == 2:
            left, right = flat_transpose(t.parts[0]), t.parts[1]
            if left.dims == right.dims == dims:
                inside = elementwise([left, right])
                above = tuple(ts.Apply((), "mean", (inside,)) if u is t else u for u in p.above)
                below = list(p.below)
                below.remove(size)
                return replace(p, above=above, below=tuple(below))
    return None
