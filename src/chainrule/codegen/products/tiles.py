"""Products of bfloat16 in the processor's own tiles: AMX, or the same bits emulated.

A tile holds 16 rows of 64 bytes. One instruction multiplies 16 rows of 16 words of A and 16 rows of
words of B, as the panels have them, and adds them to 16 × 16 sums. Four tiles are sums, two are
of A and two of B, so that each that is read is used twice.

The products with the even places and those with the odd ones are added up apart over 16 words,
then to each other and to what was there.

Source:  intel2018hardware
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, constant, sequence
from chainrule.codegen.products.pairs import lower, upper
from chainrule.codegen.products.panels import TILE
from chainrule.codegen.products.prefetch import Ahead
from chainrule.codegen.products.unit import Inner, Unit

__all__ = ["Tiles", "emit_tiles", "tiles"]

_ROW: Final = TILE * 4
_WORDS, _SUMS = f"<{TILE} x i32>", f"<{TILE} x float>"


class Tiles(NamedTuple):
    """The tiles while they are in use: the processor's, or memory in their place.

    Tiles 0 to 3 are sums of ``height`` rows, 4 and 5 have as many rows of ``depth`` words, 6 and 7
    so many rows of 16 words.
    """

    b: Builder
    memory: Sequence[Value]
    height: int = TILE
    depth: int = TILE

    def load(self, tile: int, place: Value, stride: Index) -> None:
        """Read a tile whose rows are so many bytes apart."""
        b = self.b
        if not self.memory:
            operands = constant("i8", tile), place, b.number(stride)
            b.call("llvm.x86.tileloadd64", "void", *operands)
            return
        words = f"<{self.depth} x i32>" if tile in (4, 5) else _WORDS
        with b.loop(0, self._rows(tile)) as row:
            line = b.load(words, b.offset(place, b.mul(row.index, stride), "i8"))
            b.store(line, self._line(tile, row.index))

    def store(self, tile: int, place: Value, stride: int) -> None:
        """Write a tile."""
        b = self.b
        if not self.memory:
            operands = constant("i8", tile), place, b.number(stride)
            b.call("llvm.x86.tilestored64", "void", *operands)
            return
        with b.loop(0, self.height) as row:
            line = b.load(_WORDS, self._line(tile, row.index))
            b.store(line, b.offset(place, b.mul(row.index, stride), "i8"))

    def clear(self, tile: int) -> None:
        """Set a tile to zeros."""
        if not self.memory:
            self.b.call("llvm.x86.tilezero", "void", constant("i8", tile))
            return
        with self.b.loop(0, self._rows(tile)) as row:
            self.b.store(constant(_WORDS, 0), self._line(tile, row.index))

    def add_products(self, sums: int, left: int, right: int) -> None:
        """Add the product of two tiles to a third."""
        b = self.b
        if not self.memory:
            numbers = (constant("i8", tile) for tile in (sums, left, right))
            b.call("llvm.x86.tdpbf16ps", "void", *numbers)
            return
        zero = constant(_SUMS, 0)
        with b.loop(0, self.height) as row:
            words = self._line(left, row.index)
            with b.loop(0, self.depth, 1, (zero, zero)) as steps:
                word = b.splat(b.load("i32", b.offset(words, steps.index, "i32")), TILE)
                line = b.load(_WORDS, self._line(right, steps.index))
                halves = zip((lower, upper), steps.carried, strict=True)
                steps.next(*[b.fma(half(b, word), half(b, line), s) for half, s in halves])
            place = self._line(sums, row.index)
            b.store(b.fadd(b.load(_SUMS, place), b.fadd(*steps.results)), place)

    def _rows(self, tile: int) -> int:
        return self.depth if tile in (6, 7) else self.height

    def _line(self, tile: int, row: Value) -> Value:
        return self.b.offset(self.memory[tile], self.b.mul(row, _ROW), "i8")


@contextmanager
def tiles(b: Builder, how: str, height: int = TILE, depth: int = TILE) -> Iterator[Tiles]:
    """Take the tiles into use, and give them back."""
    if how != "amx":
        yield Tiles(b, [b.local(_WORDS, TILE) for _ in range(8)], height, depth)
        return
    shapes = b.local(_WORDS)
    b.store(sequence(_WORDS, _shapes(height, depth)), shapes)
    b.call("llvm.x86.ldtilecfg", "void", shapes)
    yield Tiles(b, (), height, depth)
    b.call("llvm.x86.tilerelease", "void")


def _shapes(height: int, depth: int) -> tuple[int, ...]:
    """Palette 1, then the bytes of a row and the rows of each of eight tiles."""
    wide, left = _ROW << 16 | _ROW, depth << 18 | depth << 2
    rows = (height * 0x01010101, height * 0x0101 | depth * 0x01010000)
    return (1, 0, 0, 0, wide, wide, left, wide, *[0] * 4, *rows, 0, 0)


def emit_tiles(
    unit: Unit,
    made: Tiles,
    inner: Inner,
    left: tuple[Value, int],
    number: Value,
    sums: Value,
    asks: Sequence[Ahead],
) -> None:
    """The sums of a panel of rows and one of columns over a block of the inner axis.

    left     where the words of the rows lie, and from one row to the next
    number   of the panel of columns in its block
    """
    b, room, (sliver, step) = unit.b, unit.room, left
    height, width = unit.plan.rows.size // TILE, unit.plan.columns.size
    stride = width * _ROW
    panel = b.offset(unit.scratch, b.mul(number, width * room.panel), "i32")
    places = {
        i * width + j: b.offset(sums, i * TILE * stride + j * _ROW, "i8")
        for i in range(height)
        for j in range(width)
    }
    _begin(b, made, inner, places, stride)
    with b.loop(0, inner.steps, TILE) as loop:
        for ask in asks:
            ask(b.binary("udiv", loop.index, b.number(TILE)))
        for i in range(height):
            for j in range(width):
                if i == 0:
                    place = b.offset(panel, b.add(b.mul(loop.index, TILE), j * room.panel), "i32")
                    made.load(6 + j, place, _ROW)
                if j == 0:
                    place = b.offset(sliver, b.add(loop.index, i * TILE * step), "i32")
                    made.load(4 + i, place, 4 * step)
                made.add_products(i * width + j, 4 + i, 6 + j)
    for tile, place in places.items():
        made.store(tile, place, stride)


def _begin(b: Builder, made: Tiles, inner: Inner, places: dict[int, Value], stride: int) -> None:
    """Zeros in the first block of the inner axis, what was there in the others."""
    for tile in places:
        made.clear(tile)
    if inner.first is not None:
        with b.when(b.icmp("eq", inner.first, 0)):
            for tile, place in places.items():
                made.load(tile, place, stride)
