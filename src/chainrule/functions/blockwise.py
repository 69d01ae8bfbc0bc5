"""Large arrays outside of any recording, block by block through one compiled program.

What takes ten steps reads and writes all numbers ten times, and each step of Python costs as much
as thousands of numbers. So a program that is compiled once for a block of rows runs on one block
after another, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.runtime.filling import Moving, filling, one_by_one
from chainrule.runtime.native import plain
from chainrule.runtime.quiet import quietly

__all__: list[str] = []

Array = np.ndarray[Any, Any]
Program = Callable[..., list[Array]]

BLOCK: Final = 2**13
"""Numbers of a block, if there are very many."""


def along(program: Program, fixed: Sequence[Array], x: Array, rows: int) -> Array:
    """The result of a program for fixed arrays and so many rows of x, for all rows of x.

    The last block begins earlier, so that it is whole: what it shares with the one before is
    computed twice, to the same bits.
    """
    whole, begin = plain(x), len(x) - rows
    return _side_by_side(program, len(x), fixed, [Moving(whole, rows, whole[begin:])], rows, begin)


def numbered(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for fixed arrays and the number of a block, up to so many rows."""
    blocks = -(-count // rows)
    numbers = Moving(np.arange(blocks, dtype=np.uint64), 1, np.array(blocks - 1, np.uint64))
    return _side_by_side(program, count, fixed, [numbers], rows, (blocks - 1) * rows)


def paired(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The two results of a program for the place of a block in so many rows, one behind another."""
    starts, begin = _starts(count, rows)
    return _side_by_side(program, count, fixed, [starts], rows, begin).reshape(-1)


def streamed(program: Program, arrays: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for some arrays and the place of a block among so many rows.

    An array of so many rows comes in blocks, the last of them filled up; all others come whole.
    """
    starts, begin = _starts(count, rows)
    given = [
        Moving(a, rows, _filled(a[begin:], rows)) if len(a) == count else Moving(a, 0, a)
        for a in map(plain, arrays)
    ]
    return _side_by_side(program, count, (), [*given, starts], rows, begin)


def _starts(count: int, rows: int) -> tuple[Moving, int]:
    """Where blocks begin, one after another, and where the last one does."""
    begin = (count - 1) // rows * rows
    return Moving(np.arange(0, count, rows, dtype=np.uint64), 1, np.array(begin, np.uint64)), begin


def _filled(block: Array, rows: int) -> Array:
    return block if len(block) == rows else np.resize(block, rows)


def _side_by_side(
    program: Program,
    count: int,
    fixed: Sequence[Array],
    moving: Sequence[Moving],
    rows: int,
    begin: int,
) -> Array:
    """What a program makes of blocks of so many rows; of several results one behind another.

    begin   the row from which on the last block lies
    """
    fill = filling(program, len(moving))
    if fill is not None:
        return fill(count, fixed, moving, begin)
    return quietly(one_by_one, program, count, fixed, moving, rows, begin)
