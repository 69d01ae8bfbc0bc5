"""What a part of a formula is in Python: a truth value, a diagonal, a vector for every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose, is_row
from chainrule.formula.typeset.tree import Tree

__all__: list[str] = []

POWER: Final = 3  # how tightly x**2 holds together, between a sign and a name


def sliced(
    entry: tuple[int, tuple[tuple[int, int], ...]], old: str, dims: tuple[str, ...]
) -> str | None:
    """How an axis is sliced; None where that cannot be said without knowing the sizes."""
    start, steps = entry
    if not steps:
        return str(start) if start >= 0 else None
    (axis, step), *more = steps
    new = dims[axis]
    if more or step != 1 or start < 0:
        return None
    if start == 0 and old == new:
        return ":"
    if old.isdigit() and new.isdigit() and start + int(new) <= int(old):
        return f"{start}:{start + int(new)}"
    return None


def spread_vector(tree: Tree) -> tuple[Tree, bool] | None:
    """The vector of 𝟏vᵀ or of v𝟏ᵀ, and whether it stands as a column."""
    if isinstance(tree, ts.Product) and len(tree.parts) == 2 and len(tree.dims) == 2:
        first, last = tree.parts
        if isinstance(first, ts.Ones) and is_row(last):
            return flat_transpose(last), False
        if is_row(last) and isinstance(flat_transpose(last), ts.Ones) and len(first.dims) == 1:
            return first, True
    return None


def is_diagonal(tree: Tree) -> bool:
    return isinstance(tree, ts.Diag) and len(tree.body.dims) == 1


def is_truth(tree: Tree) -> bool:
    """Whether a tree is a comparison, or a product of nothing else."""
    if isinstance(tree, ts.Elementwise):
        return all(map(is_truth, tree.parts))
    return isinstance(tree, ts.Bracket) or (
        isinstance(tree, ts.Transpose | ts.Bias) and is_truth(tree.body)
    )


def kind_of(run: Sequence[Tree]) -> str:
    """What a run from a row or a column on is: a scalar, a vector or a matrix."""
    first, last = run[0], run[-1]
    if not first.dims:
        return "scalar"
    row, column = is_row(first), len(last.dims) == 1 and not is_row(last)
    if row and column:
        return "scalar"
    return "vector" if row or column else "matrix"


def bracketed(shown: str, level: int) -> str:
    return shown if level >= POWER else f"({shown})"


def indexable(shown: str) -> str:
    return shown if re.fullmatch(r"[\w.]+|\(.*\)|[\w.]+\([^()]*\)", shown) else f"({shown})"


def plain_letters(tree: ts.Indexed) -> dict[str, str]:
    """The letters that einsum is given for the labels: the same ones, where it takes them."""
    letters = [*tree.labels, *(label for label, _ in tree.summed)]
    if all(c.isascii() and len(c) == 1 for c in letters):
        return {c: c for c in letters}
    return dict(zip(letters, "abcdefghijklmnopqrstuvwxyz", strict=False))
