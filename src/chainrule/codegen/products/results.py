"""From the sums of a register tile to whoever takes the results."""

from __future__ import annotations

from chainrule.codegen.assembly.values import Index, Value, bits, constant
from chainrule.codegen.products.split import Range, maximum, minimum
from chainrule.codegen.products.unit import Unit
from chainrule.codegen.products.vectors import between, transposed
from chainrule.codegen.products.vectors import sums as sums_of

__all__ = ["emit_results", "emit_row_results", "emit_turned_results", "turned"]


def emit_results(unit: Unit, row: Value, lines: Range, panel: Value, sums: Value) -> None:
    """Give the sums of some lines of a tile to whoever takes them.

    It is done tile by tile, so that the stores have time until the next tile's.
    """
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    lanes, columns = plan.lanes, plan.columns
    full, rest = divmod(unit.product.columns, lanes)
    write = unit.result.past or unit.result.write
    with b.loop(*lines) as loop:
        line = b.offset(sums, b.mul(loop.index, columns.size * lanes), kind)
        here = b.add(row, loop.index)

        def give(n: int, mask: Value | None) -> None:
            values = b.load(unit.register, b.offset(line, n * lanes, kind), lanes * bits(kind) // 8)
            column = b.mul(b.add(b.mul(panel, columns.size), n), lanes)
            write(b, here, column, values, mask)

        for n in range(columns.size):
            missing = not columns.whole and n >= columns.total % columns.size
            partial = rest > 0 and n == (columns.total - 1) % columns.size
            if not missing and not partial:
                give(n, None)
                continue
            v = b.add(b.mul(panel, columns.size), n)
            if full > n:
                with b.when(b.icmp("slt", v, full)):
                    give(n, None)
            if partial:
                with b.when(b.icmp("eq", v, full)):
                    give(n, b.first(lanes, b.number(rest)))


def emit_row_results(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    """Give sums over whole rows, which the tile has, to whoever takes them."""
    b, plan = unit.b, unit.plan
    lanes, height = plan.lanes, plan.rows.size
    for top in range(0, height, lanes):
        count = min(lanes, height - top)
        first = b.mul(panel, plan.columns.size * lanes)
        lines = [_row_terms(unit, (row, first), done, top + i, sums) for i in range(count)]
        totals = [sums_of(b, each) for each in zip(*lines, strict=True)]
        mask = None
        if count < lanes or not plan.rows.whole:
            past: Index = minimum(b, maximum(b, b.sub(done, top), 0), count)
            mask = between(b, lanes, b.number(past), count)
        assert unit.result.rows is not None
        unit.result.rows.give(b, b.add(row, top), totals, mask)


def _row_terms(
    unit: Unit, corner: tuple[Value, Value], done: Value, line: int, sums: Value
) -> list[Value]:
    """What is summed of a row of the tile, all its vectors added up, for each sum."""
    b, lanes, width = unit.b, unit.plan.lanes, unit.plan.columns.size
    rest = unit.product.columns % lanes
    here, is_new = b.add(corner[0], line), b.icmp("sle", done, line)
    assert unit.result.rows is not None
    totals: list[Value] = []
    for n in range(width):
        values = unit.sums_at(sums, line, n)
        mask = b.first(lanes, b.number(rest)) if rest and n == width - 1 else None
        column = b.add(corner[1], n * lanes)
        terms = unit.result.rows.terms(b, here, column, values, mask, is_new)
        if mask is not None:
            terms = [b.select(mask, t, constant(unit.register, 0)) for t in terms]
        totals = [b.fadd(x, y) for x, y in zip(totals, terms, strict=True)] if n else terms
    return totals


def turned(unit: Unit, sums: Value, n: int, lines: range) -> tuple[Value, int]:
    """Turn a block of a tile around: of some of its rows, the n-th vector each.

    Gives where the rows of the turned block lie, and from one to the next.
    """
    b, lanes, kind = unit.b, unit.plan.lanes, unit.product.kind
    square, stride = b.offset(unit.scratch, unit.room.square, kind), lanes + 1
    rows = [unit.sums_at(sums, i, n) for i in lines]
    rows += [constant(unit.register, 0)] * (lanes - len(rows))
    for i, values in enumerate(transposed(b, rows)):
        b.store(values, b.offset(square, i * stride, kind))
    return square, stride


def emit_turned_results(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    """The same where the product is computed transposed: the tile is turned around before."""
    lanes, height = unit.plan.lanes, unit.plan.rows.size
    for n in range(unit.plan.columns.size):
        for top in range(0, height, lanes):
            lines = range(top, min(top + lanes, height))
            _emit_turned_square(unit, (row, done), (panel, n), lines, sums)


def _emit_turned_square(
    unit: Unit, rows: tuple[Value, Value], columns: tuple[Value, int], lines: range, sums: Value
) -> None:
    """A square of a tile, of which some rows may have been given before."""
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    lanes, count = plan.lanes, len(lines)
    row, panel = b.add(rows[0], lines.start), b.mul(columns[0], plan.columns.size)
    first = b.mul(b.add(panel, columns[1]), lanes)
    square, stride = turned(unit, sums, columns[1], lines)
    past, mask = b.number(0), None
    if not plan.rows.whole or count < lanes:
        past = b.number(minimum(b, maximum(b, b.sub(rows[1], lines.start), 0), count))
        mask = b.first(lanes, b.sub(b.number(count), past))
    present = minimum(b, b.sub(b.number(unit.product.columns), first), lanes)
    with b.loop(0, present) as loop:
        line = b.offset(square, b.add(b.mul(loop.index, stride), past), kind)
        values = b.load(unit.register, line)
        unit.result.write(b, b.add(first, loop.index), b.add(row, past), values, mask)
