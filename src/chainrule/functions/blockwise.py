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
from chainrule.runtime.quiet import quietly

__all__: list[str] = []

Array = np.ndarray[Any, Any]
Program = Callable[..., list[Array]]

_SMALL, _LARGE = 2**13, 2**15  # numbers of a block
_MANY: Final = 2**16  # numbers from which on blocks are large


def block_rows(count: int, width: int, small: int = _SMALL) -> int:
    """How many rows of ``width`` numbers make a block, if there are ``count``."""
    return (_LARGE if count * width >= _MANY else small) // max(1, width)


def along(program: Program, fixed: Sequence[Array], x: Array, rows: int) -> Array:
    """The result of a program for fixed arrays and so many rows of x, for all rows of x.

    The last block begins earlier, so that it is whole: what it shares with the one before is
    computed twice, to the same bits.
    """
    count = len(x)
    starts = (*range(0, count - rows, rows), count - rows)
    return _joined(program, fixed, ((start, [x[start : start + rows]]) for start in starts), count)


def numbered(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for fixed arrays and the number of a block, up to so many rows."""
    blocks = ((k * rows, [np.array(k, np.uint64)]) for k in range(-(-count // rows)))
    return _joined(program, fixed, blocks, count)


def streamed(program: Program, arrays: Sequence[Array], count: int, rows: int) -> Array:
    """The results of a program for the place of a block in so many rows, and for some arrays.

    An array of so many rows comes in blocks, the last of them filled up; all others come whole.
    """

    def block(start: int) -> list[Array]:
        cut = [_filled(a[start : start + rows], rows) if len(a) == count else a for a in arrays]
        return [*cut, np.array(start, np.uint64)]

    return _joined(program, (), ((k, block(k)) for k in range(0, count, rows)), count)


def paired(program: Program, fixed: Sequence[Array], count: int, rows: int) -> Array:
    """The two results of a program for the place of a block in so many rows, one behind another."""

    def run() -> Array:
        whole: Array | None = None
        for start in range(0, count, rows):
            pair = program(*fixed, np.array(start, np.uint64))
            if whole is None:
                whole = empty((2, count), pair[0].dtype)
            for half, made in zip(whole, pair, strict=True):
                half[start : start + rows] = made[: count - start]
        assert whole is not None
        return whole.reshape(-1)

    return quietly(run)  # type: ignore[no-any-return]


def _filled(block: Array, rows: int) -> Array:
    return block if len(block) == rows else np.resize(block, rows)


def _joined(
    program: Program,
    fixed: Sequence[Array],
    blocks: Iterable[tuple[int, Sequence[Array]]],
    count: int,
) -> Array:
    """What a program makes of blocks that begin at some rows, as one array of so many rows."""

    def run() -> Array:
        whole: Array | None = None
        for start, block in blocks:
            (made,) = program(*fixed, *block)
            if len(made) >= count:
                return made[:count]
            if whole is None:
                whole = empty((count, *made.shape[1:]), made.dtype)
            whole[start : start + len(made)] = made[: count - start]
        assert whole is not None
        return whole

    return quietly(run)  # type: ignore[no-any-return]
