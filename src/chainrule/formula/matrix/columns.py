"""Column-major vec: the same formulas for matrices that are stacked column by column.

A ⊗ B by rows is B ⊗ A by columns, and vec, K and blocks keep what they are of. Where that does not
do, as in a program that flattens by rows itself, vec(X) by columns is vec(Xᵀ) by rows:
the labels of every matrix are read in the other order, and what stands under vec is turned back.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from chainrule.algebra.index import Poly, normal
from chainrule.formula.matrix.structure import formula
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import rewritten, walk

__all__ = ["formula_by_columns", "turned"]


def formula_by_columns(poly: Poly, rows: int) -> Tree:
    """The formula of a derivative whose matrices are stacked by columns."""
    plain = formula(poly, rows)
    flattens = any(f.atom.head == "reshape" for t in poly.terms for f in t.factors)
    if not flattens and not any(isinstance(p, ts.Indexed) for p in walk(plain)):
        return rewritten(plain, _swapped)
    return turned(formula(_reversed(poly, rows), rows))


def _reversed(poly: Poly, rows: int) -> Poly:
    """A derivative with the labels of its rows, and those of its columns, in the other order."""
    order = [*range(rows)[::-1], *range(rows, poly.rank)[::-1]]
    place = [order.index(k) for k in range(poly.rank)]
    terms = poly.at(place, itertools.count(poly.rank))
    return normal(terms, range(poly.rank), tuple(poly.dims[k] for k in order))


def turned(tree: Tree) -> Tree:
    """A formula in which vec flattens by rows, told with vec by columns."""
    return rewritten(tree, _turned)


def _turned(part: Tree) -> Tree:
    match part:
        case ts.Vec(body=body):
            return ts.Vec(part.dims, flat_transpose(body), by_columns=True)
        case ts.Commutation(sizes=sizes):
            return ts.Commutation(part.dims, sizes[::-1], by_columns=True)
    return part


def _swapped(part: Tree) -> Tree:
    dims = tuple("·".join(d.split("·")[::-1]) for d in part.dims)
    match part:
        case ts.Kron(parts=parts):
            return ts.Kron(dims, parts[::-1])
        case ts.Vec() | ts.Commutation() | ts.Blocks():
            return replace(part, dims=dims, by_columns=True)
    return replace(part, dims=dims)
