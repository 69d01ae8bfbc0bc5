"""Large arrays outside of any recording, block by block through one compiled program.

What takes ten steps reads and writes all numbers ten times, and each step of Python costs as much
as thousands of numbers. So a program that is compiled once for a block of rows runs on one block
after another, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.runtime.memory import empty
from chainrule.runtime.native import NativeProgram
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
    count = len(x)
    starts = (*range(0, count - rows, rows), count - rows)
    blocks = ((start, [x[start : start + rows]]) for start in starts)
    return quietly(_side_by_side, program, count, fixed, blocks)


def numbered(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for fixed arrays and the number of a block, up to so many rows."""
    blocks = ((k * rows, [np.array(k, np.uint64)]) for k in range(-(-count // rows)))
    return quietly(_side_by_side, program, count, fixed, blocks)


def paired(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The two results of a program for the place of a block in so many rows, one behind another."""
    blocks = ((start, [np.array(start, np.uint64)]) for start in range(0, count, rows))
    return quietly(_side_by_side, program, count, fixed, blocks).reshape(-1)


def streamed(program: Program, arrays: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for some arrays and the place of a block among so many rows.

    An array of so many rows comes in blocks, the last of them filled up; all others come whole.
    """

    def block(start: int) -> list[Array]:
        cut = [_filled(a[start : start + rows], rows) if len(a) == count else a for a in arrays]
        return [*cut, np.array(start, np.uint64)]

    blocks = ((start, block(start)) for start in range(0, count, rows))
    return quietly(_side_by_side, program, count, (), blocks)


def _filled(block: Array, rows: int) -> Array:
    return block if len(block) == rows else np.resize(block, rows)


def _side_by_side(
    program: Program,
    count: int,
    fixed: Sequence[Array],
    blocks: Iterable[tuple[int, Sequence[Array]]],
) -> Array:
    """What a program makes of blocks, from some rows on; of several results one behind another."""
    if isinstance(program, NativeProgram) and program.fills:
        return program.fill(count, fixed, blocks)
    whole: Array | None = None
    for start, block in blocks:
        made = program(*fixed, *block)
        if whole is None:
            whole = empty((len(made), count, *made[0].shape[1:]), made[0].dtype)
        for part, new in zip(whole, made, strict=True):
            part[start : start + len(new)] = new[: count - start]
    assert whole is not None
    return whole if len(whole) > 1 else whole[0]
