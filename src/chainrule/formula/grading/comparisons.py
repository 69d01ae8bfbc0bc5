"""What a derivation compares with what, and in what words it is told that this is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.reading.numeric import Called
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import rewritten, walk

__all__ = ["compared", "said"]

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
