"""Comparisons of sizes that turn over where no point is, as max(n, 2) and [n > 100] do.

What is rounded, as ⌊n/2⌋ and floor(n/10), is looked at size by size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from chainrule.errors import FormulaError
from chainrule.formula.grading.comparisons import ROUNDED, compared, said
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import Point, Program, at_sizes
from chainrule.formula.reading.numeric import NumpyEvaluator
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.evaluate import Array
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__ = ["at_another_size"]

_SIZES: Final = (*range(1, 33), *(2**k + more for k in range(5, 13) for more in (0, 1)))
_ROUNDED_AT: Final = (*range(1, 17), 25, 32, 33)
_ELEMENTS: Final = 1 << 20  # of all arguments together

Sizes = Mapping[str, int]


def at_another_size(
    program: Program, derivation: Callable[[Point], Array], text: Tree
) -> Finding | None:
    """A comparison of sizes beyond which the derivation is wrong."""

    def is_wrong(sizes: Sizes) -> bool:
        point = at_sizes(program, sizes)
        return point is not None and not program.matches(derivation(point), point.truth)

    for tree in walk(text):
        for left, right in compared(tree):
            if any(map(is_wrong, _beyond(program, left, right))):
                return Finding("threshold", said(tree))
    if any(map(_is_rounded, walk(text))):
        for sizes in filter(is_wrong, _one_by_one(program)):
            shown = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            return Finding("threshold", f"what is rounded is wrong where {shown}")
    return None


def _is_rounded(tree: Tree) -> bool:
    """Whether this is ⌊n/2⌋, a place that is, or the floor of a number."""
    if isinstance(tree, ts.Apply):
        return tree.name in ROUNDED
    words = [getattr(tree, entry, "") for entry in ("name", "place", "axes", "dims")]
    return bool(set(str(words)) & set("⌊⌈"))


def _one_by_one(program: Program) -> Iterator[Sizes]:
    """Some sizes of each axis."""
    if not program.question.given.tied:
        for name in program.question.given.names:
            yield from ({**program.points[0].sizes, name: size} for size in _ROUNDED_AT)


def _beyond(program: Program, left: Tree, right: Tree | None) -> Iterator[Sizes]:
    """For each axis the first sizes at which a comparison comes out another way."""
    given, base = program.question.given, program.points[0].sizes
    before = _sign(left, right, base)
    if before is None or given.tied:
        return
    for name in given.names:
        seen = {before}
        for sizes in ({**base, name: size} for size in _SIZES):
            sign = _sign(left, right, sizes)
            if sign is not None and sign not in seen and _elements(program, sizes) <= _ELEMENTS:
                seen.add(sign)
                yield sizes


def _sign(left: Tree, right: Tree | None, sizes: Sizes) -> float | None:
    """Which side is larger, where both are made of sizes and numbers alone."""
    evaluate = NumpyEvaluator({}, sizes)
    try:
        excess = evaluate(left) - (0.0 if right is None else evaluate(right))
    except FormulaError:
        return None
    return float(np.sign(excess)) if np.ndim(excess) == 0 else None


def _elements(program: Program, sizes: Sizes) -> int:
    shapes = program.question.given.axes.values()
    return sum(math.prod(int(w) if w.isdigit() else sizes[w] for w in axes) for axes in shapes)
