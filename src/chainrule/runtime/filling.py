"""One array of what a native program makes of block after block, in one call of machine code."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.runtime.memory import empty, placed
from chainrule.runtime.native import ARRAY_HEADER, Frame, NativeProgram, plain
from chainrule.runtime.team_calls import FILL, MOVING
from chainrule.runtime.threads import pool

__all__ = ["Filling", "Moving", "filling", "one_by_one"]

Array = np.ndarray[Any, Any]
_AT_ONCE: Final = 2**10  # blocks of a call of machine code: some tenths of a second at most
_WORD: Final = {name: k for k, name in enumerate(FILL)}


class Moving(NamedTuple):
    """An input that is another for each block.

    whole   has those of all blocks but the last behind each other, contiguous and aligned
    rows    how many of them a block takes; with 0, every block takes all
    last    the input of the last block, contiguous and aligned
    """

    whole: Array
    rows: int
    last: Array

    def block(self, number: int, count: int) -> Array:
        """The input of a block out of so many."""
        if number == count - 1 or not self.rows:
            return self.last
        return self.whole[self.rows * number :][: self.rows].reshape(self.last.shape)

    def part(self, first: int, count: int) -> Moving:
        """So many blocks from the first on, before the last one of all."""
        if not self.rows:
            return Moving(self.whole, 0, self.whole)
        inner = self.whole[self.rows * first :][: self.rows * count]
        return Moving(inner, self.rows, inner[-self.rows :].reshape(self.last.shape))

    def after(self, first: int) -> Moving:
        """The blocks from the first on."""
        return Moving(self.whole[self.rows * first :], self.rows, self.last)


class _Job(NamedTuple):
    """What a call tells the machine code: words, their address, and memory they lead to."""

    words: array[int]
    place: int
    spare: Array


class Filling:
    """A program that gives the outputs of block after block side by side.

    It is for programs that say that they ``fill``. Several threads may call it at once.

    fixed, moving   how many inputs are the same for all blocks, the first, and how many are not
    """

    __slots__ = (
        "dtype", "fixed", "height", "jobs", "moving", "program", "rest", "run", "width",
    )  # fmt: skip

    def __init__(self, program: NativeProgram, moving: int) -> None:
        _, (self.height, *self.rest), self.dtype = program.made[0]
        assert program.record is not None
        self.program, self.moving, self.fixed = program, moving, len(program.inputs) - moving
        self.width = math.prod(self.rest) * self.dtype.itemsize
        self.run = pool().prepare_fill(program.record)
        self.jobs: list[_Job] = []

    def __call__(
        self, count: int, fixed: Sequence[Array], moving: Sequence[Moving], begin: int
    ) -> Array:
        """Give so many rows; what would lie behind is left out.

        begin   the row from which on the output of the last block lies

        Raises:  CapacityError: there is no memory for what the program holds.
                 IndexingError: an index is outside of its axis.
        Cost:    4 µs, and 0.1 µs a block.
        """
        height, width = self.height, self.width
        blocks = 1 + -(-begin // height)
        whole, start = placed((count, *self.rest), self.dtype)
        flat = [plain(given) for given in fixed]
        job = self.jobs.pop() if self.jobs else self.new_job()
        frame = self.program.frame()
        done, step = 0, height * width
        while blocks - done > _AT_ONCE:  # between two calls, Ctrl-C is answered
            part = [m.part(done, _AT_ONCE) for m in moving]
            ends = _AT_ONCE, start + done * step, start + (done + _AT_ONCE - 1) * step, step
            if not self._fill(frame, job, ends, flat, part):
                break
            done += _AT_ONCE
        else:
            rest = min(height, count - begin) * width
            ends = blocks - done, start + done * step, start + begin * width, rest
            last = [m.after(done) for m in moving] if done else moving
            done += blocks if self._fill(frame, job, ends, flat, last) else 0
        frame.table[-1] = 0
        self.program.frames.append(frame)
        self.jobs.append(job)
        if done < blocks:  # NumPy's errors say what was wrong with the numbers
            return one_by_one(self.program.by_reference, count, flat, moving, height, begin)
        return whole

    def _fill(
        self,
        frame: Frame,
        job: _Job,
        ends: tuple[int, int, int, int],
        fixed: Sequence[Array],
        moving: Sequence[Moving],
    ) -> bool:
        """Fill some blocks; whether all of them could be.

        ends   their number, where the first one and the last one lie, and the bytes of the last
        """
        words, place, _ = job
        words[_BLOCKS], words[_START], words[_END], words[_REST] = ends
        word = len(FILL)
        for all_, rows, last in moving:
            words[word], words[word + 1] = id(all_), id(last)
            words[word + 2] = rows and rows * all_.strides[0]
            word += MOVING
        words[word : word + len(fixed)] = array("q", map(id, fixed))
        return self.run(frame.place, place) >= ends[0]

    def new_job(self, fixed: Sequence[Array] = ()) -> _Job:
        """The words of a call, but for what is another for each; with fixed inputs or without."""
        spare, address_of_spare = placed((self.height, *self.rest), self.dtype)
        held = len(FILL) + MOVING * self.moving  # where the table's entries are written down
        inputs = self.fixed + self.moving
        words = array("q", bytes(8 * (held + inputs)))
        place = words.buffer_info()[0]
        given = {
            "inputs": inputs, "held": place + 8 * held, "moving": self.moving,
            "header": ARRAY_HEADER, "output": self.program.made[0][0],
            "status": len(self.program.template), "step": self.height * self.width,
            "spare": address_of_spare,
        }  # fmt: skip
        for name, value in given.items():
            words[_WORD[name]] = value
        words[held : held + len(fixed)] = array("q", map(id, fixed))
        # The address of an input that moves is written where an object would have it.
        cells = [
            place + 8 * (len(FILL) + MOVING * k + 3) - ARRAY_HEADER for k in range(self.moving)
        ]
        words[held + self.fixed :] = array("q", cells)
        return _Job(words, place, spare)


def filling(program: object, moving: int) -> Filling | None:
    """A program as what fills an array, where it can, with so many inputs for each block."""
    if not isinstance(program, NativeProgram) or not program.fills:
        return None
    if program.filling is None or program.filling.moving != moving:
        program.filling = Filling(program, moving)
    return program.filling  # type: ignore[no-any-return]


def one_by_one(
    program: Callable[..., Sequence[Array]],
    count: int,
    fixed: Sequence[Array],
    moving: Sequence[Moving],
    rows: int,
    begin: int,
) -> Array:
    """So many rows, where each block is a call of a program; of several results one after another.

    rows    of a block
    begin   the row from which on the last block lies
    """
    blocks = 1 + -(-begin // rows)
    whole: Array | None = None
    for k in range(blocks):
        start = begin if k == blocks - 1 else k * rows
        made = program(*fixed, *[m.block(k, blocks) for m in moving])
        if whole is None:
            whole = empty((len(made), count, *made[0].shape[1:]), made[0].dtype)
        for part, new in zip(whole, made, strict=True):
            part[start : start + len(new)] = new[: count - start]
    assert whole is not None
    return whole if len(whole) > 1 else whole[0]


_BLOCKS: Final = _WORD["blocks"]
_START: Final = _WORD["start"]
_END: Final = _WORD["end"]
_REST: Final = _WORD["rest"]
