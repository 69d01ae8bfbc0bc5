"""Building typeset trees: flattened products, transposes pushed inward, collected powers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree

__all__: list[str] = []

_ONE = Fraction(1)


def number(value: Fraction | float | int) -> Tree:
    """A number."""
    return ts.Number((), Fraction(value) if isinstance(value, int) else value)


def clipped(dims: tuple[str, ...], body: Tree, low: Tree, high: Tree) -> Tree:
    """A value between two bounds; with one of them infinite the smaller or larger of two values."""
    if isinstance(low, ts.Number) and low.value == -math.inf:
        return ts.Apply(dims, "minimum", (body, high))
    if isinstance(high, ts.Number) and high.value == math.inf:
        return ts.Apply(dims, "maximum", (body, low))
    return ts.Apply(dims, "clip", (body, low, high))


def product(parts: Sequence[Tree]) -> Tree:
    """A matrix product, flattened; the identity vanishes."""
    flat: list[Tree] = []
    for part in parts:
        flat += part.parts if isinstance(part, ts.Product) and part.dims else [part]
    kept = [p for p in flat if not isinstance(p, ts.Eye)]
    if not kept:
        return flat[0]
    scalars = [p.scalar for p in kept if isinstance(p, ts.Scaled)]
    kept = _sliced([p.body if isinstance(p, ts.Scaled) else p for p in kept])
    dims = _product_dims(kept)
    made = kept[0] if len(kept) == 1 else ts.Product(dims, tuple(kept))
    for scalar in reversed(scalars):
        made = ts.Scaled(made.dims, scalar, made)
    return made


def _sliced(parts: list[Tree]) -> list[Tree]:
    """I[:k, :]Wᵀ as W[:, :k]ᵀ: rows and columns of a named matrix are its slices."""
    found: list[Tree] = []
    for part in parts:
        before = found[-1] if found else None
        made = None
        if before is not None:
            made = _slice(part, 0, before) or _slice(before, 1, part)
        found = [*found[:-1], made] if made is not None else [*found, part]
    return found


def _slice(matrix: Tree, axis: int, rows: Tree) -> Tree | None:
    """The rows of a named matrix (or the columns) that a slice of the identity picks."""
    turned = isinstance(rows, ts.Transpose)
    view = rows.body if isinstance(rows, ts.Transpose) else rows
    named = matrix.body if isinstance(matrix, ts.Transpose) else matrix
    if not (isinstance(view, ts.Viewed) and isinstance(view.body, ts.Eye)) or view.outside:
        return None
    own = axis ^ turned
    if not isinstance(named, ts.Symbol) or len(named.dims) != 2:
        return None
    if view.axes[1 - own] != (0, ((1 - own, 1),)) or view.dims[1 - own] != view.body.dims[0]:
        return None
    start, ((_, step),) = view.axes[own]
    side = axis if named is matrix else 1 - axis
    places: list[ts.Place] = [(0, ((k, 1),)) for k in range(2)]
    places[side] = (start, ((side, step),))
    dims = [*named.dims]
    dims[side] = view.dims[own]
    made = ts.Viewed((dims[0], dims[1]), named, tuple(places))
    return made if named is matrix else ts.Transpose(made.dims[::-1], made)


def _product_dims(parts: Sequence[Tree]) -> tuple[str, ...]:
    """A row times … a column is a scalar; a matrix times a column is a vector."""
    first, last = parts[0], parts[-1]
    left = first.dims[:1] if not is_row(first) else ()
    right = last.dims[1:] if not is_row(last) else last.dims[:1]
    if is_row(first):
        left = ()
    return (*left, *right)


def is_row(tree: Tree) -> bool:
    """Whether a tree is a column turned into a row."""
    return isinstance(tree, ts.Transpose) and len(tree.body.dims) == 1


def flat_transpose(tree: Tree) -> Tree:
    """The transpose, pushed inward as far as it goes without brackets."""
    match tree:
        case ts.Transpose(body=body):
            return body
        case ts.Eye(dims=dims):
            return ts.Eye(dims[::-1])
        case ts.Indexed(dims=dims, labels=labels) if len(dims) == 2:
            return replace(tree, dims=dims[::-1], labels=labels[::-1])
        case ts.Symbol(symmetric=True) | ts.Inverse(symmetric=True):
            return tree
        case ts.Product(parts=parts):
            return product([flat_transpose(p) for p in reversed(parts)])
        case ts.Diag(body=body) if len(body.dims) == 1:
            return tree
        case ts.Scaled(scalar=scalar, body=body):
            turned = flat_transpose(body)
            return ts.Scaled(turned.dims, scalar, turned)
        case ts.Elementwise(parts=parts) if len(tree.dims) == 2:
            flipped = [flat_transpose(p) for p in parts]
            if turns(flipped) < turns(parts):
                return ts.Elementwise(tree.dims[::-1], tuple(flipped))
        case ts.Plus(signs=signs, parts=parts) if len(tree.dims) == 2:
            flipped = [flat_transpose(p) for p in parts]
            if turns(flipped) < turns(parts):
                return ts.Plus(tree.dims[::-1], signs, tuple(flipped))
        case ts.Power(body=body, exponent=exponent) if isinstance(body, ts.Transpose):
            return ts.Power(tree.dims[::-1], body.body, exponent)
        case ts.Stacked(parts=parts, axis=axis) if len(tree.dims) == 2:
            flipped = [flat_transpose(p) for p in parts]
            return ts.Stacked(tree.dims[::-1], tuple(flipped), 1 - axis)
        case ts.Apply(name="tril" | "triu" as name, parts=(body, *more)):
            settings = [ts.Number((), -k.value) for k in more if isinstance(k, ts.Number)]
            turned = flat_transpose(body)
            if turns([turned]) <= turns([body]):
                return ts.Apply(tree.dims[::-1], _TURNED[name], (turned, *settings))
        case ts.Zero(dims=dims) if len(dims) == 2:
            return ts.Zero(dims[::-1])
        case ts.Over(top=top, bottom=bottom) if len(tree.dims) == 2:
            flipped = [flat_transpose(top), flat_transpose(bottom)]
            if turns(flipped) < turns([top, bottom]):
                return ts.Over(tree.dims[::-1], *flipped)
    if not tree.dims:
        return tree
    return ts.Transpose(tree.dims[::-1], tree)


def turns(parts: Sequence[Tree]) -> int:
    """How many transposes stand in a tree's text."""
    return sum(repr(p).count("Transpose(") for p in parts)


def upright(tree: Tree) -> Tree:
    """A scalar product read from the side that needs fewer transposes: xᵀAy, not yᵀAᵀx."""
    if not isinstance(tree, ts.Product):
        return tree
    turned = product([flat_transpose(p) for p in reversed(tree.parts)])
    return turned if turns([turned]) < turns([tree]) else tree


def triangle(name: str, k: int, dims: tuple[str, ...], body: Tree | None = None) -> Tree:
    """tril(A) or triu(A), where nothing is said of A that of ones."""
    ones = product([ts.Ones(dims[:1]), flat_transpose(ts.Ones(dims[1:]))])
    settings = (number(k),) if k else ()
    return ts.Apply(dims, name, (body or ones, *settings))


def is_triangle(tree: Tree) -> bool:
    """Whether a tree is tril(𝟏𝟏ᵀ), which keeps what lies there of what it is multiplied with."""
    return isinstance(tree, ts.Apply) and tree.name in _TURNED and _is_ones(tree.parts[0])


def _is_ones(tree: Tree) -> bool:
    parts = tree.parts if isinstance(tree, ts.Product) else (tree,)
    return all(isinstance(p.body if is_row(p) else p, ts.Ones) for p in parts)  # type: ignore[attr-defined]


_TURNED = {"tril": "triu", "triu": "tril"}


def power_of(tree: Tree, exponent: Fraction) -> Tree:
    """A power, element by element; a square root's square is what is under it."""
    if exponent == 1:
        return tree
    if isinstance(tree, ts.Power) and isinstance(tree.exponent, ts.Number):
        before = tree.exponent.value
        if isinstance(before, Fraction):
            return power_of(tree.body, before * exponent)
    return ts.Power(tree.dims, tree, number(exponent))


def elementwise(parts: Sequence[Tree]) -> Tree:
    """A ⊙ B ⊘ C: factors with negative powers stand below."""
    parts = [p for p in parts if not isinstance(p, ts.Ones) and p != number(1)] or list(parts[:1])
    top: list[Tree] = []
    bottom: list[Tree] = []
    counted = Counter(parts)
    for part in (power_of(p, Fraction(n)) for p, n in counted.items()):
        if isinstance(part, ts.Power) and isinstance(part.exponent, ts.Number):
            exponent = part.exponent.value
            if isinstance(exponent, Fraction) and exponent < 0:
                bottom.append(power_of(part.body, -exponent))
                continue
        top.append(part)
    dims = parts[0].dims
    half = next((p for p in top if is_triangle(p)), None)
    if isinstance(half, ts.Apply) and len(parts) > 1:
        rest = elementwise([p for p in parts if p is not half])
        return ts.Apply(dims, half.name, (rest, *half.parts[1:]))
    above = _hadamard(top, dims) if top else number(1)
    return ts.Over(dims, above, _hadamard(bottom, dims)) if bottom else above


def _hadamard(parts: Sequence[Tree], dims: tuple[str, ...]) -> Tree:
    flat: list[Tree] = []
    for p in parts:
        flat += p.parts if isinstance(p, ts.Elementwise) else [p]
    if len(flat) > 1 and all(isinstance(p, ts.Transpose) and len(p.dims) == 2 for p in flat):
        return ts.Transpose(dims, _hadamard([flat_transpose(p) for p in flat], dims[::-1]))
    ordered = sorted(flat, key=_place)
    return flat[0] if len(flat) == 1 else ts.Elementwise(dims, tuple(ordered))


def _place(tree: Tree) -> int:
    """Products first, then names, then 1 − y, then indicators."""
    match tree:
        case ts.Product():
            return 0
        case ts.Plus(parts=parts):
            if any(isinstance(p, ts.Number) for p in parts):
                return 3
            return 0 if all(isinstance(p, ts.Symbol) for p in parts) else 4
        case ts.Symbol():
            return 1
        case ts.Bracket():
            return 5
    return 2
