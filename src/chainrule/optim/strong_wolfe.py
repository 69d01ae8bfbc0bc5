"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.optim.line_search import LineSearch, Point, Ray
from chainrule.optim.minimum import require_count

__all__ = ["StrongWolfe"]

_NEAREST, _FARTHEST = 1.1, 4.0  # how far to go on, in units of the last step
_EDGE = 0.1  # the share of an interval that is left free at each of its ends
_SHRUNK = 0.66  # by which an interval must shrink in two steps, or it is halved


@final
@dataclass(frozen=True)
class StrongWolfe(LineSearch):
    """Find a length that decreases the function enough and leaves a flat slope.

    φ(α) = f(x + α p);   φ(α) ≤ φ(0) + c₁ α φ′(0)   and   |φ′(α)| ≤ c₂ |φ′(0)|

    The length grows until an interval must hold such a point; the interval then shrinks around it.
    The next length is the minimizer of the cubic through the values and slopes at two lengths,

    d₁ = φ′(a) + φ′(b) − 3 (φ(a) − φ(b)) / (a − b),   d₂ = sign(b − a) √(d₁² − φ′(a) φ′(b))
    α = b − (b − a) (φ′(b) + d₂ − d₁) / (φ′(b) − φ′(a) + 2 d₂)

    kept away from the ends of an interval by a tenth of it, and while the length grows, between
    1.1 and 4 times the last step ahead. An interval that two steps have not shrunk to 0.66 of its
    width is halved. Where φ is not finite the length is too large. Values are compared up to what
    rounding hides, 10⁻¹² |φ(0)| or in float32 10⁻⁶ |φ(0)|, so that near a minimum the slope
    decides. Each of the two stages takes at most ``most`` evaluations; after them it gives the
    lowest point with enough decrease.

    Raises:  ArgumentError: not 0 < c1 < c2 < 1.
    Source:  nocedal2006numerical, alg. 3.5 and 3.6, eq. 3.59; more1994line;
             hager2005new

    >>> loss = lambda x: cr.sum(x ** 4)
    >>> found = StrongWolfe()(loss, cr.tensor([1.0]), cr.tensor([-4.0]))
    >>> found.value <= 1 - 1e-4 * 16 * found.length, abs(found.slope) <= 0.9 * 16
    (True, True)
    """

    c1: float = 1e-4
    c2: float = 0.9
    most: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.c1 < self.c2 < 1:
            raise ArgumentError(
                f"StrongWolfe: c1={self.c1} and c2={self.c2}; it must be 0 < c1 < c2 < 1"
            )
        require_count("StrongWolfe", 1, most=self.most)

    def along(self, ray: Ray, first: float) -> Point | None:
        """Search along a ray that leads down."""
        before, point = ray.start, ray.at(first)
        for _ in range(self.most):
            if self._is_good(ray, point):
                return point
            if not self._is_low(ray, point) or self._is_higher(ray, point, before):
                return self._between(ray, before, point)
            if point.slope >= 0:
                return self._between(ray, point, before)
            length = _ahead(before, point)
            if not math.isfinite(length):
                break
            before, point = point, ray.at(length)
        return point if self._is_low(ray, point) else before

    def _between(self, ray: Ray, low: Point, high: Point) -> Point | None:
        """Shrink an interval: low is the best end so far, and φ goes down from it to high."""
        widths = [math.inf, math.inf]
        for _ in range(self.most):
            width = high.length - low.length
            shrinks = abs(width) <= _SHRUNK * widths[-2]
            widths.append(abs(width))
            length = _inside(low, high) if high.is_finite and shrinks else math.nan
            if math.isnan(length):
                length = low.length + width / 2
            if length in (low.length, high.length):
                break
            point = ray.at(length)
            if self._is_good(ray, point):
                return point
            if not self._is_low(ray, point) or self._is_higher(ray, point, low):
                high = point
                continue
            if point.slope * width >= 0:
                high = low
            low = point
        return low if low.length > 0 else None

    def _is_low(self, ray: Ray, point: Point) -> bool:
        start = ray.start
        wanted = start.value + self.c1 * point.length * start.slope
        return point.is_finite and point.value <= wanted + ray.noise

    def _is_higher(self, ray: Ray, point: Point, other: Point) -> bool:
        return point.value > other.value + ray.noise

    def _is_good(self, ray: Ray, point: Point) -> bool:
        is_flat = point.is_finite and abs(point.slope) <= -self.c2 * ray.start.slope
        return is_flat and self._is_low(ray, point)


def _ahead(before: Point, point: Point) -> float:
    """Where to look next while the function still falls."""
    step, guess = point.length - before.length, _cubic(before, point)
    farthest = point.length + _FARTHEST * step
    if math.isnan(guess):
        return farthest
    return min(max(guess, point.length + _NEAREST * step), farthest)


def _inside(low: Point, high: Point) -> float:
    """Where to look next between two lengths; nan if their cubic has no minimizer."""
    guess, width = _cubic(low, high), high.length - low.length
    near, far = sorted((low.length + _EDGE * width, high.length - _EDGE * width))
    return guess if math.isnan(guess) else min(max(guess, near), far)


def _cubic(a: Point, b: Point) -> float:
    """The minimizer of the cubic through two values and slopes; nan if there is none."""
    width = b.length - a.length
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return math.nan
    d2 = math.copysign(math.sqrt(square), width)
    below = b.slope - a.slope + 2 * d2
    return b.length - width * (b.slope + d2 - d1) / below if below else math.nan
