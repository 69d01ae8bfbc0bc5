"""One unit of a product: panels of C in registers, rows of A against vectors of B.

For each block of the inner axis the right operand is copied into panels of one register's width
that the second cache holds; the left operand is read where it lies, or copied into a sliver in the
first cache. A register tile adds one step of the inner axis at a time: as many vectors as it is
wide, each times as many broadcast numbers as it is high.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chainrule.codegen.llvm import Builder, Index, Value, bits, constant, vector
from chainrule.codegen.products.operands import Operand, Product, Result
from chainrule.codegen.products.panels import pack_left, pack_right
from chainrule.codegen.products.plan import Plan
from chainrule.codegen.products.prefetch import Ahead, ahead, ahead_of_results
from chainrule.codegen.products.split import Split, chunk, maximum, minimum
from chainrule.codegen.products.vectors import transposed

_STEPS = 32
CHUNK = 4
__all__ = ["Unit", "emit_unit", "scratch_bytes"]


class Room(NamedTuple):
    """Where the parts of the scratch begin, in elements, after the panels of B.

    panel    from one vector's panel of B to the next; a line more than needed, or all panels
             would fall into one set of the cache
    """

    left: int
    sums: int
    square: int
    end: int
    panel: int


class Unit(NamedTuple):
    """What is being written: a unit of a product in a kernel's function."""

    b: Builder
    product: Product
    plan: Plan
    left: Operand
    right: Operand
    result: Result
    scratch: Value
    room: Room

    @property
    def register(self) -> str:
        """The type of a full register."""
        return vector(self.product.kind, self.plan.lanes)


class Inner(NamedTuple):
    """A block of the inner axis; ``first`` is None if there is only one block."""

    begin: Index
    count: Index
    first: Value | None
    last: Value | None


def make_room(product: Product, plan: Plan) -> Room:
    """Lay out the scratch."""
    lanes, block = plan.lanes, plan.inner_block
    whole = -(-block // lanes) * lanes
    panel = (whole + 1) * lanes
    wide = _widest(plan.columns, plan.column_blocks)
    left = 0 if plan.read_right else panel * wide * plan.columns.size
    height = -(-plan.rows.size // lanes) * lanes
    sums = left + height * (whole + lanes)
    tiles = _widest(plan.rows, plan.row_blocks) * wide if block < product.inner else 1
    square = sums + tiles * plan.rows.size * plan.columns.size * lanes
    return Room(left, sums, square, square + (lanes + 1) * lanes * plan.turned, panel)


def _widest(axis: Split, blocks: int) -> int:
    return -(-axis.count // blocks)


def scratch_bytes(product: Product, plan: Plan) -> int:
    """Bytes of scratch that one thread needs."""
    return make_room(product, plan).end * bits(product.kind) // 8


def emit_unit(unit: Unit, index: Value) -> None:
    """Write the code of the unit of a number."""
    b, plan = unit.b, unit.plan
    row_block: Index = index
    column_block: Index = 0
    if plan.column_blocks > 1:
        column_block = b.binary("udiv", index, b.number(plan.row_blocks))
        row_block = b.sub(index, b.mul(column_block, plan.row_blocks))
    rows = chunk(b, row_block, plan.row_blocks, plan.rows.count)
    columns = chunk(b, column_block, plan.column_blocks, plan.columns.count)
    inner, block = unit.product.inner, plan.inner_block
    if block >= inner:
        _emit_block(unit, Inner(0, inner, None, None), rows, columns)
        return
    with b.loop(0, inner, block) as loop:
        begin = loop.index
        count = minimum(b, b.sub(b.number(inner), begin), block) if inner % block else block
        first, last = b.icmp("eq", begin, 0), b.icmp("sge", begin, inner - block)
        _emit_block(unit, Inner(begin, count, first, last), rows, columns)


Range = tuple[Index, Index]


def _emit_block(unit: Unit, inner: Inner, rows: Range, columns: Range) -> None:
    """A block of the inner axis: pack B, then all panels of rows."""
    b, plan = unit.b, unit.plan
    start = b.mul(b.number(columns[0]), plan.columns.size)
    end = minimum(b, b.mul(b.number(columns[1]), plan.columns.size), plan.columns.total)
    if not plan.read_right:
        pack_right(
            b, unit.right, unit.product, plan.lanes, (inner.begin, inner.count), (start, end),
            unit.scratch, unit.room.panel,
        )  # fmt: skip
    with b.loop(*rows, unroll=False) as loop:
        _emit_rows(unit, inner, loop.index, rows[0], columns)


def _emit_rows(unit: Unit, inner: Inner, panel: Value, top: Index, columns: Range) -> None:
    """A panel of rows against all panels of columns of the block, and what follows its sums.

    The last panel begins early enough to be complete: rows that it shares with the one before are
    computed twice and written once.
    """
    b, plan, room = unit.b, unit.plan, unit.room
    height, width = plan.rows.size, plan.columns.size
    following = b.mul(panel, height)
    row, done = following, b.number(0)
    if not plan.rows.whole:
        row = b.number(minimum(b, following, plan.rows.total - height))
        done = b.sub(following, row)
    left = _left(unit, inner, row)
    with b.loop(*columns, unroll=False) as loop:
        number = b.sub(loop.index, columns[0])
        sums = b.offset(unit.scratch, room.sums, unit.product.kind)
        if inner.first is not None:
            wide = _widest(plan.columns, plan.column_blocks)
            slot = b.add(b.mul(b.sub(panel, top), wide), number)
            sums = b.offset(sums, b.mul(slot, height * width * plan.lanes), unit.product.kind)
        asks = _ahead(unit, inner, (panel, top), row, (columns[0], number))
        _emit_tile(unit, inner, left, (loop.index, number), sums, asks)
        give = _emit_turned_results if plan.turned else _emit_results
        if inner.last is None:
            give(unit, row, done, loop.index, sums)
        else:
            with b.when(inner.last):
                give(unit, row, done, loop.index, sums)


def _ahead(
    unit: Unit, inner: Inner, panel: tuple[Value, Index], row: Value, columns: tuple[Index, Value]
) -> list[Ahead]:
    """What is asked for while a tile is computed: the next panel of A, the next block of B, C."""
    b, plan, kind, block = unit.b, unit.plan, unit.product.kind, unit.plan.inner_block
    height, width = plan.rows.size, plan.columns.size
    first, number = columns
    wide = _widest(plan.columns, plan.column_blocks)
    found = []
    left, right, result = unit.left.plain, unit.right.plain, unit.result.plain
    if left is not None and plan.ahead_left and block >= _STEPS:
        skip = b.mul(
            b.add(row, height if left.column_stride == 1 else 2 * height - 1), left.row_stride
        )
        origin = b.offset(
            left.pointer, b.add(skip, b.mul(b.number(inner.begin), left.column_stride)), kind
        )
        found.append(
            ahead(
                b,
                kind,
                origin,
                (left.column_stride, left.row_stride),
                (block, height if left.column_stride == 1 else 1),
                number,
                wide,
                CHUNK,
            )
        )
    if right is not None and plan.ahead_right and block >= _STEPS:
        tile = b.add(b.mul(b.sub(panel[0], panel[1]), wide), number)
        column = b.mul(b.number(first), width * plan.lanes)
        further = b.add(column, wide * width * plan.lanes)
        begin = b.add(b.number(inner.begin), block)
        if inner.last is None:
            begin, column = b.number(0), further
        else:
            begin = b.select(inner.last, b.number(0), begin)
            column = b.select(inner.last, further, column)
        origin = b.offset(
            right.pointer,
            b.add(b.mul(begin, right.row_stride), b.mul(column, right.column_stride)),
            kind,
        )
        found.append(
            ahead(
                b,
                kind,
                origin,
                (right.row_stride, right.column_stride),
                (block, wide * width * plan.lanes),
                tile,
                wide * _widest(plan.rows, plan.row_blocks),
                CHUNK,
            )
        )
    if result is not None and inner.last is None and block >= _STEPS and result.column_stride == 1:
        column = b.mul(b.add(number, first), width * plan.lanes)
        origin = b.offset(result.pointer, b.add(b.mul(row, result.row_stride), column), kind)
        found.append(
            ahead_of_results(b, kind, origin, result.row_stride, (height, width), block // CHUNK)
        )
    return found


Broadcasts = Callable[[Value], list[Value]]


def _left(unit: Unit, inner: Inner, row: Value) -> Broadcasts:
    """The numbers of the left operand at a step of the inner axis."""
    b, kind, height = unit.b, unit.product.kind, unit.plan.rows.size
    plain = unit.left.plain
    if plain is not None and not unit.plan.pack_left:
        begin = b.mul(b.number(inner.begin), plain.column_stride)
        origin = b.offset(plain.pointer, b.add(b.mul(row, plain.row_stride), begin), kind)
        row_stride, step = plain.row_stride, plain.column_stride
    else:
        origin = b.offset(unit.scratch, unit.room.left, kind)
        row_stride, step = pack_left(
            b, unit.left, unit.plan.lanes, (inner.begin, inner.count, unit.plan.inner_block),
            (row, height), origin, kind,
        )  # fmt: skip

    def numbers(k: Value) -> list[Value]:
        place = b.offset(origin, b.mul(k, step), kind)
        return [b.load(kind, b.offset(place, r * row_stride, kind)) for r in range(height)]

    return numbers


def _right(unit: Unit, inner: Inner, panel: Value, number: Value) -> Callable[[Value], list[Value]]:
    """The vectors of the right operand at a step of the inner axis."""
    b, room, kind, lanes = unit.b, unit.room, unit.product.kind, unit.plan.lanes
    columns = unit.plan.columns
    if unit.plan.read_right:
        first = b.mul(panel, columns.size * lanes)
        starts = [b.add(first, v * lanes) for v in range(columns.size)]
        masks: list[Value | None] = [None] * columns.size
        if not columns.whole or unit.product.columns % lanes:
            end = unit.product.columns
            left = [b.number(maximum(b, b.sub(b.number(end), start), 0)) for start in starts]
            masks = [b.first(lanes, present) for present in left]

        def read(k: Value) -> list[Value]:
            row = b.add(k, inner.begin)
            return [
                unit.right.read(b, row, start, "column", lanes, mask)
                for start, mask in zip(starts, masks, strict=True)
            ]

        return read
    away = b.mul(number, columns.size * room.panel)
    origin = b.offset(unit.scratch, away, kind)

    def load(k: Value) -> list[Value]:
        place = b.offset(origin, b.mul(k, lanes), kind)
        places = [b.offset(place, v * room.panel, kind) for v in range(columns.size)]
        return [b.load(unit.register, at, lanes * bits(kind) // 8) for at in places]

    return load


def _emit_tile(
    unit: Unit,
    inner: Inner,
    left: Broadcasts,
    panel: tuple[Value, Value],
    sums: Value,
    asks: list[Ahead],
) -> None:
    """The sums of a register tile over a block of the inner axis, from scratch to scratch."""
    b, kind = unit.b, unit.product.kind
    height, width = unit.plan.rows.size, unit.plan.columns.size
    lanes, align = unit.plan.lanes, unit.plan.lanes * bits(kind) // 8
    right = _right(unit, inner, *panel)
    places = [b.offset(sums, n * lanes, kind) for n in range(height * width)]
    zero = constant(unit.register, 0)
    begin = [zero] * len(places)
    if inner.first is not None:
        found = [b.load(unit.register, place, align) for place in places]
        begin = [b.select(inner.first, zero, value) for value in found]

    def step(k: Value, before: Sequence[Value]) -> list[Value]:
        return _added(b, left(k), right(k), before)

    sums_now = _steps(b, inner.count, begin, step, asks)
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
    if isinstance(count, int):
        rounds: Index = count // CHUNK * CHUNK
    else:
        rounds = b.binary("and", count, b.number(-CHUNK))
    if rounds != 0:
        with b.loop(0, rounds, CHUNK, sums, unroll=False) as loop:
            turn = b.binary("udiv", loop.index, b.number(CHUNK))
            for ask in asks:
                ask(turn)
            following = loop.carried
            for n in range(CHUNK):
                following = step(b.add(loop.index, n), following)
            loop.next(*following)
        sums = loop.results
    if rounds != count:
        with b.loop(rounds, count, 1, sums, unroll=False) as rest:
            rest.next(*step(rest.index, rest.carried))
        sums = rest.results
    return sums


def _added(
    b: Builder, numbers: Sequence[Value], vectors: Sequence[Value], before: Sequence[Value]
) -> list[Value]:
    """One step of the inner axis."""
    lanes = int(vectors[0].type[1:].split(" x ")[0])
    sums = iter(before)
    made = []
    for number in numbers:
        wide = b.splat(number, lanes)
        made += [b.fma(wide, values, next(sums)) for values in vectors]
    return made


def _emit_results(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    """Give the sums of a tile to whoever takes them.

    It is done tile by tile, so that the stores have time until the next tile's.
    """
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    lanes, columns = plan.lanes, plan.columns
    full, rest = divmod(unit.product.columns, lanes)
    with b.loop(done, plan.rows.size, unroll=False) as loop:
        line = b.offset(sums, b.mul(loop.index, columns.size * lanes), kind)
        here = b.add(row, loop.index)

        def give(n: int, mask: Value | None) -> None:
            values = b.load(unit.register, b.offset(line, n * lanes, kind), lanes * bits(kind) // 8)
            column = b.mul(b.add(b.mul(panel, columns.size), n), lanes)
            unit.result.write(b, here, column, values, mask)

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


def _emit_turned_results(unit: Unit, row: Value, done: Value, panel: Value, sums: Value) -> None:
    """The same where the product is computed transposed: the tile is turned around before."""
    b, plan, kind = unit.b, unit.plan, unit.product.kind
    lanes, height, width = plan.lanes, plan.rows.size, plan.columns.size
    align, stride = lanes * bits(kind) // 8, lanes + 1
    square = b.offset(unit.scratch, unit.room.square, kind)
    zero = constant(unit.register, 0)
    mask = b.first(lanes, b.sub(b.number(height), done))
    for n in range(width):
        first = b.mul(b.add(b.mul(panel, width), n), lanes)
        lines = [
            b.load(unit.register, b.offset(sums, (i * width + n) * lanes, kind), align)
            for i in range(height)
        ]
        for i, values in enumerate(transposed(b, lines + [zero] * (lanes - height))):
            b.store(values, b.offset(square, i * stride, kind))
        present = minimum(b, b.sub(b.number(unit.product.columns), first), lanes)
        with b.loop(0, present, unroll=False) as loop:
            line = b.offset(square, b.add(b.mul(loop.index, stride), done), kind)
            values = b.load(unit.register, line)
            unit.result.write(b, b.add(first, loop.index), b.add(row, done), values, mask)
