"""Kernels: fused statements as functions of machine code.

The rows are the outer loop, cut into tiles. Within a row the statements are gathered into clusters,
each of which is one nest of loops. Totals are added up in a fixed tree: the bits depend on shapes
and on the width of vectors only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from chainrule.codegen.assembly.table import PARAMETERS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, constant, register, vector
from chainrule.codegen.expressions.row import Row
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.kernels.effort import of_statements
from chainrule.codegen.kernels.exponents import exponentials_below_one
from chainrule.codegen.kernels.nests import Nest
from chainrule.codegen.kernels.squares import emit_squares, squares_of
from chainrule.codegen.kernels.streaming import (
    Ask,
    asked_by_rows,
    end_streams,
    further_on,
    streamed_by,
)
from chainrule.codegen.kernels.turning import Turn, emit_turn, turn_of
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.clusters import INDEXED, Cluster, clusters
from chainrule.codegen.statements.counting import Loops, decoded, forms_of, merged, span, values_of
from chainrule.codegen.statements.fuse import Fused
from chainrule.codegen.statements.loops import Pairs, Statement, loads, parts
from chainrule.codegen.windows.nest import emit_windows, windows_bytes
from chainrule.codegen.windows.plan import Plan, plan_of
from chainrule.ir.graph import Node

__all__ = ["emit_fused"]

_TILE_WORK: Final = 32768
"""Operations in a tile: some ten microseconds."""


def emit_fused(draft: Draft, item: Fused) -> Kernel:
    """Write the function of a kernel."""
    target, statements = draft.target, item.statements
    turn = turn_of(target, statements)
    if turn is not None:
        return _emit_turns(draft, statements[0], turn)
    rank = item.rank
    if rank and all(len(s.extents) == rank for s in statements):
        rank = _without_inner(statements, rank)
    nests = clusters(statements, rank)
    kept, scratch = _kept(nests, rank, draft.outside)
    plans = [_windows(target, cluster, rank) for cluster in nests]
    copies = max((windows_bytes(plan) for plan in plans if plan), default=0)
    work = sum(math.prod(s.extents) * _operations(s) for s in statements)
    row, limits = _begin(draft, kept, rank)
    row.lane, row.count = _rows_over_lanes(target, nests, rank)
    row.below = exponentials_below_one(statements)
    row.streamed = set() if row.lane else streamed_by(nests, draft.streamed)
    squares = None if row.lane else squares_of(nests, rank)
    asks = asked_by_rows(nests, rank, row.cached) if rank and not row.lane else {}
    emitted = [
        _emitter(row, c, plan, scratch, asks.get(id(c), ()))
        for c, plan in zip(nests, plans, strict=True)
    ]
    if squares is not None:
        scratch = squares.bytes
        tiles = emit_squares(row, nests[0], squares, limits)
    elif statements[0].band is not None:
        tiles = _in_bands(row, statements[0], emitted[0], limits)
    elif rank:
        tiles = _in_rows(row, nests, emitted, limits, work)
    else:
        tiles = _flat(row, nests, emitted, limits, work)
    if row.streamed:
        end_streams(row.b, target)
    rounded = any(isinstance(s.value, Pairs) for s in statements)
    effort = of_statements(target, statements)
    return Kernel(draft.name, tiles, scratch + copies, effort, rounded)


def _emit_turns(draft: Draft, s: Statement, turn: Turn) -> Kernel:
    """The function of a copy that goes by square blocks."""
    row, limits = _begin(draft, {}, 0)
    work = 2 * math.prod(s.extents)
    size = max(1, _TILE_WORK * turn.units // work)
    given, made = row.pointers[turn.load.source], row.pointers[s.target]
    with row.b.loop(*span(row.b, limits, size, turn.units)) as loop:
        emit_turn(row.b, s, turn, given, made, loop.index)
    effort = of_statements(draft.target, [s])
    return Kernel(draft.name, -(-turn.units // size), 0, effort)


def _rows_over_lanes(
    target: Target, nests: Sequence[Cluster], rank: int
) -> tuple[Loops | None, int]:
    """The loop over rows and how many of them are spread over the lanes, where rows are short.

    So it is where each statement gives one number a row, of so few that they would leave most lanes
    without work.
    """
    statements = [s for c in nests for s in c.statements]
    odd = any(s.added or s.band or s.rank != rank or s.kind in INDEXED for s in statements)
    rows = merged(range(rank), statements[0].extents, _forms(statements))
    count = target.vector_bits // max(32, *(s.value.dtype.bits for s in statements))
    inner = max(math.prod(s.extents[rank:]) for s in statements)
    if odd or len(rows) != 1 or rows[0].extent < 2 * count or not 1 < inner <= count // 2:
        return None, 0
    return rows[0], count


def _windows(target: Target, cluster: Cluster, rank: int) -> Plan | None:
    """How a cluster is computed if it is a sum of products over windows."""
    (s, *others) = cluster.statements
    return None if others else plan_of(target, s, rank)


def _emitter(
    row: Row, cluster: Cluster, plan: Plan | None, free: int, asks: Sequence[Ask]
) -> Callable[[], None]:
    """What writes the loops of a cluster; ``free`` is where the scratch is not in use."""
    if plan is None:
        return lambda: Nest(row, cluster, asks=asks).emit()
    (s,) = cluster.statements
    return lambda: emit_windows(row, s, plan, row.b.offset(row.scratch, free, "i8"))


def _without_inner(statements: Sequence[Statement], rank: int) -> int:
    """The rows of statements without inner loops: the last axis, merged, is the inner one."""
    groups = merged(range(rank), statements[0].extents, _forms(statements))
    while len(groups) > 1 and groups[-1].extent == 1:
        groups.pop()
    return groups[-1].members[0]


def _kept(nests: Sequence[Cluster], rank: int, outside: set[Node]) -> tuple[dict[Node, int], int]:
    """The targets that only later clusters read: where each is in scratch, and its bytes."""
    home = {s.target: c for c in nests for s in c.statements}
    made: dict[Node, int] = {}
    total = 0
    for cluster in nests:
        for load in (load for s in cluster.statements for load in loads(s.value)):
            source = load.source
            if source not in home or source in made or source in outside:
                continue
            if home[source] is not cluster and source.ndim > rank:
                made[source] = total
                rows = math.prod(source.shape[:rank])
                total += -(-source.nbytes // rows // 64) * 64
    return made, total


def _begin(draft: Draft, kept: Mapping[Node, int], rank: int) -> tuple[Row, Sequence[Value]]:
    """The function, and the first and the last of its tiles."""
    outer = draft.begin()
    table, *given = outer.arguments
    pointers = dict(draft.places(outer, table))
    # As parameters, which LLVM is told do not overlap, arrays can be kept in registers.
    places_now = tuple(dict.fromkeys(pointers.values()))  # what is changed in place has one
    parameters = [(f"a{k}", "ptr") for k in range(len(places_now))] + PARAMETERS[1:]
    b = draft.module.function(f"{draft.name}_rows", parameters, internal=True)
    outer.call(b.name, "void", *places_now, *given)
    *arrays, begin, end, scratch = b.arguments
    inside = dict(zip(places_now, arrays, strict=True))
    pointers = {node: inside[place] for node, place in pointers.items()}
    for node, offset in kept.items():
        pointers[node] = b.offset(scratch, offset, "i8")
    first = dict.fromkeys(kept, rank)
    return Row(draft.target, b, rank, pointers, first, {}, scratch), (begin, end)


def _in_rows(
    row: Row,
    nests: Sequence[Cluster],
    emitted: Sequence[Callable[[], None]],
    limits: Sequence[Value],
    work: int,
) -> int:
    """Write a loop over rows; give the number of tiles."""
    statements = [s for c in nests for s in c.statements]
    rows = merged(range(row.rank), statements[0].extents, _forms(statements))
    count = math.prod(r.extent for r in rows)
    added = [s for s in statements if s.added]
    if not added:
        size = min(count, max(1, _TILE_WORK * count // max(work, 1)))
        _rows(row, emitted, rows, span(row.b, limits, size, count))
        return -(-count // size)
    tiles = added[0].target.shape[0]
    size = -(-count // tiles)
    totals = {s.target: row.pointers[s.target] for s in added}
    row.first.update(dict.fromkeys(totals, row.rank))
    low, high = limits
    with row.b.loop(low, high) as tile:
        begin = (tile.index, row.b.add(tile.index, 1))
        row.pointers |= {
            node: _begun(row, node, pointer, tile.index) for node, pointer in totals.items()
        }
        _rows(row, emitted, rows, span(row.b, begin, size, count))
    return tiles


def _in_bands(
    row: Row, s: Statement, emit: Callable[[], None], limits: tuple[Value, Value] | Sequence[Value]
) -> int:
    """Write a loop over rows and their bands, each a tile; give how many there are."""
    assert s.band is not None
    rank, v, size = s.band
    b, bands = row.b, s.extents[v] // size
    rows = merged(range(rank), s.extents, _forms([s]))
    low, high = limits
    with b.loop(low, high) as tile:
        number = b.binary("udiv", tile.index, b.number(bands))
        band = b.sub(tile.index, b.mul(number, bands))
        row.values = decoded(b, number, rows) | {v: b.mul(band, size)}
        emit()
    return math.prod(s.extents[:rank]) * bands


def _begun(row: Row, node: Node, pointer: Value, tile: Value) -> Value:
    """Where the totals of a tile lie, which begin with what changes no sum."""
    b, own = row.b, register(node.dtype)
    columns = math.prod(node.shape[1:])
    begin = b.offset(pointer, b.mul(tile, columns), own)
    lanes = min(row.target.lanes(own), 1 << (columns.bit_length() - 1))
    whole = columns // lanes * lanes
    with b.loop(0, whole, lanes) as loop:
        b.store(constant(vector(own, lanes), -0.0), b.offset(begin, loop.index, own))
    for k in range(whole, columns):
        b.store(constant(own, -0.0), b.offset(begin, k, own))
    return begin


def _rows(
    row: Row,
    emitted: Sequence[Callable[[], None]],
    rows: Sequence[Loops],
    span: tuple[Value, Value],
) -> None:
    """Write the loop over some rows."""
    if row.lane is not None:
        _rows_side_by_side(row, emitted, row.lane, span)
        return
    with row.b.loop(*span) as loop:
        row.values = decoded(row.b, loop.index, rows)
        for emit in emitted:
            emit()


def _rows_side_by_side(
    row: Row, emitted: Sequence[Callable[[], None]], lane: Loops, span: tuple[Value, Value]
) -> None:
    """Write the loop over rows in whole vectors, then what is left under a mask."""
    b, (low, high) = row.b, span
    rest = b.binary("srem", b.binary("sub", high, low), constant("i64", row.count))
    end = b.binary("sub", high, rest)
    with b.loop(low, end, row.count) as loop:
        row.values = dict(values_of(lane, loop.index))
        for emit in emitted:
            emit()
    with b.when(b.icmp("slt", end, high)):
        row.values, row.mask = dict(values_of(lane, end)), b.first(row.count, rest)
        for emit in emitted:
            emit()
    row.mask = None


def _flat(
    row: Row,
    nests: Sequence[Cluster],
    emitted: Sequence[Callable[[], None]],
    limits: Sequence[Value],
    work: int,
) -> int:
    """Without rows: one long loop is cut into tiles, anything else is one tile."""
    (first, *others) = nests
    loops = merged(range(len(first.extents)), first.extents, _forms(first.statements))
    if others or len(loops) != 1 or first.outer is not None:
        for emit in emitted:
            emit()
        return 1
    extent = loops[0].extent
    per = row.target.lanes("i8") * 4
    size = max(_TILE_WORK * extent // max(work, 1) // per * per, per)
    asks = further_on(first, loops[0].last, row.cached)
    Nest(row, first, span(row.b, limits, size, extent), asks).emit()
    return -(-extent // size)


def _forms(statements: Sequence[Statement]) -> list[Affine]:
    return [form for s in statements for form in forms_of(s)]


def _operations(s: Statement) -> int:
    return 2 * sum(1 for _ in parts(s.value))
