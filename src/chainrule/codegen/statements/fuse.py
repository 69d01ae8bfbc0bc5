"""Fuse: statements that go through the same rows become one kernel.

A kernel is a list of statements and the number of axes, its rows, over which all of them are
computed together: softmax reads, exponentiates, sums and divides one row while it is in the cache.
A statement may join where everything that it reads of the kernel's own values lies in the same row.
Statements of one element each, of the shape of a matrix product, join the product: they run on its
registers. What reads across its rows goes with nothing but other elementwise statements: such a
kernel goes through squares, and what reads its results then reads them along the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from chainrule.codegen.statements.affine import flattened, variable
from chainrule.codegen.statements.clusters import INDEXED
from chainrule.codegen.statements.counting import forms_of, lies_across, merged
from chainrule.codegen.statements.loops import Fetch, Load, Pairs, Statement, Times, loads
from chainrule.codegen.statements.steps import (
    Check,
    Contraction,
    Draw,
    Host,
    Nested,
    Scattered,
    Solve,
    Spread,
    Step,
)
from chainrule.ir.graph import Node

__all__ = ["Fused", "Item", "fuse", "own_rank", "reads", "targets"]

_SMALL: Final = 4096
"""Programs of so few elements need no parallel rows: all may be one row."""

_ENOUGH_ROWS: Final = 16
_WIDE: Final = 16  # columns that are worth going side by side
_LONG: Final = 256  # terms of a few sums side by side: one alone would wait for itself
_BACK: Final = 8  # kernels back that a reduction looks for one of the same elements
_REGISTERS: Final = 4  # that a row of a product may take whose sum is wanted
_LONGEST: Final = 24
"""Statements in one kernel; LLVM's time grows faster than the length of a function."""


@dataclass
class Fused:
    """Statements that share their first ``rank`` axes; perhaps the epilogue of a product."""

    statements: list[Statement]
    rank: int
    product: Contraction | None = None
    sources: dict[Node, Statement | Contraction] = field(default_factory=dict)


Item = Fused | Step


def fuse(steps: Iterable[Step], register_bits: int = 128) -> list[Item]:
    """Give the steps with statements and products gathered into kernels, in order.

    Products give sums over rows that fit into a few registers of so many bits.
    """
    items: list[Item] = []
    made: dict[Node, int] = {}
    checked = -1
    for step in _put_off(_after_draws(list(steps))):
        if isinstance(step, Statement):
            known = [made[load.source] for load in loads(step.value) if load.source in made]
            if any(isinstance(load, Fetch) for load in loads(step.value)):
                known.append(checked)
            latest = max(known, default=-1)
            place = (
                _take_along(items, step, latest)
                if step.added
                else _join(items, step, latest, register_bits)
            )
            made[step.target] = place
        elif isinstance(step, Contraction):
            made[step.target] = len(items)
            items.append(Fused([], step.target.ndim, step, {step.target: step}))
        else:
            if isinstance(step, Check):
                checked = len(items)
            for target in targets(step):
                made[target] = len(items)
            items.append(step)
    return items


def _join(items: list[Item], step: Statement, latest: int, register_bits: int) -> int:
    """Put a statement into the kernel that fits, or into a new one; give its place."""
    last = len(items) - 1
    back = range(last - 1, max(latest, last - _BACK), -1) if step.kind else ()
    places: list[int] = [latest, last, *back]
    for place in dict.fromkeys(places):
        item = items[place] if place >= 0 and place >= latest else None
        if isinstance(item, Fused):
            rank = _fits(item, step, register_bits)
            if rank is not None:
                item.rank = rank
                item.statements.append(step)
                item.sources[step.target] = step
                return place
    items.append(Fused([step], own_rank(step), None, {step.target: step}))
    return len(items) - 1


def _after_draws(steps: Sequence[Step]) -> Sequence[Step]:
    """Give products, and values element by element, after the draws that their first reader needs.

    So a mask that is drawn goes along with the product that it is put on, and an image is flipped
    in the kernel that makes it.
    """
    if not any(isinstance(step, Draw) for step in steps):
        return steps
    drawn: dict[Node, int] = {}  # the place of the last draw that a value is made of
    latest = []
    for k, step in enumerate(steps):
        known = [drawn[node] for node in reads(step) if node in drawn]
        latest.append(k if isinstance(step, Draw) else max(known, default=-1))
        if isinstance(step, Draw | Statement):
            drawn[targets(step)[0]] = latest[k]
    places = list(range(len(steps)))  # of a step that is put off, that of its reader
    first: dict[Node, int] = {}
    for k in reversed(range(len(steps))):
        step = steps[k]
        if isinstance(step, Contraction) or (isinstance(step, Statement) and not step.kind):
            reader = first.get(step.target, k)
            if latest[reader] > k:
                places[k] = places[reader]
        for node in reads(step):
            before = first.get(node, k)
            first[node] = k if places[k] <= places[before] else before
    order = sorted(range(len(steps)), key=lambda k: (places[k], places[k] == k, k))
    return [steps[k] for k in order]


def _put_off(steps: Iterable[Step]) -> Iterator[Step]:
    """Give sums by columns, and the sums of their parts, as late as possible.

    By then the kernels are there that may take them along.
    """
    waiting: list[Statement] = []
    totals: set[Node] = set()
    for step in steps:
        needed = reads(step)
        is_last = bool(needed) and needed <= totals
        if not is_last and not needed.isdisjoint(s.target for s in waiting):
            yield from waiting
            waiting = []
        if isinstance(step, Statement) and (step.added or is_last):
            waiting.append(step)
        else:
            yield step
        if isinstance(step, Statement) and step.added:
            totals.add(step.target)
    yield from waiting


def _take_along(items: list[Item], step: Statement, latest: int) -> int:
    """Put a sum by columns into the kernel that has most of what it reads, or into a new one."""
    rank = step.added
    wanted = {load.source for load in loads(step.value)}
    best, most = -1, 0
    for place in range(max(latest, 0), len(items)):
        item = items[place]
        if isinstance(item, Fused) and _goes_along(item, step, rank):
            shared = len(wanted & (reads(item) | set(item.sources)))
            if shared > most:
                best, most = place, shared
    if best < 0:
        items.append(Fused([], rank))
        best = len(items) - 1
    item = items[best]
    assert isinstance(item, Fused)
    item.rank = rank
    item.statements.append(step)
    item.sources[step.target] = step
    return best


def _goes_along(item: Fused, step: Statement, rank: int) -> bool:
    """Whether a kernel goes through the rows of a sum by columns, and has them whole."""
    if item.product is not None or len(item.statements) >= _LONGEST or item.rank < rank:
        return False
    if any(s.band is not None or _is_across(s) for s in item.statements):
        return False
    if any(s.extents[:rank] != step.extents[:rank] for s in item.statements):
        return False
    tiles = (rank, step.target.shape[0])
    if any(s.added and (s.added, s.target.shape[0]) != tiles for s in item.statements):
        return False
    own = [load for load in loads(step.value) if load.source in item.sources]
    return all(isinstance(load, Load) and _in_row(load, rank, step) for load in own)


def own_rank(step: Statement) -> int:
    """The rows of a statement alone; a sum of products leaves axes to go side by side within."""
    if step.band is not None:
        return step.band.rank
    shape = step.target.shape
    if step.kind == "sum" and isinstance(step.value, Times | Pairs):
        rows = 1
        for rank, size in enumerate(shape):
            if rows >= _ENOUGH_ROWS // 2:
                return rank
            rows *= size
    return len(shape) - _columns(step)


def _columns(step: Statement) -> int:
    """How many last axes of a reduction go side by side: its columns.

    What only rows have, such as a vector that multiplies a matrix, is read once for all of them.
    """
    shape = step.target.shape
    if step.kind in ("", *INDEXED) or not shape:
        return 0
    last, reduced = step.rank - 1, range(step.rank, len(step.extents))
    forms = [load.flat for load in loads(step.value)]
    if any(f.coefficient(v) == 1 and f.coefficient(last) for f in forms for v in reduced):
        return 0
    if not any(form.coefficient(last) == 1 for form in forms):
        return 0
    together = merged(range(step.rank), step.extents, list(forms_of(step)))[-1].members
    for count in range(1, len(together) + 1):
        if math.prod(shape[-count:]) >= _WIDE:
            return count
    long = math.prod(step.extents[step.rank :]) >= _LONG
    return len(together) if long and math.prod(shape[-len(together) :]) > 2 else 0


def _fits(item: Fused, step: Statement, register_bits: int) -> int | None:
    """How many axes the rows would have with this statement; None if it does not fit."""
    own = [load for load in loads(step.value) if load.source in item.sources]
    if len(item.statements) >= _LONGEST or any(isinstance(load, Fetch) for load in own):
        return None
    if step.band is not None or any(s.band is not None for s in item.statements):
        return None
    columns = {s.target for s in item.statements if s.added}
    if any(load.source in columns for load in own):
        return None
    shape = step.target.shape
    if item.product is not None:
        return item.rank if own and _follows(item, item.product, step, register_bits) else None
    if any(map(_is_across, (step, *item.statements))) and not _is_elementwise(item, step):
        return None
    rank = min(item.rank, len(shape))
    first = item.statements[0].extents
    while rank and first[:rank] != shape[:rank]:
        rank -= 1
    while rank and not all(isinstance(n, Load) and _in_row(n, rank, step) for n in own):
        rank -= 1
    elements = max(math.prod(s.extents) for s in (*item.statements, step))
    rows = math.prod(shape[:rank])
    lowered = rank < item.rank
    if (not own or columns) and lowered:
        return None
    columns_only = item.rank == 0 and any(s.target.shape for s in item.statements)
    if rank == 0 and (lowered or columns_only) and elements > _SMALL:
        return None
    if rank == 0 and own_rank(step) and math.prod(step.extents) > _SMALL:
        return None  # threads share its rows, and cannot share one that is all there is
    if lowered and rows < _ENOUGH_ROWS and elements > _SMALL:
        return None
    if not own and (own_rank(step) != rank or not _reads_alike(item, step)):
        return None
    return rank


def _follows(item: Fused, c: Contraction, step: Statement, register_bits: int) -> bool:
    """Whether a statement can be computed of a product's registers.

    It is of its elements, or sums over its rows, or of the elements of such sums.
    """
    shape, whole = step.target.shape, c.target.shape
    sums = step.kind == "sum" and step.extents == whole
    if shape != whole and not (shape == whole[:-1] and _has_rows(c, register_bits)):
        return False
    if step.kind and not (sums and shape == whole[:-1] and step.target.dtype is c.target.dtype):
        return False
    read = whole if sums or shape == whole else shape
    flat = flattened(tuple(map(variable, range(len(read)))), read)
    own = [load for load in loads(step.value) if load.source in item.sources]
    return all(
        isinstance(n, Load) and n.source.shape == read and n.flat == flat and not n.guards
        for n in own
    )


def _has_rows(c: Contraction, register_bits: int) -> bool:
    """Whether each row of a product lies in a few registers, and its vectors along the columns."""
    lanes = register_bits // c.target.dtype.bits
    columns, inner = c.extents[c.target.ndim - 1], math.prod(c.extents[v] for v in c.inner)
    if c.batch or c.symmetric or c.columns != (c.target.ndim - 1,):
        return False
    return columns <= _REGISTERS * lanes and (columns > lanes or inner < _REGISTERS * lanes)


def _in_row(load: Load, rank: int, step: Statement) -> bool:
    """Whether a value of the kernel is read in the row at hand only."""
    shape = load.source.shape
    if len(shape) < rank or load.source.shape[:rank] != step.extents[:rank]:
        return False
    stride = math.prod(shape[rank:])
    size = stride
    for axis in reversed(range(rank)):
        if load.flat.coefficient(axis) != stride:
            return False
        stride *= shape[axis]
    low, high = load.flat.without(rank).limits(dict(enumerate(step.extents)))
    return low >= 0 and high < size


def _is_across(s: Statement) -> bool:
    """Whether an elementwise statement reads something large whose neighbors lie apart there."""
    if s.kind or s.added or s.rank < 2 or math.prod(s.extents) <= _SMALL:
        return False
    *outer, along = [x for x in merged(range(s.rank), s.extents, [*forms_of(s)]) if x.extent > 1]
    read = [n for n in loads(s.value) if isinstance(n, Load)]
    return any(lies_across(load, x, along) for load in read for x in outer)


def _is_elementwise(item: Fused, step: Statement) -> bool:
    """Whether a kernel is one of elements, and remains so with a statement."""
    some = (*item.statements, step)
    return not any(s.kind or s.added or s.extents != step.extents for s in some)


def _reads_alike(item: Fused, step: Statement) -> bool:
    """Whether a statement that needs nothing of a kernel goes through the same memory."""
    if any(s.extents != step.extents or s.kind != step.kind for s in item.statements):
        return False
    seen = {load.source for s in item.statements for load in loads(s.value)}
    return any(load.source in seen for load in loads(step.value))


def reads(item: Item) -> set[Node]:
    """The arrays that a kernel or a step reads, its own results included."""
    match item:
        case Fused(statements=statements, product=product):
            found = {load.source for s in statements for load in loads(s.value)}
            if product is not None:
                found |= {n.source for side in (product.left, product.right) for n in loads(side)}
            return found
        case Host(node=node) | Solve(node=node) | Nested(node=node) | Draw(node=node):
            return set(node.inputs)
        case Check(value=value) | Spread(value=value):
            return {load.source for load in loads(value)}
        case Scattered(indices=indices, value=value):
            return {load.source for e in (*indices, value) for load in loads(e)}
        case Statement(value=value):
            return {load.source for load in loads(value)}
        case Contraction():
            return {n.source for side in (item.left, item.right) for n in loads(side)}


def targets(item: Item) -> tuple[Node, ...]:
    """The arrays that a kernel or a step computes, in order."""
    match item:
        case Fused(sources=sources):
            return tuple(sources)
        case Host(targets=made) | Solve(targets=made) | Nested(targets=made):
            return made
        case Check():
            return ()
        case _:
            return (item.target,)
