"""Orders and splits that are pure functions of a seed.

Only Philox's raw bits are used: NumPy keeps those the same in every version, which it does not
promise for `Generator.permutation`.
"""

from typing import Any

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError

__all__ = ["permutation", "require_integer", "split_rows"]

_EPOCHS, _SPLITS = 0, 1  # Philox counters start here, so that no stream is used for two purposes


def permutation(count: int, seed: int, epoch: int) -> Array:
    """The order of `count` rows in an epoch: a pure function of the arguments.

    Raises:  ArgumentError: seed or epoch is not an integer from 0 to 2⁶⁴ − 1.
    Source:  salmon2011parallel

    >>> permutation(5, seed=0, epoch=0).tolist(), permutation(5, seed=0, epoch=1).tolist()
    ([0, 2, 1, 4, 3], [3, 2, 4, 1, 0])
    """
    require_integer("batches", "seed", seed, 0, 2**64 - 1)
    require_integer("batches", "epoch", epoch, 0, 2**64 - 1)
    return _shuffle(count, seed, epoch, _EPOCHS)


def split_rows(targets: Array, size: int, seed: int, stratified: bool) -> tuple[Array, Array]:
    """Split row numbers into `size` and the rest, each in rising order.

    Stratified: each class gives its share of `size`, rounded down; the rows still missing come
    from the classes with the largest remainders, the lower label first.

    >>> [part.tolist() for part in split_rows(np.array([0, 1, 0, 1]), 2, seed=0, stratified=True)]
    [[1, 2], [0, 3]]
    """
    require_integer("split", "seed", seed, 0, 2**64 - 1)
    order = _shuffle(len(targets), seed, 0, _SPLITS)
    if stratified:
        order = order[np.argsort(_places(targets[order], size), kind="stable")]
    return np.sort(order[:size]), np.sort(order[size:])


def _shuffle(count: int, seed: int, epoch: int, purpose: int) -> Array:
    key = np.array([seed, epoch], np.uint64)
    bits = np.random.Philox(key=key, counter=[0, 0, 0, purpose])
    return np.argsort(bits.random_raw(count), kind="stable")


def _places(labels: Array, size: int) -> Array:
    """0 for the rows that belong to the first part, 1 for the others; each class in row order."""
    _, class_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    exact = counts * size
    quota = exact // len(labels)
    largest = np.argsort(-(exact % len(labels)), kind="stable")
    quota[largest[: size - quota.sum()]] += 1
    by_class = np.argsort(class_of, kind="stable")
    rank = np.empty(len(labels), np.intp)  # how many rows of the same class come before this one
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return (rank >= quota[class_of]).astype(np.int8)


def require_integer(caller: str, name: str, value: Any, low: int, high: int | None = None) -> None:
    """Check that an argument is an integer from `low` to `high` (None: without end)."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_integer and low <= value and (high is None or value <= high):
        return
    possible = f"an integer from {low} on" if high is None else f"an integer from {low} to {high}"
    details = {name: repr(value), "possible": possible}
    raise ArgumentError(explanation(f"{caller}: {name} cannot be used", details))
