"""Copying an operand into the order in which the register tiles read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, bits, constant, vector
from chainrule.codegen.products.operands import Operand, Product, Strided
from chainrule.codegen.products.split import Range, maximum, minimum
from chainrule.codegen.products.vectors import group_of, interleaved, joined, transposed

__all__ = ["TILE", "pack_left", "pack_lines", "pack_panels", "pack_right", "pack_rows", "tail_mask"]

TILE: Final = 16
"""Rows of a tile of the processor, and words in each."""


def pack_right(
    b: Builder,
    right: Operand,
    product: Product,
    lanes: int,
    inner: Range,
    vectors: Range,
    scratch: Value,
    stride: int,
) -> None:
    """Copy a block of the right operand: for each vector of columns, its rows one after another.

    inner     where the block begins, and how many rows it has
    vectors   the first vector of columns, and the end
    stride    from one vector's panel to the next
    """
    kind = product.factor
    full, rest = divmod(product.columns, lanes)
    start, end = vectors

    def panel(v: Value) -> Value:
        return b.offset(scratch, b.mul(b.sub(v, start), stride), kind)

    if right.contiguous == "row":
        with b.loop(start, minimum(b, end, full)) as loop:
            _pack_transposed(
                b, right, product, lanes, inner, (loop.index, lanes), panel(loop.index)
            )
        if rest:
            with b.when(b.icmp("sgt", b.number(end), full)):
                last = b.number(full)
                _pack_transposed(b, right, product, lanes, inner, (last, rest), panel(last))
        return
    with b.loop(0, inner[1]) as steps:
        k, at = b.add(steps.index, inner[0]), b.mul(steps.index, lanes)

        def copy(v: Value, mask: Value | None) -> None:
            values = right.read(b, k, b.mul(v, lanes), "column", lanes, mask)
            b.store(values, b.offset(panel(v), at, kind), lanes * bits(kind) // 8)

        with b.loop(start, minimum(b, end, full)) as loop:
            copy(loop.index, None)
        if rest:
            with b.when(b.icmp("sgt", b.number(end), full)):
                copy(b.number(full), b.first(lanes, b.number(rest)))
    if product.is_tiled:
        _fill_up(b, vectors, inner[1], panel)


def _fill_up(b: Builder, vectors: Range, count: Index, panel: Callable[[Value], Value]) -> None:
    """Zeros for the words that the last tile has too many."""
    begin = b.number(count)
    end = b.binary("and", b.add(begin, TILE - 1), b.number(-TILE))
    with b.loop(*vectors) as loop, b.loop(begin, end) as steps:
        place = b.offset(panel(loop.index), b.mul(steps.index, TILE), "i32")
        b.store(constant(vector("i32", TILE), 0), place, 4 * TILE)


def _pack_transposed(
    b: Builder,
    right: Operand,
    product: Product,
    lanes: int,
    inner: Range,
    columns: tuple[Value, int],
    panel: Value,
) -> None:
    """Copy one vector of columns whose numbers lie one after another along the rows.

    What lies in memory is read in pieces of 128 bits, so that what is turned around are the small
    blocks that they make: a fourth of the code of the whole block, and as fast.
    """
    (begin, count), kind = inner, product.factor
    is_plain = right.plain is not None and kind == product.kind
    per = group_of(vector(kind, lanes)) if is_plain else lanes
    zero = constant(vector(kind, per), 0)
    first = b.mul(columns[0], lanes)
    with b.loop(0, count, per) as loop:
        # Blocks of the inner axis are multiples of the lanes, but for the last.
        whole = is_plain and product.inner % per == 0
        mask = None if whole else tail_mask(b, per, count, loop.index)
        k = b.add(loop.index, begin)
        pieces = [
            right.read(b, k, b.add(first, j), "row", per, mask) if j < columns[1] else zero
            for j in range(lanes)
        ]
        rows = [joined(b, pieces[j::per]) for j in range(per)]
        turned = transposed(b, rows) if per == lanes else interleaved(b, rows)
        place = b.offset(panel, b.mul(loop.index, lanes), kind)
        for j, values in enumerate(turned):
            b.store(values, b.offset(place, j * lanes, kind), lanes * bits(kind) // 8)


def tail_mask(b: Builder, lanes: int, count: Index, done: Value) -> Value | None:
    """The lanes that are left when so many of a number of elements are done."""
    if isinstance(count, int) and count % lanes == 0:
        return None
    return b.first(lanes, maximum(b, b.sub(b.number(count), done), 0))  # type: ignore[arg-type]


def pack_left(
    b: Builder,
    left: Operand,
    lanes: int,
    inner: tuple[Index, Index, int],
    rows: tuple[Value, int],
    sliver: Value,
    kind: str,
) -> tuple[int, int]:
    """Copy a panel of rows of the left operand in the order in which it lies.

    inner   where the block of the inner axis begins, its length, and the most it can be
    rows    the first row, and how many
    Gives the strides of the copy from row to row and along the inner axis.
    """
    begin, count, most = inner
    row, height = rows
    if left.contiguous == "column":
        stride = (-(-most // lanes) + 1) * lanes
        with b.loop(0, height) as down:
            line = b.offset(sliver, b.mul(down.index, stride), kind)

            def copy(k: Value, mask: Value | None) -> None:
                place, below = b.add(k, begin), b.add(row, down.index)
                values = left.read(b, below, place, "column", lanes, mask)
                b.store(values, b.offset(line, k, kind))

            whole = b.binary("and", b.number(count), b.number(-lanes))
            with b.loop(0, whole, lanes) as loop:
                copy(loop.index, None)
            if not isinstance(count, int) or count % lanes:
                with b.loop(whole, count, lanes) as rest:
                    copy(rest.index, tail_mask(b, lanes, count, rest.index))
        return stride, 1
    return 1, pack_panels(b, left, lanes, (begin, count), ([row], height), (sliver, 0), kind)


def pack_panels(
    b: Builder,
    left: Operand,
    lanes: int,
    inner: Range,
    rows: tuple[Sequence[Value], int],
    slivers: tuple[Value, int],
    kind: str,
) -> int:
    """Copy panels of rows of a left operand whose columns lie along the rows.

    inner     where the block of the inner axis begins, and its length
    rows      the first row of each panel, and how many all have
    slivers   where the copies go: the first one, and from one to the next

    Rows that follow each other lie in one line of memory, and the next step of the inner axis far
    away: so what several panels need of a step is read at once. Gives the copies' stride along the
    inner axis.
    """
    starts, height = rows
    begin, count = inner
    piece = min(lanes, 1 << (height - 1).bit_length())
    stride = -(-height // piece) * piece
    with b.loop(0, count) as loop:
        place, line = b.add(loop.index, begin), b.mul(loop.index, stride)
        for j, start in enumerate(starts):
            copy = b.offset(slivers[0], b.add(line, j * slivers[1]), kind)
            for r in range(0, height, piece):
                mask = b.first(piece, b.number(height - r)) if height - r < piece else None
                values = left.read(b, b.add(start, r), place, "row", piece, mask)
                b.store(values, b.offset(copy, r, kind))
    return stride


def pack_rows(
    b: Builder, left: Operand, inner: tuple[Index, Index, int], rows: tuple[Value, int], at: Value
) -> int:
    """Copy a panel of words of the left operand row by row; gives the stride of the copy.

    Rows are filled up with zeros to multiples of a tile's.
    """
    begin, count, most = inner
    row, height = rows
    if left.contiguous == "column":
        return pack_left(b, left, TILE, inner, rows, at, "i32")[0]
    stride = (-(-most // TILE) + 1) * TILE
    for r in range(0, height, TILE):
        with b.loop(0, count, TILE) as loop:
            block = []
            for j in range(TILE):
                k = b.add(loop.index, j)
                mask = None
                if not isinstance(count, int) or count % TILE:
                    mask = b.splat(b.icmp("slt", k, count), TILE)
                block.append(left.read(b, b.add(row, r), b.add(k, begin), "row", TILE, mask))
            place = b.offset(at, b.add(loop.index, r * stride), "i32")
            for i, words in enumerate(transposed(b, block)):
                b.store(words, b.offset(place, i * stride, "i32"), 4 * TILE)
    return stride


def pack_lines(
    b: Builder, operand: Operand, kind: str, lanes: int, shape: tuple[int, int, int], scratch: Value
) -> Operand:
    """Copy a matrix whose columns are contiguous so that its rows are.

    shape   its rows, its columns, and the distance from row to row in the copy, whose rows are
            filled up with zeros
    """
    rows, columns, stride = shape
    register = vector(kind, lanes)
    align = lanes * bits(kind) // 8

    def copy(row: Value, present: int) -> None:
        inside = None if present == lanes else b.first(lanes, b.number(present))
        with b.loop(0, columns, lanes) as loop:
            block = []
            for j in range(lanes):
                column = b.add(loop.index, j)
                mask = inside
                if columns % lanes:
                    exists = b.splat(b.icmp("slt", column, columns), lanes)
                    mask = exists if inside is None else b.binary("and", exists, inside)
                block.append(operand.read(b, row, column, "row", lanes, mask))
            place = b.offset(scratch, b.add(b.mul(row, stride), loop.index), kind)
            for i, values in enumerate(transposed(b, block)[:present]):
                b.store(values, b.offset(place, i * stride, kind), align)

    full, rest = rows // lanes * lanes, rows % lanes
    if full:
        with b.loop(0, full, lanes) as groups:
            copy(groups.index, lanes)
    if rest:
        copy(b.number(full), rest)

    def read(b: Builder, row: Value, column: Value, *_: object) -> Value:
        place = b.offset(scratch, b.add(b.mul(row, stride), column), kind)
        return b.load(register, place, align)

    return Operand(read, "column", Strided(scratch, stride, 1))
