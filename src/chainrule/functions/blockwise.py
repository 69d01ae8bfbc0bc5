"""Large arrays outside of any recording, block by block through one compiled program.

What takes ten steps reads and writes all numbers ten times, and each step of Python costs as much
as thousands of numbers. So a program that is compiled once for a block of rows runs on one block
after another, however many there are. The last block begins earlier, so that it is whole: what two
blocks share is computed twice, to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.runtime.memory import empty
from chainrule.runtime.quiet import quietly

__all__: list[str] = []

Array = np.ndarray[Any, Any]

FEW: Final = 2**14
"""Numbers from which on it pays to run a program."""

_SMALL, _LARGE = 2**13, 2**15  # numbers of a block
_MANY: Final = 2**16  # numbers from which on blocks are large


def block_rows(count: int, width: int) -> int:
    """How many of ``count`` rows of ``width`` numbers make a block; 0 where it does not pay."""
    numbers = count * width
    rows = (_LARGE if numbers >= _MANY else _SMALL) // max(1, width)
    return rows if numbers >= FEW and rows > 0 else 0


def run_blocks(
    program: Callable[..., list[Array]],
    fixed: Sequence[Array],
    streams: Sequence[Array],
    rows: int,
) -> list[Array]:
    """Let a program for so many rows of each stream, after fixed arrays, run along the streams."""
    return quietly(_run_blocks, program, fixed, streams, rows)  # type: ignore[no-any-return]


def _run_blocks(
    program: Callable[..., list[Array]],
    fixed: Sequence[Array],
    streams: Sequence[Array],
    rows: int,
) -> list[Array]:
    count = len(streams[0])
    made: list[Array] = []
    for start in (*range(0, count - rows, rows), count - rows):
        end = start + rows
        parts = program(*fixed, *(stream[start:end] for stream in streams))
        made = made or [empty((count, *part.shape[1:]), part.dtype) for part in parts]
        for whole, part in zip(made, parts, strict=True):
            whole[start:end] = part
    return made
