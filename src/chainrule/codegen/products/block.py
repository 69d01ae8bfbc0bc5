"""One unit of a product: panels of C in registers, rows of A against vectors of B.

For each block of the inner axis the right operand is copied into panels of one register's width
that the second cache holds; the left operand is read where it lies, or copied into a sliver in the
first cache. A register tile adds one step of the inner axis at a time: as many vectors as it is
wide, each times as many broadcast numbers as it is high.

Of a symmetric product only tiles that reach the diagonal or lie below it are computed.
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.codegen.assembly.values import Index, Value
from chainrule.codegen.products.ahead import asks_of
from chainrule.codegen.products.mirrored import (
    balanced,
    emit_mirrored_results,
    lower_columns,
    lower_rows,
)
from chainrule.codegen.products.overlapped import emit_panels
from chainrule.codegen.products.panels import pack_right, pack_rows
from chainrule.codegen.products.results import (
    emit_results,
    emit_row_results,
    emit_turned_results,
)
from chainrule.codegen.products.split import Range, block_of, minimum
from chainrule.codegen.products.tile import emit_tile, left_numbers
from chainrule.codegen.products.tiles import Tiles, emit_tiles, tiles
from chainrule.codegen.products.unit import Inner, Unit

__all__ = ["emit_unit"]


def emit_unit(unit: Unit, index: Value) -> None:
    """Write the code of the unit of a number."""
    if not unit.product.is_tiled:
        _emit_blocks(unit, index, None)
        return
    with tiles(unit.b, unit.product.pairs) as made:
        _emit_blocks(unit, index, made)


def _emit_blocks(unit: Unit, index: Value, made: Tiles | None) -> None:
    """The blocks of the inner axis, in order."""
    b, plan = unit.b, unit.plan
    if unit.product.symmetric:
        index = balanced(b, index, plan.column_blocks)
    rows, columns = block_of(b, index, plan.row_blocks, plan.rows, plan.column_blocks, plan.columns)
    if unit.product.symmetric:
        rows = lower_rows(b, plan, rows, columns)
    inner, block = unit.product.inner, plan.inner_block
    if block >= inner:
        _emit_block(unit, made, Inner(0, inner, None, None), rows, columns)
        return
    with b.loop(0, inner, block) as loop:
        begin = loop.index
        count = minimum(b, b.sub(b.number(inner), begin), block) if inner % block else block
        first, last = b.icmp("eq", begin, 0), b.icmp("sge", begin, inner - block)
        _emit_block(unit, made, Inner(begin, count, first, last), rows, columns)


def _emit_block(unit: Unit, made: Tiles | None, inner: Inner, rows: Range, columns: Range) -> None:
    """A block of the inner axis: pack B, then all panels of rows."""
    b, plan = unit.b, unit.plan
    start = b.mul(b.number(columns[0]), plan.columns.size)
    end = minimum(b, b.mul(b.number(columns[1]), plan.columns.size), plan.columns.total)
    if not plan.read_right:
        pack_right(
            b, unit.right, unit.product, plan.lanes, (inner.begin, inner.steps), (start, end),
            unit.scratch, unit.room.panel,
        )  # fmt: skip
    if plan.overlapped and made:
        emit_panels(unit, made, inner, rows, columns)
        return
    with b.loop(*rows) as loop:
        _emit_rows(unit, made, inner, (loop.index, rows[0]), columns)


def _emit_rows(
    unit: Unit, made: Tiles | None, inner: Inner, panels: tuple[Value, Index], columns: Range
) -> None:
    """A panel of rows against all panels of columns of the block, and what follows its sums.

    panels   the panel of rows, and the first one of the unit

    Rows that the last panel shares with the one before are computed twice and written once.
    """
    b, plan, room = unit.b, unit.plan, unit.room
    row, done = unit.rows_of(panels[0])
    way = _in_tiles(unit, made, inner, row, panels) if made else None
    compute = way or _in_registers(unit, inner, row, panels)
    across = lower_columns(b, plan, row, columns) if unit.product.symmetric else columns
    with b.loop(*across) as loop:
        number = b.sub(loop.index, columns[0])
        sums = b.offset(unit.scratch, room.sums, unit.product.kind)
        if inner.first is not None:
            sums = b.offset(sums, unit.slot(panels, number), unit.product.kind)
        compute(columns[0], (loop.index, number), sums)
        give = emit_turned_results if plan.turned else _give_all
        if unit.product.symmetric:
            give = emit_mirrored_results
        elif unit.result.rows is not None:
            give = emit_row_results
        if inner.last is None:
            give(unit, row, done, loop.index, sums)
        else:
            with b.when(inner.last):
                give(unit, row, done, loop.index, sums)


def _give_all(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    emit_results(unit, row, (done, unit.plan.rows.size), panel, sums)


Compute = Callable[[Index, tuple[Value, Value], Value], None]
"""(the first panel of columns, one of them and its number, where the sums go)."""


def _in_registers(unit: Unit, inner: Inner, row: Value, panels: tuple[Value, Index]) -> Compute:
    left = left_numbers(unit, inner, row, panels)

    def compute(first: Index, panel: tuple[Value, Value], sums: Value) -> None:
        asks = asks_of(unit, inner, panels, row, (first, panel[1]))
        emit_tile(unit, inner, left, panel, sums, asks)

    return compute


def _in_tiles(
    unit: Unit, made: Tiles, inner: Inner, row: Value, panels: tuple[Value, Index]
) -> Compute:
    sliver = unit.b.offset(unit.scratch, unit.room.left, "i32")
    block = inner.begin, inner.steps, unit.plan.inner_block
    stride = pack_rows(unit.b, unit.left, block, (row, unit.plan.rows.size), sliver)

    def compute(first: Index, panel: tuple[Value, Value], sums: Value) -> None:
        asks = asks_of(unit, inner, panels, row, (first, panel[1]))
        emit_tiles(unit, made, inner, (sliver, stride), panel[1], sums, asks)

    return compute
