"""Which rows go to which part: splits by shares, and folds for cross-validation.

Each is a pure function of a seed. Stratified, every class has its share of every part, rounded
up or down, while the parts have exactly their sizes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.order import Purpose, require_seed, shuffled
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError

__all__ = ["fold_rows", "part_sizes", "split_rows"]


def part_sizes(count: int, fractions: Any) -> list[int]:
    """How many of `count` rows go to each part: their shares, rounded so that none is left over.

    Raises:  ArgumentError: the fractions do not add up to 1, or a part would be empty.

    >>> part_sizes(11, (0.8, 0.1, 0.1))
    [9, 1, 1]
    """
    shares = np.asarray(fractions, np.float64)
    details: dict[str, object] = {"examples": count, "fractions": fractions}
    if not (shares.ndim == 1 and len(shares) > 1 and (shares > 0).all()):
        fact = "split: the fractions are not several positive numbers"
        raise ArgumentError(explanation(fact, details))
    if not np.isclose(shares.sum(), 1, rtol=0, atol=1e-6):
        details["sum"] = f"{shares.sum():g}"
        raise ArgumentError(explanation("split: the fractions do not add up to 1", details))
    exact = shares * count
    sizes = np.floor(exact + 1e-9).astype(np.intp)
    largest = np.argsort(-(exact - sizes), kind="stable")
    sizes[largest[: count - sizes.sum()]] += 1
    if not sizes.all():
        details["parts"] = ", ".join(str(size) for size in sizes)
        raise ArgumentError(explanation("split: a part is left without examples", details))
    return [int(size) for size in sizes]


def split_rows(targets: Array, sizes: Sequence[int], seed: int, stratified: bool) -> list[Array]:
    """Split row numbers into parts of these sizes, each in rising order.

    Two stratified parts: each class gives its share of the first, rounded down; the rows still
    missing come from the classes with the largest remainders, the lower label first. For more
    parts, see `round_table`.

    >>> [p.tolist() for p in split_rows(np.array([0, 1, 0, 1]), (2, 2), seed=0, stratified=True)]
    [[1, 2], [0, 3]]
    """
    require_seed("split", seed)
    order = shuffled(len(targets), seed, 0, Purpose.SPLIT)
    if stratified:
        order = order[np.argsort(_places(targets[order], sizes), kind="stable")]
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1])]


def fold_rows(targets: Array, k: int, seed: int, stratified: bool) -> list[Array]:
    """Deal the row numbers out to `k` folds, whose sizes differ by at most one.

    Stratified, the rows are dealt class by class, so that also the numbers of rows of one class
    differ by at most one.

    >>> [fold.tolist() for fold in fold_rows(np.array([0, 0, 0, 1, 1]), 2, 0, stratified=True)]
    [[1, 2, 3], [0, 4]]
    """
    require_seed("folds", seed)
    order = shuffled(len(targets), seed, 0, Purpose.FOLDS)
    if stratified:
        order = order[np.argsort(targets[order], kind="stable")]
    return [np.sort(order[first::k]) for first in range(k)]


def _places(labels: Array, sizes: Sequence[int]) -> Array:
    """The number of the part that each row belongs to; each class in row order."""
    _, class_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    quotas = _halves(counts, sizes) if len(sizes) == 2 else round_table(counts, np.array(sizes))
    by_class = np.argsort(class_of, kind="stable")
    place = np.empty(len(labels), np.int64)
    place[by_class] = np.repeat(np.tile(np.arange(len(sizes)), len(counts)), quotas.ravel())
    return place


def _halves(counts: Array, sizes: Sequence[int]) -> Array:
    """The quotas of two parts, by the largest remainders."""
    exact = counts * sizes[0]
    quota = exact // counts.sum()
    largest = np.argsort(-(exact % counts.sum()), kind="stable")
    quota[largest[: sizes[0] - quota.sum()]] += 1
    return np.stack([quota, counts - quota], axis=1)


def round_table(rows: Array, columns: Array) -> Array:
    """Round the table rows ⊗ columns / total up or down, so that its sums stay what they are.

    Each number that is no integer shares its row, and its column, with another such number, as
    the sums are integers. So they lie on cycles, and adding and taking off the same amount in
    turn along a cycle keeps all sums; the largest amount that takes no number past its next
    integers makes one of them an integer, until all are.

    Source:  cox1987constructive

    >>> round_table(np.array([5, 3, 2]), np.array([8, 1, 1])).tolist()
    [[4, 0, 1], [2, 1, 0], [2, 0, 0]]
    """
    total = int(rows.sum())
    exact = np.multiply.outer(rows, columns).astype(np.int64)
    whole, rest = exact // total, exact % total
    for row in range(len(rows)):  # settled rows stay settled, so only what is below can be open
        while rest[row].any():
            _settle(whole, rest, row, total)
    return whole


def _settle(whole: Array, rest: Array, row: int, total: int) -> None:
    """Shift along one cycle from this row, which makes at least one number an integer."""
    up, down = _cycle(rest, row)
    step = min(*(total - rest[place] for place in up), *(rest[place] for place in down))
    for place in down:
        rest[place] -= step
    for place in up:
        rest[place] += step
        if rest[place] == total:
            rest[place] = 0
            whole[place] += 1


def _cycle(rest: Array, row: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The places of open numbers on a cycle: those reached along a row, and along a column."""
    first, column = row, int(np.flatnonzero(rest[row])[0])
    seen: dict[int, int] = {}  # a column, and where on the way it was entered
    along_rows: list[tuple[int, int]] = []
    along_columns: list[tuple[int, int]] = []
    while column not in seen:
        seen[column] = len(along_columns)
        along_columns.append((row, column))
        column = next(int(c) for c in np.flatnonzero(rest[row]) if c != column)
        along_rows.append((row, column))
        row = next(r for r in range(first, len(rest)) if r != row and rest[r, column])
    up, down = along_rows[seen[column] :], along_columns[seen[column] :]
    twice = set(up) & set(down)  # where the way ends in the row that it started from
    return [p for p in up if p not in twice], [p for p in down if p not in twice]
