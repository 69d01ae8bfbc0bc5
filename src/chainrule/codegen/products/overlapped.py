"""Panels of a product in tiles, each tile's results being given while the next one multiplies.

What was stored from a tile of sums can be read only when the store is over, and results wait for
memory too. A step of the tiles leaves the processor time for both: so each step of one tile gives
some rows of the tile before.
"""

from __future__ import annotations

from typing import NamedTuple

from chainrule.codegen.assembly.values import Index, Value
from chainrule.codegen.products.ahead import asks_of
from chainrule.codegen.products.panels import TILE, pack_rows
from chainrule.codegen.products.prefetch import Ahead
from chainrule.codegen.products.results import emit_results
from chainrule.codegen.products.split import Range, maximum, minimum
from chainrule.codegen.products.tiles import Tiles, emit_tiles
from chainrule.codegen.products.unit import Inner, Unit

__all__ = ["emit_panels"]


class _Sums(NamedTuple):
    """A tile whose sums are ready: where it is, how many rows were given, where the sums lie."""

    row: Value
    done: Value
    panel: Value
    place: Value


def emit_panels(unit: Unit, made: Tiles, inner: Inner, rows: Range, columns: Range) -> None:
    """All panels of rows against all panels of columns of a block whose B is packed."""
    b, plan = unit.b, unit.plan
    height, zero = plan.rows.size, b.number(0)
    nothing = _Sums(zero, b.number(height), zero, b.number(plan.tile))
    sliver = b.offset(unit.scratch, unit.room.left, "i32")
    block = inner.begin, inner.steps, plan.inner_block
    with b.loop(*rows, 1, nothing) as down:
        panels = down.index, rows[0]
        row, done = unit.rows_of(down.index)
        if inner.last is not None:  # before, there is nothing to give
            done = b.select(inner.last, done, b.number(height))
        left = sliver, pack_rows(b, unit.left, block, (row, height), sliver)
        with b.loop(*columns, 1, down.carried) as across:
            before = _Sums(*across.carried)
            number = b.sub(across.index, columns[0])
            two = inner.last is None  # ready after one block: two places take turns
            place = b.sub(b.number(plan.tile), before.place) if two else unit.slot(panels, number)
            sums = _Sums(row, done, across.index, place)
            asks = asks_of(unit, inner, panels, row, (columns[0], number))
            asks.append(_gives(unit, before))
            emit_tiles(unit, made, inner, left, number, _place(unit, sums), asks)
            across.next(*sums)
        down.next(*across.results)
    _give(unit, _Sums(*down.results), 0, height)


def _gives(unit: Unit, sums: _Sums) -> Ahead:
    """Give the results of a tile, some rows at each step."""
    b, height = unit.b, unit.plan.rows.size
    last = unit.product.inner % unit.plan.inner_block or unit.plan.inner_block
    share = -(-height // -(-last // TILE))

    def give(step: Value) -> None:
        first = b.mul(step, share)
        _give(unit, sums, first, minimum(b, b.add(first, share), height))

    return give


def _give(unit: Unit, sums: _Sums, begin: Index, end: Index) -> None:
    """Give the results of some rows of a tile, but for those that were given before."""
    lines = maximum(unit.b, sums.done, begin), end
    emit_results(unit, sums.row, lines, sums.panel, _place(unit, sums))


def _place(unit: Unit, sums: _Sums) -> Value:
    b = unit.b
    return b.offset(unit.scratch, b.add(sums.place, unit.room.sums), unit.product.kind)
