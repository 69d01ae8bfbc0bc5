"""Walking typeset trees: all parts of one, and replacing a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree

__all__ = [
    "ALONG_LAST",
    "REDUCTIONS",
    "axes_below",
    "children",
    "is_between_bars",
    "labels_of",
    "limits_of",
    "over",
    "replaced",
    "rewritten",
    "spanned",
    "walk",
    "with_parts",
]


def walk(tree: Tree) -> Iterator[Tree]:
    """All parts of a tree, itself first."""
    pending = [tree]
    while pending:
        part = pending.pop()
        yield part
        pending += children(part)


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
    return new if tree == old else with_parts(tree, lambda part: replaced(part, old, new))


def rewritten(tree: Tree, rule: Callable[[Tree], Tree]) -> Tree:
    """The tree with every part replaced by what a rule makes of it, from the leaves up."""
    return rule(with_parts(tree, lambda part: rewritten(part, rule)))


def with_parts(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """The tree with its parts changed; the same tree, if none is."""
    changes: dict[str, Any] = {}
    for entry in fields(tree):
        value = getattr(tree, entry.name)
        if isinstance(value, Tree):
            new: Any = change(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Tree):
            new = tuple(map(change, value))
        else:
            continue
        if new != value:
            changes[entry.name] = new
    return replace(tree, **changes) if changes else tree


def over(name: str, axes: int) -> str:
    """The name of a function along several last axes, as softmax over 2."""
    return name if axes == 1 else f"{name} over {axes}"


def spanned(name: str) -> tuple[str, int]:
    """The plain name of a function, and how many axes it goes along."""
    plain, _, axes = name.partition(" over ")
    return plain, int(axes or 1)


_KEEPING = frozenset({"softmax", "log_softmax"})
REDUCTIONS = frozenset({"max", "min", "prod", "any", "all", "argmax", "argmin"})
_LEAVING = REDUCTIONS | {"logsumexp"}
ALONG_LAST = _KEEPING | _LEAVING
"""Functions along the last axes of their operand; those of some of them are gone then."""


def axes_below(tree: ts.Apply) -> str:
    """The axes that a function goes along, where that is not plain: softmaxₙₘ(X), maxₖ(X)."""
    name, axes = spanned(tree.name)
    inner = labels_of(tree.parts[0]) if tree.parts else ()
    if name in _KEEPING and inner:
        return "".join(inner[-axes:])
    if name in _LEAVING and len(inner) > len(tree.dims):
        along = list(zip(inner, tree.parts[0].dims, strict=True))[len(tree.dims) :]
        if limits := limits_of(along, tree.parts[0]):
            return limits
    if axes > 1:
        return "".join(tree.dims[-axes:])
    if name in _LEAVING and len(tree.parts) == 1 and tree.dims:
        gone = (inner or tree.parts[0].dims)[len(tree.dims) :]
        return "" if any(d.isdigit() for d in gone) else "".join(gone)
    return ""


def limits_of(labels: Sequence[tuple[str, str]], tree: Tree) -> str:
    """How far labels go, where no array in a tree says it: u,v<2, or r<3,s<2.

    A label says it that is the name of an axis or stands alone at an array: i in X[i, j+u].
    """
    factors = tree.factors if isinstance(tree, ts.Indexed) else (tree,)  # a scalar has its own
    inside = (part for factor in factors for part in walk(factor))
    told = {i for part in inside if isinstance(part, ts.At) for i in _alone(part)}
    open_ = [(i, dim) for i, dim in labels if i not in told and i != dim]
    found = [",".join(i for i, d in open_ if d == dim) + f"<{dim}"
             for dim in dict.fromkeys(d for _, d in open_)]  # fmt: skip
    return ",".join(found)


def _alone(factor: ts.At) -> Iterator[str]:
    """The labels that stand alone at an axis of a factor."""
    if not isinstance(factor.body, ts.Read):
        yield from () if labels_of(factor.body) else factor.labels
    elif not isinstance(factor.body.body, ts.Eye):
        for (offset, terms), by in zip(
            factor.body.axes, factor.body.divisors or [1] * len(factor.body.axes), strict=True
        ):
            if offset == 0 and by == 1 and len(terms) == 1 and terms[0][1] == 1:
                yield factor.labels[terms[0][0]]


def is_between_bars(tree: ts.Apply) -> bool:
    """Whether an absolute value is written |x|: not of a matrix, where |A| would be det A."""
    inside = (p for body in tree.parts for p in walk(body))
    if tree.name != "abs" or len(tree.dims) > 1:
        return False
    return not any(isinstance(p, ts.Apply) and p.name in _BARRED for p in inside)


_BARRED = frozenset({"abs", "log|·|"})
_ALONG = frozenset({"onehot", "mean", "det"})


def labels_of(tree: Tree) -> tuple[str, ...]:
    """The labels at which a tree in index notation is one element; none in any other tree."""
    match tree:
        case ts.Indexed(labels=labels):
            return labels
        case ts.Apply(name=name, parts=(body,)) if spanned(name)[0] in ALONG_LAST:
            return labels_of(body)[: len(tree.dims)]
        case ts.Apply(name=name) if spanned(name)[0] in _ALONG:
            return ()
        case ts.Plus() | ts.Apply() | ts.Power() | ts.Bracket() | ts.Scaled() | ts.Elementwise():
            parts = [p for p in children(tree) if p.dims == tree.dims]
            found = {labels_of(p) for p in parts}
            return found.pop() if len(found) == 1 else ()
    return ()
