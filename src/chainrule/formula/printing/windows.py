"""Where the factors of sums over windows are read: X[n, c, i+u, j+v], and how far labels go."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.algebra.sizes import combined
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.walk import limits_of

__all__ = ["indices", "is_relation", "is_window", "totals"]


def indices(body: ts.Read, labels: Sequence[str]) -> list[str]:
    """The index at each axis: n, i+u, 2i+u−1, ⌊h/2⌋."""
    divisors = body.divisors or (1,) * len(body.axes)
    return [_index(place, labels, by) for place, by in zip(body.axes, divisors, strict=True)]


def _index(place: ts.Place, labels: Sequence[str], divisor: int) -> str:
    offset, terms = place
    number = str(offset).replace("-", "−")
    shown = combined(*((step, labels[axis]) for axis, step in terms), (1, number))
    if divisor == 1:
        return shown
    return f"⌊({shown})/{divisor}⌋" if len(terms) > 1 or offset else f"⌊{shown}/{divisor}⌋"


def is_relation(body: ts.Tree) -> bool:
    """Whether an element is that of I, which is [h = 2i+u]."""
    return isinstance(body, ts.Read) and isinstance(body.body, ts.Eye)


def totals(tree: ts.Indexed) -> list[str]:
    """What stands below the signs of a sum: nij, and u,v<2 for labels that nothing else bounds."""
    if not any(isinstance(f.body, ts.Read) for f in tree.factors):
        return ["".join(i for i, _ in tree.summed)] if tree.summed else []
    open_ = [(i, dim) for i, dim in tree.summed if limits_of([(i, dim)], tree)]
    plain = "".join(pair[0] for pair in tree.summed if pair not in open_)
    limits = limits_of(open_, tree)
    return [part for part in (plain, limits) if part]


def is_window(tree: ts.Tree) -> bool:
    """Whether an array is read or filled by windows, as X[i + u]."""
    if not isinstance(tree, ts.Viewed | ts.Placed) or is_relation(tree):
        return False
    divided = isinstance(tree, ts.Read) and tree.divisors
    return bool(divided) or any(len(terms) > 1 for _, terms in tree.axes)
