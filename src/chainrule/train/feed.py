"""The batches of a training, one after another, from any place on."""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from chainrule.data.augmentation import keys_for
from chainrule.data.prefetch import prefetch
from chainrule.data.whole import Whole
from chainrule.train.progress import Progress
from chainrule.train.task import Task

__all__ = ["Batch", "Numbers", "feed", "row_numbers"]

_Array = npt.NDArray[Any]


class Batch(NamedTuple):
    """What one step is taken on.

    inputs, targets  as the data set gives them; the step standardizes inputs that are as stored
    turn, number     how often the data were gone through before, and the place in this turn
    keys             a random key for each example, if they are augmented
    """

    inputs: _Array
    targets: _Array
    turn: int
    number: int
    keys: _Array | None


def feed(task: Task, start: Progress) -> Generator[Batch, None, None]:
    """Give the batches of the steps that are left.

    Where steps_per_epoch is given, an epoch goes on with the data where the one before ended; the
    order is drawn anew whenever all have been seen.
    """
    batches = _batches(task, start.at(task.batches))
    return prefetch(batches, task.prefetch)


def _batches(task: Task, step: int) -> Iterator[Batch]:
    in_turn = task.data.batch_count(task.batch)
    while step < task.total_steps:
        turn, first = divmod(step, in_turn)
        last = min(in_turn, first + task.total_steps - step)
        order = task.data.order(task.seed, turn) if task.augment else None
        as_stored = task.data.preparation_in_program is not None
        going = task.data.batches(task.batch, task.seed, turn, first, as_stored=as_stored)
        for number, (inputs, targets) in zip(range(first, last), going, strict=False):
            keys = None
            if order is not None:
                keys = keys_for(task.seed, turn, _slice(order, task.batch, number))
            yield Batch(_frozen(inputs), _frozen(targets), turn, number, keys)
        step += last - first


@final
class Numbers:
    """Which rows the steps of a training take, for data whose rows can be read at any time."""

    def __init__(self, task: Task, examples: Whole) -> None:
        self._task, self._examples = task, examples
        self._in_turn = task.data.batch_count(task.batch)
        self._turn, self._order = -1, np.zeros(0, np.int64)

    def batch(self, step: int) -> Batch:
        """Give the batch of a step."""
        turn, number = self._place(step)
        rows = _slice(self._order, self._task.batch, number)
        places, (inputs, targets, _) = self._examples.places(rows), self._examples
        keys = self._keys(turn, rows)
        return Batch(_frozen(inputs[places]), _frozen(targets[places]), turn, number, keys)

    def rows(self, step: int, count: int) -> tuple[_Array, _Array | None]:
        """Give the places in the arrays and the random keys of as many steps: s b and s b 2."""
        turn, number = self._place(step)
        size = self._task.batch
        rows = self._order[number * size : (number + count) * size].reshape(count, size)
        return _frozen(self._examples.places(rows)), self._keys(turn, rows)

    def targets(self, places: _Array) -> _Array:
        """Give the targets of what ``rows`` gives."""
        return self._examples.targets[places]

    def _place(self, step: int) -> tuple[int, int]:
        turn, number = divmod(step, self._in_turn)
        if turn != self._turn:
            self._turn, self._order = turn, _frozen(self._task.data.order(self._task.seed, turn))
        return turn, number

    def _keys(self, turn: int, rows: _Array) -> _Array | None:
        return _frozen(keys_for(self._task.seed, turn, rows)) if self._task.augment else None


def row_numbers(task: Task, batch: Batch) -> _Array:
    """Give the row numbers of the examples of a batch."""
    return _slice(task.data.order(task.seed, batch.turn), task.batch, batch.number)


def _slice(order: _Array, size: int, number: int) -> _Array:
    return np.asarray(order[number * size : (number + 1) * size])


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False  # a batch is ours alone, and what is read-only is not copied
    return array
