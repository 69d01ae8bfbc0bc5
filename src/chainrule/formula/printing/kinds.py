"""What a part of a formula is in Python: a truth value, a diagonal, a vector for every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.signs import with_plain_digits
from chainrule.formula.printing.line import slice_of
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose, is_row
from chainrule.formula.typeset.tree import Tree

__all__: list[str] = []

TIMES, SIGNED, POWER, ATOM = 1, 2, 3, 4  # how tightly a text holds together
_WORDS = {"δ": "delta", "λ": "lam"}
_PYTHON = frozenset({"lambda", "in", "is", "if", "as", "or", "and", "not", "for", "np", "cr"})


def identifier(name: str) -> str:
    """A name that Python accepts: δ₁ is delta1, a name that the user wrote stays.

    >>> identifier("δ₁"), identifier("lam"), identifier("layer.W")
    ('delta1', 'lam', 'layer_W')
    """
    plain = with_plain_digits(name)
    plain = re.sub(r"\W", "_", "".join(_WORDS.get(c, c) for c in plain) if not _own(name) else name)
    return f"{plain}_" if plain in _PYTHON else plain


def _own(name: str) -> bool:
    return name.isidentifier() and not name.startswith("δ")


def sliced(entry: ts.Place, old: str, dims: tuple[str, ...]) -> str | None:
    """How an axis is sliced; None where that cannot be said without knowing the sizes."""
    if len(entry[1]) > 1:
        return None
    shown = slice_of(entry, old, dims).replace("−", "-")
    return shown if re.fullmatch(r"[-:0-9]+", shown) else None


def spread_vector(tree: Tree) -> tuple[Tree, bool] | None:
    """The vector of 𝟏vᵀ or of v𝟏ᵀ, and whether it stands as a column."""
    if isinstance(tree, ts.Product) and len(tree.parts) == 2 and len(tree.dims) == 2:
        first, last = tree.parts
        if isinstance(first, ts.Ones) and is_row(last):
            return flat_transpose(last), False
        if is_row(last) and isinstance(flat_transpose(last), ts.Ones) and len(first.dims) == 1:
            return first, True
    return None


def number_text(value: Fraction | float) -> tuple[str, int]:
    """A number, and how tightly its text holds together."""
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"{value.numerator} / {value.denominator}", TIMES
    shown = str(value) if isinstance(value, Fraction) else repr(value)
    return shown, ATOM if value >= 0 else SIGNED


def swapped(eye: str, m: str, n: str) -> str:
    """The commutation matrix, the rows of I in another order."""
    shape = f"({m} * {n}, {m} * {n})"
    return f"{eye}.reshape({m}, {n}, {m} * {n}).swapaxes(0, 1).reshape{shape}"


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
