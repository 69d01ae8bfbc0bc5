"""Asking for memory ahead of time, one line at each step of a register tile.

What a tile needs comes from near caches. What later tiles need lies in rows that are far apart,
which processors do not foresee: waiting for it would take as long as computing. So the steps
of the inner axis ask for the lines to come, one at a time: their loads leave room for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, bits
from chainrule.codegen.products.operands import Touched
from chainrule.codegen.products.split import minimum

__all__ = ["Ahead", "Share", "ahead", "ahead_of_results"]

Ahead = Callable[[Value], None]

_LINE: Final = 64


class Share(NamedTuple):
    """The tile of so many that share the asking, and how often each of them asks."""

    tile: Value
    tiles: int
    turns: int


def ahead(
    b: Builder,
    kind: str,
    origin: Value,
    strides: tuple[int, int],
    extent: tuple[int, int],
    share: Share,
) -> Ahead:
    """Ask for a block of an operand, some of its lines of memory in each tile.

    strides   of the block along the inner axis and across it, in elements; one of them is 1
    extent    of the block, likewise
    """
    lengthwise = strides[0] == 1
    runs, length = extent[::-1] if lengthwise else extent
    far = strides[1] if lengthwise else strides[0]
    own = -(-runs // share.tiles)
    first = b.number(minimum(b, b.mul(share.tile, own), runs - own))
    start = b.offset(origin, b.mul(first, far), kind)

    def ask(turn: Value) -> None:
        for place in _lines(b, turn, (far, kind), (own, length), share.turns):
            b.prefetch(b.offset(start, place, kind), 2)

    return ask


def ahead_of_results(
    b: Builder,
    touched: Sequence[Touched],
    corner: tuple[Value, Value],
    shape: tuple[int, int],
    turns: int,
) -> Ahead:
    """Ask for the memory that a tile's results will be put into, or together with.

    corner   the first row and column of the tile
    shape    its rows and columns
    turns    how often is asked for a line of each array, or several if they are too few
    """
    row, column = corner
    origins = [
        b.offset(t.where.pointer, b.add(b.mul(row, t.where.row_stride), column), t.kind)
        for t in touched
    ]

    def ask(turn: Value) -> None:
        away: dict[tuple[int, str], list[Value]] = {}
        for t, origin in zip(touched, origins, strict=True):
            key = t.where.row_stride, t.kind
            if key not in away:
                away[key] = _lines(b, turn, key, shape, turns)
            for place in away[key]:
                b.prefetch(b.offset(origin, place, t.kind), 2, write=t.written)

    return ask


def _lines(
    b: Builder, turn: Value, array: tuple[int, str], shape: tuple[int, int], turns: int
) -> list[Value]:
    """The elements of a tile, from its first one, whose lines are asked for at this turn."""
    stride, kind = array
    line = _LINE * 8 // bits(kind)
    pieces = 1 << (-(-shape[1] // line) - 1).bit_length()
    lines = shape[0] * pieces
    several = -(-lines // turns)
    shift = max((s for s in range(8) if lines << s <= turns), default=0)
    made = []
    for n in range(several):
        step = b.add(b.mul(turn, several), n) if several > 1 else turn
        step = b.binary("lshr", step, b.number(shift)) if shift else step
        row = b.binary("lshr", step, b.number(pieces.bit_length() - 1))
        piece = b.binary("and", step, b.number(pieces - 1))
        made.append(b.add(b.mul(row, stride), b.mul(piece, line)))
    return made
