"""Walking typeset trees: all parts of one, and replacing a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from chainrule.formula.typeset.tree import Tree

__all__ = ["children", "replaced", "walk"]


def walk(tree: Tree) -> Iterator[Tree]:
    """All parts of a tree, itself first."""
    pending = [tree]
    while pending:
        part = pending.pop()
        yield part
        for entry in fields(part):
            value = getattr(part, entry.name)
            if isinstance(value, Tree):
                pending.append(value)
            elif isinstance(value, tuple):
                pending += [v for v in value if isinstance(v, Tree)]


def children(tree: Tree) -> list[Tree]:
    """The parts of a tree, without theirs."""
    found: list[Tree] = []
    for entry in fields(tree):
        value = getattr(tree, entry.name)
        if isinstance(value, Tree):
            found.append(value)
        elif isinstance(value, tuple):
            found += [v for v in value if isinstance(v, Tree)]
    return found


def replaced(tree: Tree, old: Tree, new: Tree) -> Tree:
    """The tree with one part replaced wherever it stands."""
    if tree == old:
        return new
    changes: dict[str, Tree | tuple[Tree, ...]] = {}
    for entry in fields(tree):
        value = getattr(tree, entry.name)
        if isinstance(value, Tree):
            changes[entry.name] = replaced(value, old, new)
        elif isinstance(value, tuple) and value and isinstance(value[0], Tree):
            changes[entry.name] = tuple(replaced(v, old, new) for v in value)
    return type(tree)(**{e.name: changes.get(e.name, getattr(tree, e.name)) for e in fields(tree)})
