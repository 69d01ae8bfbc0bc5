"""A register tile: rows of A against vectors of B, along a block of the inner axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, bits, constant, lanes, vector
from chainrule.codegen.products.pairs import add_products
from chainrule.codegen.products.panels import pack_left, pack_panels
from chainrule.codegen.products.plan import Plan
from chainrule.codegen.products.prefetch import Ahead
from chainrule.codegen.products.split import maximum, minimum
from chainrule.codegen.products.unit import Inner, Unit

__all__ = ["CHUNK", "Numbers", "emit_tile", "left_numbers", "place_in_group"]

CHUNK: Final = 4  # steps of the inner axis between two times of asking for memory

Numbers = Callable[[Value], list[Value]]


def left_numbers(unit: Unit, inner: Inner, row: Value, panels: tuple[Value, Index]) -> Numbers:
    """The numbers of the left operand at a step of the inner axis.

    panels   the panel of rows, and the first one of the unit
    """
    b, kind, height = unit.b, unit.product.factor, unit.plan.rows.size
    plain = unit.left.plain
    if plain is not None and not unit.plan.pack_left:
        begin = b.mul(b.number(inner.begin), plain.column_stride)
        origin = b.offset(plain.pointer, b.add(b.mul(row, plain.row_stride), begin), kind)
        row_stride, step = plain.row_stride, plain.column_stride
    elif unit.plan.left_group > 1:
        origin, step = _grouped(unit, inner, panels)
        row_stride = 1
    else:
        origin = b.offset(unit.scratch, unit.room.left, kind)
        row_stride, step = pack_left(
            b, unit.left, unit.plan.lanes, (inner.begin, inner.steps, unit.plan.inner_block),
            (row, height), origin, kind,
        )  # fmt: skip

    def numbers(k: Value) -> list[Value]:
        place = b.offset(origin, b.mul(k, step), kind)
        return [b.load(kind, b.offset(place, r * row_stride, kind)) for r in range(height)]

    return numbers


def _grouped(unit: Unit, inner: Inner, panels: tuple[Value, Index]) -> tuple[Value, int]:
    """The copy of a panel of the left operand, several of which are made with the first of them.

    Gives its stride along the inner axis too.
    """
    b, plan, kind = unit.b, unit.plan, unit.product.factor
    group, height = plan.left_group, plan.rows.size
    first = b.offset(unit.scratch, unit.room.left, kind)
    number = place_in_group(b, plan, panels)
    stride = 0
    with b.when(b.icmp("eq", number, 0)):
        following = [b.mul(b.add(panels[0], j), height) for j in range(group)]
        starts = [b.number(minimum(b, row, plan.rows.total - height)) for row in following]
        stride = pack_panels(
            b, unit.left, plan.lanes, (inner.begin, inner.steps), (starts, height),
            (first, unit.room.sliver), kind,
        )  # fmt: skip
    return b.offset(first, b.mul(number, unit.room.sliver), kind), stride


def place_in_group(b: Builder, plan: Plan, panels: tuple[Value, Index]) -> Value:
    """Which of the panels that are copied together one is.

    panels   the panel of rows, and the first one of the unit
    """
    return b.binary("urem", b.sub(*panels), b.number(plan.left_group))


def _right_vectors(unit: Unit, inner: Inner, panel: Value, number: Value) -> Numbers:
    """The vectors of the right operand at a step of the inner axis."""
    if unit.plan.read_right:
        return _read_vectors(unit, inner, panel)
    b, room, kind, size = unit.b, unit.room, unit.product.factor, unit.plan.lanes
    origin = b.offset(unit.scratch, b.mul(number, unit.plan.columns.size * room.panel), kind)

    def load(k: Value) -> list[Value]:
        place = b.offset(origin, b.mul(k, size), kind)
        places = [b.offset(place, v * room.panel, kind) for v in range(unit.plan.columns.size)]
        return [b.load(vector(kind, size), at, size * bits(kind) // 8) for at in places]

    return load


def _read_vectors(unit: Unit, inner: Inner, panel: Value) -> Numbers:
    """The same from where the operand lies; what the next tile reads is asked for."""
    b, columns, size, plain = unit.b, unit.plan.columns, unit.plan.lanes, unit.right.plain
    first = b.mul(panel, columns.size * size)
    starts = [b.add(first, v * size) for v in range(columns.size)]
    masks: list[Value | None] = [None] * columns.size
    if not columns.whole or unit.product.columns % size:
        end = b.number(unit.product.columns)
        present = [b.number(maximum(b, b.sub(end, start), 0)) for start in starts]
        masks = [b.first(size, count) for count in present]

    def read(k: Value) -> list[Value]:
        row = b.add(k, inner.begin)
        made = []
        for start, mask in zip(starts, masks, strict=True):
            made.append(unit.right.read(b, row, start, "column", size, mask))
            if plain is not None:
                away = b.add(b.mul(row, plain.row_stride), b.add(start, columns.size * size))
                b.prefetch(b.offset(plain.pointer, away, unit.product.kind))
        return made

    return read


def emit_tile(
    unit: Unit,
    inner: Inner,
    left: Numbers,
    panel: tuple[Value, Value],
    sums: Value,
    asks: list[Ahead],
) -> None:
    """The sums of a register tile over a block of the inner axis, from scratch to scratch."""
    b, kind = unit.b, unit.product.kind
    height, width = unit.plan.rows.size, unit.plan.columns.size
    size, align = unit.plan.lanes, unit.plan.lanes * bits(kind) // 8
    right = _right_vectors(unit, inner, *panel)
    places = [b.offset(sums, n * size, kind) for n in range(height * width)]
    zero = constant(unit.register, 0)
    begin = [zero] * len(places)
    if inner.first is not None:
        found = [b.load(unit.register, place, align) for place in places]
        begin = [b.select(inner.first, zero, value) for value in found]

    def step(k: Value, before: Sequence[Value]) -> list[Value]:
        return _added(unit, left(k), right(k), before)

    sums_now = _steps(b, inner.steps, begin, step, asks)
    for place, value in zip(places, sums_now, strict=True):
        b.store(value, place, align)


def _steps(
    b: Builder,
    count: Index,
    sums: list[Value],
    step: Callable[[Value, Sequence[Value]], list[Value]],
    asks: list[Ahead],
) -> list[Value]:
    """All steps of the inner axis, some at a time, so that what they ask for is one line in all."""
    rounds: Index = 0
    if asks and isinstance(count, int):
        rounds = count // CHUNK * CHUNK
    elif asks:
        rounds = b.binary("and", b.number(count), b.number(-CHUNK))
    if rounds != 0:
        with b.loop(0, rounds, CHUNK, sums) as loop:
            turn = b.binary("udiv", loop.index, b.number(CHUNK))
            for ask in asks:
                ask(turn)
            following = loop.carried
            for n in range(CHUNK):
                following = step(b.add(loop.index, n), following)
            loop.next(*following)
        sums = loop.results
    if rounds != count:
        with b.loop(rounds, count, 1, sums) as rest:
            rest.next(*step(rest.index, rest.carried))
        sums = rest.results
    return sums


def _added(
    unit: Unit, numbers: Sequence[Value], vectors: Sequence[Value], before: Sequence[Value]
) -> list[Value]:
    """One step of the inner axis."""
    b, pairs = unit.b, unit.product.pairs
    sums = iter(before)
    made = []
    for number in numbers:
        wide = b.splat(number, lanes(vectors[0].type))
        for values in vectors:
            factors = wide, values, next(sums)
            made.append(add_products(b, *factors, pairs) if pairs else b.fma(*factors))
    return made
