"""A shuffle for data larger than memory, which reads blocks of rows that lie together.

Reading rows at random from a large file costs a disk access each. So an epoch visits the file's
blocks of consecutive rows in random order, some of them at a time: the rows of these, the window,
are in memory and are visited in random order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from chainrule.data.order import Purpose, require_seed, shuffled
from chainrule.data.rows import Array, Examples, Footprint, mapped_bytes, release, row_bytes

__all__ = ["BlockOrder", "WindowReader", "block_order", "is_larger_than_memory"]

_BLOCK_BYTES = 2**18  # long enough for a disk to stream, short enough to mix many in a window
_WINDOW_BYTES = 2**26
_LARGE = 2**30  # bytes; the same on each machine, so that the order is, too


def is_larger_than_memory(examples: Examples) -> bool:
    """Whether the examples are mapped files of so many bytes that rows cannot be read at random.

    >>> is_larger_than_memory(np.zeros(3))
    False
    """
    # A part of a large file may be small; the windows of a text are larger than their file.
    return min(mapped_bytes(examples), len(examples) * row_bytes(examples)) >= _LARGE


def block_order(examples: Examples, seed: int, epoch: int) -> "BlockOrder":
    """The order of an epoch, with blocks of about 256 kB and windows of about 64 MB."""
    require_seed("batches", seed, epoch)
    rows = max(1, _BLOCK_BYTES // max(1, row_bytes(examples)))
    window = max(1, _WINDOW_BYTES // max(1, rows * row_bytes(examples)))
    return BlockOrder(len(examples), rows, window, seed, epoch)


@final
@dataclass(frozen=True)
class BlockOrder:
    """The order of rows in an epoch: a pure function of the fields.

    count   the number of rows
    rows    in a block (the last may have fewer)
    window  the number of blocks whose rows are mixed

    >>> order = BlockOrder(count=8, rows=2, window=2, seed=0, epoch=1)
    >>> [order.visited(number).tolist() for number in range(len(order))]
    [[5, 3, 2, 4], [6, 0, 1, 7]]
    """

    count: int
    rows: int
    window: int
    seed: int
    epoch: int

    @cached_property
    def blocks(self) -> Array:
        """The numbers of the blocks, in the order in which windows take them."""
        return shuffled(-(-self.count // self.rows), self.seed, self.epoch, Purpose.BLOCKS)

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.ends)

    @cached_property
    def ends(self) -> Array:
        """For each window, how many rows have been visited at its end."""
        sizes = np.minimum((self.blocks + 1) * self.rows, self.count) - self.blocks * self.rows
        windows = np.arange(0, len(sizes), self.window)
        return np.cumsum(np.add.reduceat(sizes, windows)) if len(windows) else windows

    def spans(self, number: int) -> list[slice]:
        """The rows of a window, block by block, in the order of the file."""
        blocks = np.sort(self.blocks[number * self.window : (number + 1) * self.window])
        return [
            slice(int(block) * self.rows, min((int(block) + 1) * self.rows, self.count))
            for block in blocks
        ]

    def mixed(self, number: int) -> Array:
        """In which order a window's rows, numbered as its spans give them, are visited."""
        size = int(self.ends[number] - (self.ends[number - 1] if number else 0))
        return shuffled(size, self.seed, self.epoch, Purpose.WINDOW, number)

    def visited(self, number: int) -> Array:
        """The row numbers of a window in the order in which they are visited."""
        spans = [np.arange(span.start, span.stop) for span in self.spans(number)]
        return np.concatenate(spans)[self.mixed(number)]

    def order(self) -> Array:
        """All row numbers in the order in which they are visited."""
        none = np.zeros(0, np.intp)
        return np.concatenate([none, *(self.visited(number) for number in range(len(self)))])


@final
class WindowReader:
    """The rows of a data set in the order of an epoch, holding no more than a window of them."""

    def __init__(self, order: BlockOrder, examples: Examples, targets: Examples) -> None:
        self._order, self._examples, self._targets = order, examples, targets
        self._number = -1
        self._held: tuple[Array, Array] = (np.empty(0), np.empty(0))

    def read(self, first: int, last: int) -> tuple[Array, Array]:
        """The stored examples and targets that are visited from number `first` to before `last`."""
        pieces = list(self._pieces(first, last))
        if len(pieces) == 1:
            return pieces[0]
        inputs, targets = zip(*pieces, strict=True)
        return np.concatenate(inputs), np.concatenate(targets)

    def _pieces(self, first: int, last: int) -> Iterator[tuple[Array, Array]]:
        while first < last:
            number = int(np.searchsorted(self._order.ends, first, side="right"))
            if number != self._number:
                self._load(number)
            end = int(self._order.ends[number])
            begin = end - len(self._mixed)
            here = self._mixed[first - begin : min(last, end) - begin]
            yield self._held[0][here], self._held[1][here]
            first = min(last, end)

    def _load(self, number: int) -> None:
        self._held = (np.empty(0), np.empty(0))  # the old window goes before the new one comes
        self._number, self._mixed = number, self._order.mixed(number)
        spans = self._order.spans(number)
        self._held = (_joined(self._examples, spans), _joined(self._targets, spans))


def _joined(examples: Examples, spans: list[slice]) -> Array:
    """Copy spans of rows into memory; their pages are let go."""
    size = sum(span.stop - span.start for span in spans)
    result = np.empty((size, *examples.shape[1:]), examples.dtype)
    first, footprint = 0, Footprint(examples)
    for span in spans:
        last = first + span.stop - span.start
        result[first:last] = footprint.read(span)
        first = last
    release(examples)
    return result
