"""Derivatives by differences: slow, approximate, and independent of every rule.

    f′(x)·d = (f(x + h d) − f(x − h d)) / 2h + O(h²)

The error is even in h, so Richardson's extrapolation to h = 0 gains two orders for every halving of
h. Each element takes the entry of the tableau that differs least from its neighbors: large steps
suffer from truncation (or reach over a kink), small ones from round-off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

Arrays = Sequence[np.ndarray]

FIRST_STEP: Final = 2.0**-6
HALVINGS: Final = 7


def directional(
    f: Callable[[list[np.ndarray]], Arrays], point: Arrays, direction: Arrays
) -> list[np.ndarray]:
    """Estimate the derivative of f at a point in a direction, for each of its results.

    With a direction whose largest element is about 1, the steps go from 2⁻⁶ to 2⁻¹³, and the
    error is about 1e−11 of the derivative's size where f is smooth. A result that is not finite at
    any step is NaN.

    Cost:    sixteen evaluations of f.
    Source:  ridders1982accurate
    """
    with np.errstate(all="ignore"):
        steps = [FIRST_STEP * 0.5**k for k in range(HALVINGS + 1)]
        rows = [_difference(f, point, direction, step) for step in steps]
        return [_extrapolate(list(column)) for column in zip(*rows, strict=True)]


def _difference(
    f: Callable[[list[np.ndarray]], Arrays], point: Arrays, direction: Arrays, step: float
) -> list[np.ndarray]:
    above = f([x + step * d for x, d in zip(point, direction, strict=True)])
    below = f([x - step * d for x, d in zip(point, direction, strict=True)])
    return [np.asarray((a - b) / (2 * step)) for a, b in zip(above, below, strict=True)]


def _extrapolate(differences: list[np.ndarray]) -> np.ndarray:
    """Neville's tableau in h²; the entry with the smallest estimate of its error, elementwise."""
    best = np.full(differences[0].shape, np.nan)
    smallest = np.full(differences[0].shape, np.inf)
    row = [differences[0]]
    for difference in differences[1:]:
        above, row = row, [difference]
        for order, previous in enumerate(above, start=1):
            left = row[-1]
            entry = left + (left - previous) / (4**order - 1)
            error = np.maximum(abs(entry - left), abs(entry - previous))
            better = error < smallest  # false where the error is NaN
            best = np.where(better, entry, best)
            smallest = np.where(better, error, smallest)
            row.append(entry)
    return best
