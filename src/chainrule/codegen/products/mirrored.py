"""A symmetric product: only what lies on or below the diagonal is computed, and given twice.

A unit is a block of columns with the rows from its diagonal down. Of a tile on the diagonal the
part above it is left out, so every element is given once, and both of a pair are the same number.
"""

from __future__ import annotations

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value
from chainrule.codegen.products.plan import Plan
from chainrule.codegen.products.results import turned
from chainrule.codegen.products.split import Range, maximum, minimum
from chainrule.codegen.products.unit import Unit
from chainrule.codegen.products.vectors import between

__all__ = ["balanced", "emit_mirrored_results", "lower_columns", "lower_rows"]


def balanced(b: Builder, index: Value, blocks: int) -> Value:
    """The block of columns of the unit of a number: 0, n−1, 1, n−2 and so on.

    The first has most rows below its diagonal and the last has least, so that two that follow each
    other have as much to do as any other two.
    """
    if blocks < 3:
        return index
    half = b.binary("lshr", index, b.number(1))
    is_odd = b.icmp("ne", b.binary("and", index, b.number(1)), 0)
    return b.select(is_odd, b.sub(b.number(blocks - 1), half), half)


def lower_rows(b: Builder, plan: Plan, rows: Range, columns: Range) -> Range:
    """The panels of rows that reach the diagonal of a block of columns."""
    first = b.mul(b.number(columns[0]), plan.columns.size * plan.lanes)
    return maximum(b, rows[0], b.binary("udiv", first, b.number(plan.rows.size))), rows[1]


def lower_columns(b: Builder, plan: Plan, row: Value, columns: Range) -> Range:
    """The panels of columns that begin on or below the diagonal in a panel of rows."""
    width = plan.columns.size * plan.lanes
    end = b.binary("udiv", b.add(row, plan.rows.size + width - 1), b.number(width))
    return columns[0], minimum(b, columns[1], end)


def emit_mirrored_results(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    """Give the sums of a tile to whoever takes them, and once more with rows and columns exchanged.

    A tile below the diagonal is whole; one on it is cut.
    """
    b, width = unit.b, unit.plan.columns.size * unit.plan.lanes
    corner = b.mul(panel, width)
    below = b.icmp("sge", b.add(row, done), b.add(corner, width))
    with b.when(below):
        _emit_below(unit, row, done, corner, sums)
        _emit_above(unit, row, done, corner, sums, cut=False)
    with b.when(b.binary("xor", below, b.number(1, "i1"))):
        _emit_cut(unit, row, done, corner, sums)
        _emit_above(unit, row, done, corner, sums, cut=True)


def _emit_below(unit: Unit, row: Value, done: Value, corner: Value, sums: Value) -> None:
    """Rows of a tile whose columns are all below the diagonal."""
    b, lanes = unit.b, unit.plan.lanes
    with b.loop(done, unit.plan.rows.size) as loop:
        for n in range(unit.plan.columns.size):
            values = unit.sums_at(sums, loop.index, n)
            column = b.add(corner, n * lanes)
            unit.result.write(b, b.add(row, loop.index), column, values, None)


def _emit_cut(unit: Unit, row: Value, done: Value, corner: Value, sums: Value) -> None:
    """Rows of a tile as far as the diagonal."""
    b, lanes = unit.b, unit.plan.lanes
    with b.loop(done, unit.plan.rows.size) as loop:
        here = b.add(row, loop.index)
        for n in range(unit.plan.columns.size):
            values = unit.sums_at(sums, loop.index, n)
            column = b.add(corner, n * lanes)
            present = b.add(b.sub(here, column), 1)
            with b.when(b.icmp("sgt", present, 0)):
                unit.result.write(b, here, column, values, b.first(lanes, present))


def _emit_above(
    unit: Unit, row: Value, done: Value, corner: Value, sums: Value, *, cut: bool
) -> None:
    """The same sums turned around: for each column of the tile, what is strictly below it."""
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    lanes, height, width = plan.lanes, plan.rows.size, plan.columns.size
    for top in range(0, height, lanes):
        count = min(lanes, height - top)
        for n in range(width):
            square, stride = turned(unit, sums, n, range(top, top + count))
            first, under = b.add(corner, n * lanes), b.add(row, top)
            with b.loop(0, lanes) as loop:
                column = b.add(first, loop.index)
                begin: Index = maximum(b, b.sub(done, top), 0)
                if cut:
                    begin = maximum(b, begin, b.add(b.sub(column, under), 1))
                begin = b.number(begin)
                with b.when(b.icmp("slt", begin, count)):
                    values = b.load(
                        unit.register, b.offset(square, b.mul(loop.index, stride), kind)
                    )
                    mask = between(b, lanes, begin, count)
                    unit.result.write(b, column, under, values, mask)
