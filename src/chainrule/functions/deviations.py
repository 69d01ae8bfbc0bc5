"""Squared distances from a mean, along rows that are too long to be subtracted at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

__all__: list[str] = []

Array = np.ndarray[Any, Any]

PIECE: Final = 8192
"""Numbers; OpenBLAS wakes threads for products of more than 10,000."""


def squared_distances(rows: Array, means: Array) -> Array:
    """The sums of squared distances of long rows from their means.

    What is subtracted stays in the cache until it is squared. And BLAS leaves its threads asleep:
    to wake them for one sum takes longer than to add it up, a thousand times as long where other
    programs have the processors.
    """
    spare, sums = np.empty(PIECE, rows.dtype), np.empty(len(rows), rows.dtype)
    for k, (row, mean) in enumerate(zip(rows, means, strict=True)):
        total = 0.0
        for start in range(0, len(row), PIECE):
            piece = row[start : start + PIECE]
            centered = np.subtract(piece, mean, spare[: len(piece)])
            total += float(centered.dot(centered))
        sums[k] = total
    return sums
