"""The order of a product of labelled factors, and what it costs, before anything is computed.

An order is a tree of places: ``((0, 2), 1)`` multiplies factors 0 and 2, then the result with 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Cost", "Order", "cost_of", "fold", "order_of"]

Labels = tuple[int, ...]
Order = Any  # a place, or a pair of orders


@dataclass(frozen=True)
class Cost:
    """Multiplications and additions, and the elements of all intermediate values and the result."""

    operations: int = 0
    elements: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.operations + other.operations, self.elements + other.elements)


def order_of(
    factors: Sequence[Labels], output: Labels, sizes: Mapping[int, int], rows: Labels = ()
) -> Order:
    """A cheap order: pairs that shrink first, or, if that is cheaper, the sides of XᵀDX first."""
    greedy = _greedy(list(enumerate(factors)), output, sizes)
    sides = _by_sides(factors, output, sizes, rows)
    if sides is None:
        return greedy
    first, second = (cost_of(o, factors, output, sizes) for o in (greedy, sides))
    better = (second.operations, second.elements) <= (1.1 * first.operations, first.elements)
    return sides if better or second.operations < first.operations else greedy


def fold(
    order: Order, factors: Sequence[Labels], output: Labels,
    leaf: Callable[[int], Any], pair: Callable[[Any, Labels, Any, Labels, Labels], Any],
) -> tuple[Any, Labels]:  # fmt: skip
    """Go through an order: ``pair`` makes a product of two, with the labels that it keeps."""
    used: dict[int, int] = {}
    for labels in factors:
        for label in set(labels):
            used[label] = used.get(label, 0) + 1

    def inside(order: Order) -> tuple[Any, Labels, dict[int, int]]:
        if isinstance(order, int):
            return leaf(order), factors[order], dict.fromkeys(factors[order], 1)
        (a, left, m), (b, right, n) = map(inside, order)
        counts = {i: m.get(i, 0) + n.get(i, 0) for i in m | n}
        kept = tuple(
            i for i in dict.fromkeys((*left, *right)) if i in output or counts[i] < used[i]
        )
        if len(kept) == len(output) and set(kept) == set(output):
            kept = output
        return pair(a, left, b, right, kept), kept, counts

    value, labels, _ = inside(order)
    return value, labels


def cost_of(
    order: Order, factors: Sequence[Labels], output: Labels, sizes: Mapping[int, int]
) -> Cost:
    """What an order costs."""
    total = [Cost()]

    def pair(_: Any, left: Labels, __: Any, right: Labels, kept: Labels) -> None:
        union = set(left) | set(right)
        operations = math.prod(sizes[i] for i in union) * (2 if union - set(kept) else 1)
        total[0] += Cost(operations, math.prod(sizes[i] for i in kept))

    fold(order, factors, output, lambda _: None, pair)
    return total[0]


Entry = tuple[Order, Labels]


def _greedy(entries: Sequence[Entry], output: Labels, sizes: Mapping[int, int]) -> Order:
    pending = list(entries)
    while len(pending) > 1:
        pairs = list(itertools.combinations(pending, 2))
        joined = [p for p in pairs if set(p[0][1]) & set(p[1][1])] or pairs
        left, right = min(joined, key=lambda p: _growth(p, pending, output, sizes))
        kept = _kept(left, right, pending, output)
        pending = [e for e in pending if e is not left and e is not right]
        pending.append(((left[0], right[0]), kept))
    return pending[0][0]


def _kept(left: Entry, right: Entry, pending: Sequence[Entry], output: Labels) -> Labels:
    rest = {i for e in pending if e is not left and e is not right for i in e[1]}
    return tuple(i for i in dict.fromkeys((*left[1], *right[1])) if i in rest or i in output)


def _growth(
    pair: tuple[Entry, Entry], pending: Sequence[Entry], output: Labels, sizes: Mapping[int, int]
) -> tuple[int, int]:
    left, right = pair
    made, a, b = (
        math.prod(sizes[i] for i in labels)
        for labels in (_kept(left, right, pending, output), left[1], right[1])
    )
    return made - a - b, math.prod(sizes[i] for i in {*left[1], *right[1]})


def _by_sides(
    factors: Sequence[Labels], output: Labels, sizes: Mapping[int, int], rows: Labels
) -> Order | None:
    """Factors that read rows, times factors that read columns; the others join the first side."""
    columns = set(output) - set(rows)
    first = [(k, f) for k, f in enumerate(factors) if set(f) & set(rows)]
    second = [(k, f) for k, f in enumerate(factors) if set(f) & columns]
    if not first or not second or {k for k, _ in first} & {k for k, _ in second}:
        return None
    between = [(k, f) for k, f in enumerate(factors) if (k, f) not in first + second]
    if any(len(f) > 1 for _, f in between):
        return None
    left = [*first, *between]
    return (
        _greedy(left, (*output, *(i for _, f in second for i in f)), sizes),
        _greedy(second, (*output, *(i for _, f in left for i in f)), sizes),
    )
