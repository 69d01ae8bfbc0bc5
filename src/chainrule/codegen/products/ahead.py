"""What is asked for while a tile is computed: the next panel of A, the next block of B, its C."""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.values import Index, Value
from chainrule.codegen.products.panels import TILE
from chainrule.codegen.products.prefetch import Ahead, Share, ahead, ahead_of_results
from chainrule.codegen.products.tile import CHUNK, place_in_group
from chainrule.codegen.products.unit import Inner, Unit, widest

__all__ = ["asks_of", "chunk_of"]

_STEPS: Final = 32  # fewer steps of the inner axis are over before memory answers


def chunk_of(unit: Unit) -> int:
    """Steps of the inner axis between two times of asking."""
    return TILE if unit.product.is_tiled else CHUNK


def asks_of(
    unit: Unit, inner: Inner, panel: tuple[Value, Index], row: Value, columns: tuple[Index, Value]
) -> list[Ahead]:
    """What to ask for at every chunk of steps.

    panel     the panel of rows, and the first one of the unit
    columns   the first panel of columns of the unit, and how many are done
    """
    if unit.plan.inner_block < _STEPS:
        return []
    first, number = columns
    turns = unit.plan.inner_block // chunk_of(unit)
    wide = widest(unit.plan.columns, unit.plan.column_blocks)
    tile = unit.b.add(unit.b.mul(unit.b.sub(panel[0], panel[1]), wide), number)
    tiles = wide * widest(unit.plan.rows, unit.plan.row_blocks)
    found = [
        _next_left(unit, inner, panel, (number, turns)),
        _next_right(unit, inner, first, Share(tile, tiles, turns)),
        _results(unit, inner, row, unit.b.add(number, first)),
    ]
    return [ask for ask in found if ask is not None]


def _next_left(
    unit: Unit, inner: Inner, panels: tuple[Value, Index], times: tuple[Value, int]
) -> Ahead | None:
    """The panel of rows below this one, or those that are copied together after these.

    times   the number of the tile in the panel of rows, and how often it asks
    """
    b, plan, left = unit.b, unit.plan, unit.left.source
    if left is None or not plan.ahead_left:
        return None
    number, turns = times
    wide = widest(plan.columns, plan.column_blocks)
    within = place_in_group(b, plan, panels)
    share = Share(b.add(b.mul(within, wide), number), wide * plan.left_group, turns)
    height = plan.rows.size * plan.left_group
    following = b.mul(b.add(b.sub(panels[0], within), plan.left_group), plan.rows.size)
    begin = b.mul(b.number(inner.begin), unit.product.terms * left.column_stride)
    origin = b.offset(
        left.pointer, b.add(b.mul(following, left.row_stride), begin), unit.product.kind
    )
    extent = (unit.product.terms * plan.inner_block, height)
    strides = (left.column_stride, left.row_stride)
    return ahead(b, unit.product.kind, origin, strides, extent, share)


def _next_right(unit: Unit, inner: Inner, first: Index, share: Share) -> Ahead | None:
    """The block that is packed next: further along the inner axis, or the next columns' first."""
    b, plan, right = unit.b, unit.plan, unit.right.source
    if right is None or not plan.ahead_right or inner.last is None:
        return None
    width = plan.columns.size * plan.lanes
    wide = widest(plan.columns, plan.column_blocks) * width
    column = b.mul(b.number(first), width)
    column = b.select(inner.last, b.add(column, wide), column)
    begin = b.add(b.number(inner.begin), plan.inner_block)
    begin = b.select(inner.last, b.number(0), begin)
    terms = unit.product.terms
    away = b.add(b.mul(begin, terms * right.row_stride), b.mul(column, right.column_stride))
    origin = b.offset(right.pointer, away, unit.product.kind)
    strides = (right.row_stride, right.column_stride)
    return ahead(b, unit.product.kind, origin, strides, (terms * plan.inner_block, wide), share)


def _results(unit: Unit, inner: Inner, row: Value, panel: Value) -> Ahead | None:
    """What this tile's results will be put into, if they are ready at the end of this block."""
    b, plan = unit.b, unit.plan
    if not unit.result.touched or inner.last is not None or plan.read_right:
        return None
    width = plan.columns.size * plan.lanes
    corner, shape = (row, b.mul(panel, width)), (plan.rows.size, width)
    turns = plan.inner_block // chunk_of(unit)
    return ahead_of_results(b, unit.result.touched, corner, shape, turns)
