"""Walking typeset trees: all parts of one, and replacing a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree

__all__ = ["children", "labels_of", "replaced", "walk"]


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


_ALONG = frozenset({"softmax", "log_softmax", "logsumexp", "onehot", "max", "min", "prod", "any",
                    "all", "argmax", "argmin", "mean", "det"})  # fmt: skip


def labels_of(tree: Tree) -> tuple[str, ...]:
    """The labels at which a tree in index notation is one element; none in any other tree."""
    match tree:
        case ts.Indexed(labels=labels):
            return labels
        case ts.Apply(name=name) if name in _ALONG:
            return ()
        case ts.Plus() | ts.Apply() | ts.Power() | ts.Bracket() | ts.Scaled() | ts.Elementwise():
            parts = [p for p in children(tree) if p.dims == tree.dims]
            found = {labels_of(p) for p in parts}
            return found.pop() if len(found) == 1 else ()
    return ()
