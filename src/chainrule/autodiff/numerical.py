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
STEPS: Final = (4, 8)  # so many, and more only where these do not agree
AGREED: Final = 1e-11


def directional(
    f: Callable[[list[np.ndarray]], Arrays], point: Arrays, direction: Arrays
) -> list[np.ndarray]:
    """Estimate the derivative of f at a point in a direction, for each of its results.

    With a direction whose largest element is about 1, the steps go from 2⁻⁶ to 2⁻⁹, and on to 2⁻¹³
    unless the error is estimated to be below 1e−11 of the derivative's size everywhere; it is about
    that where f is smooth. A result that is not finite at any step is NaN.

    Cost:    eight or sixteen evaluations of f.
    Source:  ridders1982accurate
    """
    rows: list[list[np.ndarray]] = []
    found: list[tuple[np.ndarray, np.ndarray]] = []
    with np.errstate(all="ignore"):
        for count in STEPS:
            steps = [FIRST_STEP * 0.5**k for k in range(len(rows), count)]
            rows += [_difference(f, point, direction, step) for step in steps]
            found = [_extrapolate(list(column)) for column in zip(*rows, strict=True)]
            if all((error <= AGREED * abs(value)).all() for value, error in found):
                break
    return [value for value, _ in found]


def _difference(
    f: Callable[[list[np.ndarray]], Arrays], point: Arrays, direction: Arrays, step: float
) -> list[np.ndarray]:
    above = f([x + step * d for x, d in zip(point, direction, strict=True)])
    below = f([x - step * d for x, d in zip(point, direction, strict=True)])
    return [np.asarray((a - b) / (2 * step)) for a, b in zip(above, below, strict=True)]


def _extrapolate(differences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Neville's tableau in h²: the entry with the smallest estimate of its error, and that."""
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
    return best, smallest
