"""Sizes at which slices lie inside their axes: x[:4] and x[-4:] do where x has 4 elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.evaluate import size_of
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__ = ["with_room"]

_STEPS = (0, 4, 16, 64)


def with_room(sizes: Mapping[str, int], trees: Iterable[Tree | None]) -> dict[str, int]:
    """These sizes, or larger ones, if a slice reaches beyond an axis."""
    slices = [
        part
        for tree in trees
        if tree is not None
        for part in walk(tree)
        if isinstance(part, ts.Viewed | ts.Placed)
    ]
    for more in _STEPS:
        grown = {name: size + more for name, size in sizes.items()}
        if all(_fits(part, grown) for part in slices):
            return grown
    return dict(sizes)


def _fits(part: ts.Viewed | ts.Placed, sizes: Mapping[str, int]) -> bool:
    whole, shape = (part.body, part) if isinstance(part, ts.Viewed) else (part, part.body)
    lengths = [size_of(d, sizes) for d in shape.dims]
    if min(lengths, default=0) < 0:
        return False
    for dim, (offset, terms) in zip(whole.dims, part.axes, strict=True):
        start = size_of(offset, sizes) if isinstance(offset, str) else offset
        ends = [step * (lengths[axis] - 1) for axis, step in terms]
        low, high = start + sum(min(e, 0) for e in ends), start + sum(max(e, 0) for e in ends)
        padded = isinstance(part, ts.Viewed) and part.outside
        if (start > 0) if padded else not 0 <= low <= high < max(size_of(dim, sizes), 1):
            return False
    return True
