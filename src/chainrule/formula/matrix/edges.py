"""The matrices of a term as edges between its labels, and vectors as rows and diagonals."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose
from chainrule.formula.typeset.tree import Tree

__all__ = ["Edge", "complexity", "diagonal", "lying", "seen_from", "spread"]


class Edge(NamedTuple):
    """A matrix between two labels: its rows run along the first."""

    row: int
    column: int
    tree: Tree
    symmetric: bool = False


def seen_from(edge: Edge, row: int) -> Tree:
    """The matrix of an edge with its rows along this label."""
    return edge.tree if edge.row == row or edge.symmetric else flat_transpose(edge.tree)


def lying(vector: Tree) -> Tree:
    """A vector as a row."""
    return flat_transpose(vector)


def spread(vectors: list[Tree]) -> tuple[list[Tree], list[Tree]]:
    """Vectors that scale rows as diag(u), and sums M𝟏 that are written (M𝟏)𝟏ᵀ."""
    sums: list[Tree] = [
        v for v in vectors if isinstance(v, ts.Product) and isinstance(v.parts[-1], ts.Ones)
    ]
    return [v for v in vectors if v not in sums], sums


def diagonal(vector: Tree) -> Tree:
    """diag(v)."""
    return ts.Diag((*vector.dims, *vector.dims), vector)


def complexity(tree: Tree) -> tuple[int, str]:
    """How deeply a tree is nested; then its text."""
    text = repr(tree)
    return (text.count("("), text)
