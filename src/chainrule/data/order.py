"""Orders that are pure functions of a seed.

Only Philox's raw bits are used: NumPy keeps those the same in every version, which it does not
promise for `Generator.permutation`.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError

__all__ = ["Purpose", "permutation", "random_words", "require_integer", "require_seed", "shuffled"]


class Purpose(IntEnum):
    """What random bits are for: Philox counts from here, so no stream is used for two purposes."""

    EPOCH = 0
    SPLIT = 1
    FOLDS = 2
    BLOCKS = 3
    WINDOW = 4
    AUGMENTATION = 5


def permutation(count: int, seed: int, epoch: int) -> Array:
    """The order of `count` rows in an epoch: a pure function of the arguments.

    Raises:  ArgumentError: seed or epoch is not an integer from 0 to 2⁶⁴ − 1.
    Source:  salmon2011parallel

    >>> permutation(5, seed=0, epoch=0).tolist(), permutation(5, seed=0, epoch=1).tolist()
    ([0, 2, 1, 4, 3], [3, 2, 4, 1, 0])
    """
    require_seed("batches", seed, epoch)
    return shuffled(count, seed, epoch, Purpose.EPOCH)


def shuffled(count: int, seed: int, epoch: int, purpose: Purpose, part: int = 0) -> Array:
    """The numbers from 0 to `count` − 1 in an order that follows from the other arguments."""
    return np.argsort(random_words(count, seed, epoch, purpose, part), kind="stable")


def random_words(count: int, seed: int, epoch: int, purpose: Purpose, part: int = 0) -> Array:
    """Independent random words of 64 bits."""
    key = np.array([seed, epoch], np.uint64)
    words: Array = np.random.Philox(key=key, counter=[0, 0, part, purpose]).random_raw(count)
    return words


def require_seed(caller: str, seed: Any, epoch: Any = 0) -> None:
    """Check that both are words of 64 bits."""
    require_integer(caller, "seed", seed, 0, 2**64 - 1)
    require_integer(caller, "epoch", epoch, 0, 2**64 - 1)


def require_integer(caller: str, name: str, value: Any, low: int, high: int | None = None) -> None:
    """Check that an argument is an integer from `low` to `high` (None: without end)."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_integer and low <= value and (high is None or value <= high):
        return
    possible = f"an integer from {low} on" if high is None else f"an integer from {low} to {high}"
    details = {name: repr(value), "possible": possible}
    raise ArgumentError(explanation(f"{caller}: {name} cannot be used", details))
