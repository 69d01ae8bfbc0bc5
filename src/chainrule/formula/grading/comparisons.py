"""What a derivation compares with what, and in what words it is told that this is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.reading.numeric import Called
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import REDUCTIONS, rewritten, walk

__all__ = ["ROUNDED", "compared", "is_step", "said"]

ROUNDED: Final = frozenset({"floor", "ceil"})

_HALF: Final = ts.Number((), Fraction(1, 2))
_AT_ZERO: Final = frozenset({"relu", "abs", "sign", "log|·|"})


def compared(tree: Tree) -> Iterator[tuple[Tree, Tree | None]]:
    """What a tree compares with what; None is 0."""
    match tree:
        case ts.Bracket(left=left, right=right):
            yield left, right
        case ts.Apply(name=name, parts=(body,)) if name in _AT_ZERO:
            yield body, None
        case (
            ts.Apply(name="maximum" | "minimum" | "clip", parts=(body, *bounds))
            | Called(name="maximum" | "minimum", parts=(body, *bounds))
        ):
            yield from ((body, bound) for bound in bounds)
        case ts.Apply(name=name, parts=parts) | Called(name=name, parts=parts) if (
            name in REDUCTIONS and _has_comparison(parts)
        ):
            yield tree, _HALF
        case ts.Apply(name=name) if name in ROUNDED:
            yield tree, None


def is_step(tree: Tree) -> bool:
    """Whether a value goes from one number to another at once."""
    return isinstance(tree, ts.Bracket) or (isinstance(tree, ts.Apply) and tree.name in ROUNDED)


def _has_comparison(parts: tuple[Tree, ...]) -> bool:
    """Whether truths are joined, by all, any or a product."""
    return any(isinstance(p, ts.Bracket) for part in parts for p in walk(part))


def said(tree: Tree) -> str:
    """That the derivative has no such comparison."""
    return f"the derivative does not change where {_shown(tree)} does"


def _shown(tree: Tree) -> str:
    """A comparison as its author wrote it: with decimals; what only NumPy has is not printed."""
    if any(isinstance(part, Called) for part in walk(tree)):
        return "this"
    return UNICODE(rewritten(tree, _decimal))


def _decimal(tree: Tree) -> Tree:
    if isinstance(tree, ts.Number):
        return ts.Number(tree.dims, float(tree.value))
    return tree
