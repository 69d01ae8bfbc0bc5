"""Terms of low rank: those whose rows and columns meet in summed labels only, as XᵀDX and ppᵀ."""

from __future__ import annotations

import math
from typing import NamedTuple

from chainrule.algebra.index import Factor
from chainrule.algebra.structure import Form, Summand

__all__ = ["Sides", "rank_of", "sides_of"]


class Sides(NamedTuple):
    """The factors on the side of the rows, those on the side of the columns, what they share."""

    left: tuple[Factor, ...]
    right: tuple[Factor, ...]
    between: tuple[int, ...]


def sides_of(form: Form, summand: Summand) -> Sides | None:
    """A term as a product of two matrices for each block, or None if a factor is on both sides."""
    rows, columns = set(form.free[0]), set(form.free[1])
    factors = [f for p in summand.parts for f in p.factors]
    left = [f for f in factors if set(f.labels) & rows]
    right = [f for f in factors if set(f.labels) & columns]
    covered = {i for f in factors for i in f.labels} >= rows | columns
    if not covered or any(f in right for f in left):
        return None
    for f in factors:
        if f not in left and f not in right:
            inner = set(f.labels) - set(form.row_labels)
            near, far = ({i for g in side for i in g.labels} for side in (left, right))
            (right if inner & far and not inner & near else left).append(f)
    both = ({i for g in side for i in g.labels} for side in (left, right))
    between = sorted(i for i in set.intersection(*both) if i >= form.poly.rank)
    return Sides(tuple(left), tuple(right), tuple(between))


def rank_of(form: Form, summand: Summand) -> int:
    """The size of the labels in which both sides of a term meet."""
    found = sides_of(form, summand)
    assert found is not None
    sizes = form.sizes_in(summand)
    return math.prod(sizes[i] for i in found.between)
