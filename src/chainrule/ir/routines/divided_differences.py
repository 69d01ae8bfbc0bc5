"""Divided differences of powers and of the logarithm, accurate where their points are close.

f[a, b] = (f(a) − f(b)) / (a − b) and f[a, b, c] = (f[a, b] − f[b, c]) / (a − c) lose all digits
where the points meet. There, with the mean m of the points and their deviations d from it,

f[a, b, …] = Σₖ f⁽ᵏ⁾(m)/k! · hₖ₋ₙ(d), where hⱼ is the sum of all products of j deviations,

for n + 1 points. Both ways have an error of a few units in the last place on their side of the
border, a spread of 1/16 of the largest point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

Array = np.ndarray

_SPREAD: Final = 1 / 16
_TERMS: Final = 13  # (1/16)¹³ is less than float64's rounding


def value(exponent: float | None, x: Array) -> Array:
    """x to a power, or log x where there is none."""
    with np.errstate(divide="ignore"):
        return np.log(x) if exponent is None else np.asarray(x**exponent)


def _coefficient(exponent: float | None, k: int, m: Array) -> Array:
    """f⁽ᵏ⁾(m) / k!: (p over k) mᵖ⁻ᵏ for a power, −(−1/m)ᵏ / k for the logarithm."""
    with np.errstate(divide="ignore"):
        if exponent is None:
            return np.asarray((-1.0) ** (k + 1) / k * m ** (-float(k)))
        binomial = 1.0
        for j in range(k):
            binomial *= (exponent - j) / (j + 1)
        return np.asarray(binomial * m ** (exponent - k)) if binomial else np.zeros_like(m)


def _series(exponent: float | None, points: Sequence[Array]) -> Array:
    mean = sum(points[1:], points[0]) / len(points)
    order = len(points) - 1
    # sums[j] is h of all deviations so far: h_k(d₁ … dₙ) = h_k(d₁ … dₙ₋₁) + dₙ h_{k−1}(d₁ … dₙ)
    sums = [np.ones_like(mean), *[np.zeros_like(mean)] * _TERMS]
    for point in points:
        for j in range(1, len(sums)):
            sums[j] = sums[j] + (point - mean) * sums[j - 1]
    total = np.zeros_like(mean)
    for j, h in enumerate(sums):
        coefficient = _coefficient(exponent, order + j, mean)
        total += np.where(h == 0, 0, np.where(h == 0, 1, coefficient) * h)
    return total


def first_difference(exponent: float | None, a: Array, b: Array) -> Array:
    """f[a, b] of points that are not negative; they broadcast."""
    a, b = np.broadcast_arrays(a, b)
    close = np.abs(a - b) <= _SPREAD * np.maximum(a, b)
    gap = np.where(close, 1, a - b)
    with np.errstate(invalid="ignore"):
        quotient = (value(exponent, a) - value(exponent, b)) / gap
    middle = np.where(close, a, 1)
    series = _series(exponent, [middle, np.where(close, b, 1)])
    return np.where(close, series, quotient).astype(a.dtype, copy=False)


def second_difference(exponent: float | None, a: Array, b: Array, c: Array) -> Array:
    """f[a, b, c] of points that are not negative; they broadcast."""
    low, middle, high = np.sort(np.stack(np.broadcast_arrays(a, b, c)), axis=0)
    close = high - low <= _SPREAD * high
    gap = np.where(close, 1, high - low)
    with np.errstate(invalid="ignore"):
        upper = first_difference(exponent, middle, high)
        quotient = (upper - first_difference(exponent, low, middle)) / gap
    series = _series(exponent, [np.where(close, x, 1) for x in (low, middle, high)])
    return np.where(close, series, quotient).astype(low.dtype, copy=False)
