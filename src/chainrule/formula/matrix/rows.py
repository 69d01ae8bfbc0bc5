"""One row of a matrix formula."""

from __future__ import annotations

from fractions import Fraction

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import (
    flat_transpose,
    number,
    power_of,
    product,
)
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import spanned

__all__: list[str] = ["Irreducible", "row_of"]

_WHOLE = frozenset({"det", "onehot", "softmax", "tril", "triu"})


class Irreducible(Exception):  # noqa: N818 — a way out, not a failure
    """The term has no form in matrices."""


def row_of(tree: Tree, slot: int, label: str) -> Tree:
    """A matrix read at one row (slot 0) or column: a vector; a vector read at one place."""
    dims = tree.dims[:slot] + tree.dims[slot + 1 :]
    match tree:
        case ts.Symbol() if slot == 0:
            return ts.Row(dims, tree, label)
        case ts.Number():
            return tree
        case ts.Transpose(body=body) if len(tree.dims) == 2:
            return row_of(body, 1 - slot, label)
        case ts.Plus(signs=signs, parts=parts):
            return ts.Plus(dims, signs, tuple(row_of(p, slot, label) for p in parts))
        case ts.Scaled(scalar=scalar, body=body) if not scalar.dims:
            return ts.Scaled(dims, scalar, row_of(body, slot, label))
        case ts.Over(top=top, bottom=bottom):
            above = row_of(top, slot, label) if top.dims else top
            return ts.Over(dims, above, row_of(bottom, slot, label))
        case ts.Elementwise(parts=parts):
            return ts.Elementwise(dims, tuple(row_of(p, slot, label) for p in parts))
        case ts.Power(body=body, exponent=exponent):
            inner = row_of(body, slot, label)
            if isinstance(exponent, ts.Number) and isinstance(exponent.value, Fraction):
                return power_of(inner, exponent.value)
            return ts.Power(dims, inner, exponent)
        case ts.Apply(name="softmax" | "tril" | "triu") if slot == 0 and len(tree.dims) == 2:
            return ts.Row(dims, tree, label)
        case ts.Apply(name=name, parts=parts) if spanned(name)[0] not in _WHOLE:
            made = tuple(row_of(p, slot, label) if p.dims else p for p in parts)
            return ts.Apply(dims, name, made)
        case ts.Bracket(relation=relation, left=left, right=right):
            sides = [row_of(p, slot, label) if p.dims else p for p in (left, right)]
            return ts.Bracket(dims, relation, *sides)
        case ts.Stacked(parts=parts, axis=axis) if axis != slot and len(tree.dims) == 2:
            return ts.Stacked(dims, tuple(row_of(p, slot, label) for p in parts), 0)
        case ts.Zero():
            return ts.Zero(dims)
        case ts.Product(parts=(ts.Power(body=body, exponent=two), ts.Ones())) if slot == 0 and (
            two == number(2)
        ):
            return power_of(ts.Norm((), row_of(body, 0, label)), Fraction(2))
        case ts.Product(parts=(first, *rest)) if slot == 0 and len(first.dims) == 2:
            return product([flat_transpose(product(rest)), row_of(first, 0, label)])
    raise Irreducible("a row of something without rows")
