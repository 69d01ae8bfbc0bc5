"""Asking for memory ahead of time, one line at each step of a register tile.

What a tile needs comes from near caches. What later tiles need lies in rows that are far apart,
which processors do not foresee: waiting for it would take as long as computing. So every step of
the inner axis asks for one line of the panels to come, at the cost of a load that is free there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chainrule.codegen.llvm import Builder, Index, Value, bits
from chainrule.codegen.products.split import minimum

__all__ = ["Ahead", "ahead", "ahead_of_results"]

Ahead = Callable[[Value], None]

_LINE: Final = 64


def ahead(
    b: Builder,
    kind: str,
    origin: Value,
    strides: tuple[int, int],
    extent: tuple[int, int],
    tile: Value,
    tiles: int,
    chunk: int,
) -> Ahead:
    """Ask for a block of an operand, a share of it in each of so many tiles.

    strides   of the block along the inner axis and across it, in elements
    extent    of the block, likewise
    """
    steps, width = extent
    along, across = strides
    line = _LINE * 8 // bits(kind)
    turns = max(steps // chunk, 1)
    if along == 1:
        pieces, each = (
            -(-(steps + line - 1) // line),
            width,
        )  # lines along the inner axis, each of so many
        far, near = across, line
    else:
        pieces, each = -(-width // line), steps
        far, near = line * across, along
        return _spread(b, kind, origin, (far, near), (pieces, each), tile, tiles, turns)
    return _spread(b, kind, origin, (far, near), (each, pieces), tile, tiles, turns)


def _spread(b, kind, origin, strides, counts, tile, tiles, turns):
    """counts[0] rows of counts[1] lines, over tiles x turns"""
    far, near = strides
    rows, lines = counts
    per = max(1, -(-rows * lines // (tiles * turns)))  # lines a turn
    share = -(-rows * lines // tiles)
    # a tile has `turns` turns of `per` lines: split rows among tiles
    asked = []
    first = b.mul(tile, share)
    total = rows * lines - 1

    def ask(t: Value) -> None:
        for n in range(per):
            number = b.number(minimum(b, b.add(b.add(first, b.mul(t, per)), n), total))
            row = b.binary("udiv", number, b.number(lines))
            column = b.sub(number, b.mul(row, lines))
            b.prefetch(b.offset(origin, b.add(b.mul(row, far), b.mul(column, near)), kind), 2)

    return ask


def ahead_of_results(
    b: Builder, kind: str, origin: Value, stride: int, shape: tuple[int, int], steps: int
) -> Ahead:
    """Ask for the memory that a tile's results will be written to: its rows of a few lines."""
    height, width = shape
    pieces = 1 << (width - 1).bit_length()
    shift = max((s for s in range(8) if height * pieces << s <= steps), default=0)
    line = _LINE * 8 // bits(kind)

    def ask(k: Value) -> None:
        step: Index = b.binary("lshr", k, b.number(shift))
        row = b.binary("lshr", step, b.number(pieces.bit_length() - 1))
        piece = b.binary("and", step, b.number(pieces - 1))
        place = b.add(b.mul(row, stride), b.mul(piece, line))
        b.prefetch(b.offset(origin, place, kind), 1, write=True)

    return ask
