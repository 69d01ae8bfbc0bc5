"""A product with few columns (or few rows): vectors along the inner axis of both operands.

Where C has ten columns, vectors along them would be padded to sixteen. Here a register tile holds
one vector of partial sums for each of its elements, which are added up at the end, so every lane
works, and operands that lie along the inner axis are read as they are, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, bits, constant, vector
from chainrule.codegen.products.dot_plan import DotPlan
from chainrule.codegen.products.operands import Operand, Product, Result, flipped
from chainrule.codegen.products.panels import pack_lines, tail_mask
from chainrule.codegen.products.split import Split, block_of, minimum
from chainrule.codegen.products.vectors import sums

__all__ = ["DotUnit", "dot_scratch_bytes", "emit_dot", "lined_up"]


class DotUnit(NamedTuple):
    """What is being written: a unit of a product in a kernel's function."""

    b: Builder
    product: Product
    plan: DotPlan
    left: Operand
    right: Operand
    result: Result
    scratch: Value


def _line(product: Product, plan: DotPlan) -> int:
    """From one copied line to the next, in elements: not a multiple of a page."""
    return (-(-product.inner // plan.lanes) + 1) * plan.lanes


def _rooms(product: Product, plan: DotPlan) -> tuple[int, int, int]:
    """Where the copies of the operands and the sums of a tile begin, and the end."""
    line = _line(product, plan)
    right = product.rows * line if plan.pack_left else 0
    sums_at = right + (product.columns * line if plan.pack_right else 0)
    return right, sums_at, sums_at + plan.rows.size * plan.columns.size + 2 * plan.lanes


def dot_scratch_bytes(product: Product, plan: DotPlan) -> int:
    """Bytes of scratch that one thread needs."""
    return _rooms(product, plan)[2] * bits(product.kind) // 8


def lined_up(
    b: Builder, product: Product, plan: DotPlan, operands: tuple[Operand, Operand], scratch: Value
) -> tuple[Operand, Operand]:
    """The operands as they are, or copies of them that lie along the inner axis."""
    left, right = operands
    at, _, _ = _rooms(product, plan)
    shape = (product.inner, _line(product, plan))
    if plan.pack_left:
        left = pack_lines(b, left, product.kind, plan.lanes, (product.rows, *shape), scratch)
    if plan.pack_right:
        place = b.offset(scratch, at, product.kind)
        lines = (product.columns, *shape)
        right = flipped(pack_lines(b, flipped(right), product.kind, plan.lanes, lines, place))
    return left, right


def emit_dot(unit: DotUnit, index: Value) -> None:
    """Write the code of the unit of a number."""
    b, plan = unit.b, unit.plan
    rows, columns = block_of(b, index, plan.row_blocks, plan.rows, plan.column_blocks, plan.columns)
    with b.loop(*rows) as down, b.loop(*columns) as across:
        row, rows_done = _begin(b, plan.rows, down.index)
        column, columns_done = _begin(b, plan.columns, across.index)
        place = _emit_tile(unit, row, column)
        _emit_results(unit, (row, rows_done), (column, columns_done), place)


def _begin(b: Builder, axis: Split, panel: Value) -> tuple[Value, Index]:
    """Where a panel begins, so that it is complete, and how much of it is done already."""
    following = b.mul(panel, axis.size)
    if axis.whole:
        return following, 0
    begin = b.number(minimum(b, following, axis.total - axis.size))
    return begin, b.sub(following, begin)


def _emit_tile(unit: DotUnit, row: Value, column: Value) -> Value:
    """The sums of a register tile, in scratch; gives the place."""
    b, plan = unit.b, unit.plan
    height, width, lanes = plan.rows.size, plan.columns.size, plan.lanes

    def step(k: Value, before: Sequence[Value], mask: Value | None) -> list[Value]:
        across = [unit.right.read(b, k, b.add(column, j), "row", lanes, mask) for j in range(width)]
        made = []
        for i in range(height):
            down = unit.left.read(b, b.add(row, i), k, "column", lanes, mask)
            made += [b.fma(down, other, before[i * width + j]) for j, other in enumerate(across)]
        return made

    partial = _partial_sums(unit, height * width, step)
    place = b.offset(unit.scratch, _rooms(unit.product, plan)[1], unit.product.kind)
    for first in range(0, height * width, lanes):
        b.store(sums(b, partial[first : first + lanes]), b.offset(place, first, unit.product.kind))
    return place


Step = Callable[[Value, Sequence[Value], Value | None], list[Value]]


def _partial_sums(unit: DotUnit, count: int, step: Step) -> list[Value]:
    """Vectors of sums over the inner axis: several chains of them if there are few elements."""
    b, lanes, inner = unit.b, unit.plan.lanes, unit.product.inner
    chains = unit.plan.chains
    zero = constant(vector(unit.product.kind, lanes), 0)
    whole = inner // (lanes * chains) * lanes * chains
    carried = [zero] * (count * chains)
    if whole:
        with b.loop(0, whole, lanes * chains, carried) as loop:
            following: list[Value] = []
            for n in range(chains):
                own = loop.carried[n * count : (n + 1) * count]
                following += step(b.add(loop.index, n * lanes), own, None)
            loop.next(*following)
        carried = loop.results
    totals = carried[:count]
    for n in range(1, chains):
        more = carried[n * count : (n + 1) * count]
        totals = [b.fadd(x, y) for x, y in zip(totals, more, strict=True)]
    if whole < inner:
        with b.loop(whole, inner, lanes, totals) as rest:
            mask = tail_mask(b, lanes, inner, rest.index)
            rest.next(*step(rest.index, rest.carried, mask))
        totals = rest.results
    return totals


def _emit_results(
    unit: DotUnit, rows: tuple[Value, Index], columns: tuple[Value, Index], place: Value
) -> None:
    """Give the sums of a tile to whoever takes them."""
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    width, lanes = plan.columns.size, plan.lanes
    (row, rows_done), (column, done) = rows, columns
    if unit.product.symmetric:
        _emit_mirrored(unit, rows, columns, place)
        return
    mask = None
    if width < lanes or not plan.columns.whole:
        mask = b.first(lanes, b.sub(b.number(width), done))
    with b.loop(rows_done, plan.rows.size) as loop:
        line = b.offset(place, b.add(b.mul(loop.index, width), done), kind)
        values = b.load(vector(kind, lanes), line)
        unit.result.write(b, b.add(row, loop.index), b.add(column, done), values, mask)


def _emit_mirrored(
    unit: DotUnit, rows: tuple[Value, Index], columns: tuple[Value, Index], place: Value
) -> None:
    """Give each sum on or below the diagonal to its place, and to the one above."""
    b, plan, kind, write = unit.b, unit.plan, unit.product.kind, unit.result.write
    with b.loop(rows[1], plan.rows.size) as down, b.loop(columns[1], plan.columns.size) as across:
        row, column = b.add(rows[0], down.index), b.add(columns[0], across.index)
        line = b.mul(down.index, plan.columns.size)
        value = b.load(kind, b.offset(place, b.add(line, across.index), kind))
        with b.when(b.icmp("sle", column, row)):
            write(b, row, column, value, None)
        with b.when(b.icmp("slt", column, row)):
            write(b, column, row, value, None)
