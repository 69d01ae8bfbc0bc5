"""Turned copies: of what a sum reads, and what lies across the rest of it, a copy is made before.

y[j] = Σₖ a[j, k] b[k, j]   →   t[k, j] = a[j, k],   y[j] = Σₖ t[k, j] b[k, j]

Wherever the lanes lie, one of both would be read element by element. A copy goes by squares, which
takes a fraction of that time; and whoever else reads the array in that order reads the copy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.counting import LEAST_SIDE
from chainrule.codegen.statements.loops import Load, Statement, exchanged, loads
from chainrule.codegen.statements.steps import Step
from chainrule.ir import build
from chainrule.ir.graph import Node

__all__ = ["with_turned_copies"]

_MUCH: Final = 1 << 14  # elements that are worth a copy
_BITS: Final = (32, 64)  # of elements that are turned over in registers


class Order(NamedTuple):
    """A whole array with its axes in another order: how far apart their elements lie, and sizes."""

    source: Node
    axes: tuple[tuple[int, int], ...]


def with_turned_copies(steps: Iterable[Step]) -> Iterator[Step]:
    """Give the steps, and copies before the first that reads them."""
    steps = list(steps)
    wanted = _wanted(steps)
    copies: dict[Order, Node] = {}
    for step in steps:
        if not isinstance(step, Statement):
            yield step
            continue
        table: dict[Load, Load] = {}
        for load, variables in _across(step):
            order = _order(step, load, variables)
            if order not in wanted or (step.kind and table):  # then the rest lies as it should
                continue
            if order not in copies:
                copies[order] = build.parameter(tuple(n for _, n in order.axes), load.dtype)
                yield _copy(order, copies[order])
            made = copies[order]
            flat = flattened(tuple(map(variable, variables)), made.shape)
            table[load] = Load(made, flat, (), load.dtype)
        yield step._replace(value=exchanged(step.value, table)) if table else step


def _wanted(steps: Sequence[Step]) -> set[Order]:
    """One of both orders of each sum, that which most statements read."""
    found = [
        (s, [_order(s, load, variables) for load, variables in _across(s)])
        for s in steps
        if isinstance(s, Statement)
    ]
    counts = Counter(order for _, orders in found for order in orders)
    return {max(orders, key=counts.__getitem__) for s, orders in found if s.kind and orders}


def _across(s: Statement) -> list[tuple[Load, tuple[int, ...]]]:
    """What lies across the rest of a statement, and its variables as they should lie."""
    if s.added or s.band is not None or s.kind not in ("", "sum"):
        return []
    read = dict.fromkeys(n for n in loads(s.value) if isinstance(n, Load))
    whole = {n: order for n in read if (order := _whole(n, s.extents)) is not None}
    if not s.kind:
        rows = tuple(v for v in range(s.rank) if s.extents[v] > 1)
        return [(n, rows) for n, own in whole.items() if _differ(own, rows, s.extents)]
    return [
        (n, other)
        for n, own in whole.items()
        for m, other in whole.items()
        if n != m and _differ(own, other, s.extents)
    ]


def _whole(load: Load, extents: Sequence[int]) -> tuple[int, ...] | None:
    """The variables that count through all elements of a large array once, the slowest first."""
    if load.guards or load.flat.constant:
        return None
    source = load.source
    if load.dtype is not source.dtype or source.dtype.bits not in _BITS:
        return None
    terms = sorted(load.flat.terms, key=lambda term: -term[1])
    step = 1
    for v, c in reversed(terms):
        if c != step:
            return None
        step *= extents[v]
    is_all = step == math.prod(source.shape) >= _MUCH
    return tuple(v for v, _ in terms) if is_all else None


def _differ(one: Sequence[int], other: Sequence[int], extents: Sequence[int]) -> bool:
    """Whether variables are the same, but neighbors lie along others, and far."""
    last = one[-1], other[-1]
    return (
        set(one) == set(other)
        and last[0] != last[1]
        and all(extents[v] >= LEAST_SIDE for v in last)
    )


def _order(s: Statement, load: Load, variables: Sequence[int]) -> Order:
    axes = tuple((load.flat.coefficient(v), s.extents[v]) for v in variables)
    return Order(load.source, axes)


def _copy(order: Order, made: Node) -> Statement:
    terms = tuple((k, step) for k, (step, _) in enumerate(order.axes))
    return Statement(made, made.shape, "", Load(order.source, Affine(0, terms), (), made.dtype))
