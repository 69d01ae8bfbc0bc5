"""Index notation, for what matrices cannot say: Σ over labels that are called as their axes are.

Arrays of more than two axes that are only added and multiplied element by element need no labels.
What stands under a function or a root is read at the labels outside: cos(Bₙₜ), not cos(Bₙₜ)ₙₜ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain

from chainrule.algebra.index import Term
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import elementwise, power_of
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import children, labels_of, with_parts
from chainrule.ir.scalar import SCALARS

__all__: list[str] = []

SPARE = "ijlpqrstuvwabcdefgh"
Parts = tuple[int, Tree, Sequence[Tree]]


def in_indices(terms: Sequence[Term], dims: tuple[str, ...], parts: Sequence[Parts]) -> Tree:
    """A sum of terms; ``parts`` has of each the sign, the scalar and the trees of its factors."""
    arrays = any(f.labels for t in terms for f in t.factors)
    trees = [tree for _, _, some in parts for tree in some]
    alike = len(trees) == 1 or not any(map(labels_of, trees))  # else T ⊙ Wₙcᵢⱼ would lose order
    if len(dims) > 2 and arrays and alike and all(_is_whole(t, len(dims)) for t in terms):
        made = [_whole(t, dims, p) for t, p in zip(terms, parts, strict=True)]
    else:
        made = [_indexed(t, dims, p) for t, p in zip(terms, parts, strict=True)]
    if len(made) == 1 and parts[0][0] > 0:
        return made[0]
    pairs = sorted(zip((sign for sign, _, _ in parts), made, strict=True), key=lambda p: -p[0])
    return ts.Plus(dims, tuple(sign for sign, _ in pairs), tuple(tree for _, tree in pairs))


def _is_whole(term: Term, rank: int) -> bool:
    """Whether a term is a number or a product of arrays with all axes in order."""
    return all(f.labels == tuple(range(rank)) for f in term.factors if f.labels)


def _whole(term: Term, dims: tuple[str, ...], parts: Parts) -> Tree:
    _, scalar, trees = parts
    if not trees:
        return scalar
    powers = [f.power for f in term.factors if f.labels]
    body = elementwise([power_of(t, p) for t, p in zip(trees, powers, strict=True)])
    return body if _is_one(scalar) else ts.Scaled(dims, scalar, body)


def _is_one(scalar: Tree) -> bool:
    return isinstance(scalar, ts.Number) and scalar.value == 1


def _indexed(term: Term, dims: tuple[str, ...], parts: Parts) -> Tree:
    """A term as Σ over its bound labels."""
    _, scalar, trees = parts
    factors = [f for f in term.factors if f.labels]
    sizes = dict(enumerate(dims))
    for f in factors:
        sizes |= dict(zip(f.labels, f.atom.dims, strict=True))
    letters = _letters(sizes)
    shown = []
    for f, tree in zip(factors, trees, strict=True):
        at = tuple(letters[i] for i in f.labels)
        shown.append(ts.At((), element(tree, at, set(letters.values())), at, f.power))
    bound = tuple((letters[i], sizes[i]) for i in sorted(sizes) if i >= len(dims))
    outputs = tuple(letters[k] for k in range(len(dims)))
    return ts.Indexed(dims, scalar, outputs, bound, tuple(shown))


def letters_of(dims: Sequence[str]) -> list[str]:
    """The letters of the axes of a whole."""
    return list(_letters(dict(enumerate(dims))).values())


def _letters(sizes: Mapping[int, str]) -> dict[int, str]:
    """A letter for each label: its axis name, if that is free."""
    letters: dict[int, str] = {}
    spare = iter(SPARE)
    for label, dim in sorted(sizes.items()):
        fits = len(dim) == 1 and dim.isalpha() and dim not in letters.values()
        letters[label] = dim if fits else next(c for c in spare if c not in sizes.values())
    return letters


def alike(left: Tree, right: Tree) -> tuple[Tree, Tree]:
    """Two sides of a relation, both in index notation where one is: [Xₙcₕw = Mₙc]."""
    if left.dims != right.dims or bool(labels_of(left)) == bool(labels_of(right)):
        return left, right
    at = labels_of(left) or labels_of(right)
    one = ts.Number((), Fraction(1))
    array = right if labels_of(left) else left
    read = ts.Indexed(array.dims, one, at, (), (ts.At((), array, at, Fraction(1)),))
    return (left, read) if array is right else (read, right)


# ---------------------------------------------------------------- labels inside of functions


def element(tree: Tree, at: tuple[str, ...], taken: set[str]) -> Tree:
    """A factor with its own labels called as those at which it is read, if it has such."""
    old = labels_of(tree)
    if len(set(at)) < len(at):
        return tree
    if not old:
        return (_element(tree, at) if isinstance(tree, _POINTWISE) else None) or tree
    return _renamed(tree, dict(zip(old, at, strict=True)), taken)


_POINTWISE = (ts.Apply, ts.Plus, ts.Elementwise, ts.Bracket, ts.Power, ts.Scaled)


def _element(tree: Tree, at: tuple[str, ...]) -> Tree | None:
    """An array made element by element, with the labels at the names: exp(Mₙc), not exp(M)ₙc.

    None where it is made in another way, such as by a product.
    """
    if not tree.dims:
        return tree
    match tree:
        case ts.Symbol(dims=dims) | ts.Transpose(dims=dims, body=ts.Symbol()):
            body, read = (tree.body, at[::-1]) if isinstance(tree, ts.Transpose) else (tree, at)
            one = Fraction(1)
            return ts.Indexed(dims, ts.Number((), one), at, (), (ts.At((), body, read, one),))
        case ts.Apply(name=name) if name not in SCALARS and name not in _SCALARS_AS_WRITTEN:
            return None
        case ts.Power(exponent=exponent) if exponent.dims:
            return None
        case ts.Apply() | ts.Plus() | ts.Elementwise() | ts.Bracket() | ts.Power() | ts.Scaled():
            parts = {p: _element(p, at) for p in children(tree) if p.dims in ((), tree.dims)}
            found = {p: made for p, made in parts.items() if made is not None}
            if len(found) == len(set(children(tree))):
                return with_parts(tree, found.__getitem__)
    return None


_SCALARS_AS_WRITTEN = frozenset({"σ", "Φ", "log|·|", "digamma", "trigamma"})


def _renamed(tree: Tree, names: Mapping[str, str], taken: set[str]) -> Tree:
    match tree:
        case ts.Indexed(labels=labels, summed=summed, factors=factors):
            used = taken | set(names.values())
            spare = (c for c in SPARE if c not in used and c not in dict(summed))
            inner = dict(names) | {i: _free(i, used, spare) for i, _ in summed}
            made = tuple(_factor(f, inner, used | set(inner.values())) for f in factors)
            sums = tuple((inner[i], dim) for i, dim in summed)
            return replace(tree, labels=tuple(inner[i] for i in labels), summed=sums, factors=made)
        case ts.Apply(parts=(body,)) if len(own := labels_of(body)) > len(names):  # maxᵢ(Xₙᵢ)
            used = taken | set(names.values())
            spare = (c for c in SPARE if c not in used and c not in own)
            inner = dict(names) | {i: _free(i, used, spare) for i in own[len(names) :]}
            return replace(tree, parts=(_renamed(body, inner, used | set(inner.values())),))
        case ts.Plus(parts=parts) | ts.Apply(parts=parts) | ts.Elementwise(parts=parts):
            return replace(tree, parts=tuple(_renamed(p, names, taken) for p in parts))
        case ts.Bracket(left=left, right=right):
            sides = (_renamed(p, names, taken) for p in (left, right))
            return ts.Bracket(tree.dims, tree.relation, *sides)
        case ts.Power(body=body) | ts.Scaled(body=body):
            return replace(tree, body=_renamed(body, names, taken))
    return tree


def _free(letter: str, used: set[str], spare: Iterator[str]) -> str:
    return next(chain(spare, [letter])) if letter in used else letter


def _factor(f: ts.At, names: Mapping[str, str], taken: set[str]) -> ts.At:
    at = tuple(names[i] for i in f.labels)
    return replace(f, body=element(f.body, at, taken), labels=at)
