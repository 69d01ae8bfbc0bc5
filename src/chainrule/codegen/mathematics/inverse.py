"""Inverse trigonometric functions, for float64; float32 is computed in float64."""

from __future__ import annotations

import math

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics.constants import pieces
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, where
from chainrule.codegen.mathematics.reduction import PI

__all__ = ["acos", "asin", "atan", "atan2"]

_HALF_PI, _HALF_PI_REST = pieces(PI / 2, 53, 53)
_PI, _PI_REST = pieces(PI, 53, 53)
_TAN_EIGHTH = math.sqrt(2) - 1


def asin(x: Lanes) -> Lanes:
    """s + s³ P(s²) up to ½; beyond, π/2 − 2 asin √((1 − |x|)/2)."""
    a = abs(x)
    far, s, tail = _arc(a)
    y = where(far, (_HALF_PI_REST - (s + tail) * 2) + _HALF_PI, s + tail)
    return y.signed_as(x)


def acos(x: Lanes) -> Lanes:
    """2 asin √((1 − x)/2) from ½ on; π/2 − asin x around 0; π less the same of −x below −½."""
    far, s, tail = _arc(abs(x))
    twice = (s + tail) * 2
    outer = where(x < 0, (_PI_REST - twice) + _PI, twice)
    signed_s, signed_tail = s.signed_as(x), where(x < 0, -tail, tail)
    inner = _HALF_PI - (signed_s + (signed_tail - _HALF_PI_REST))
    return where(far, outer, inner)


def _arc(a: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Where a is above ½, the s whose arc is asked for, and asin s − s; NaN above 1."""
    far = a > 0.5
    square = where(far, (1 - a) * 0.5, a * a)
    s = where(far, square.apply("sqrt"), a)
    return far, s, s * square * polynomial(square, c.ASIN64)


def atan(x: Lanes) -> Lanes:
    """The arc whose tangent is x, as that of the point (1, |x|)."""
    a = abs(x)
    steep = a > 1
    smaller, larger = where(steep, 1, a), where(steep, a, 1)
    smaller = where(a.equals(math.inf), 0, smaller)
    larger = where(a.equals(math.inf), 1, larger)
    y = _octant(smaller, larger)
    return where(steep, (_HALF_PI_REST - y) + _HALF_PI, y).signed_as(x)


def atan2(y: Lanes, x: Lanes) -> Lanes:
    """The angle of the point (x, y), from −π to π."""
    a, b = abs(x), abs(y)
    steep = b > a
    smaller, larger = where(steep, a, b), where(steep, b, a)
    # Infinite and zero coordinates have the angles of finite ones with the same ratio.
    both = smaller.equals(math.inf)
    far, zero = larger.equals(math.inf), larger.equals(0)
    smaller = where(both, 1, where(far, where(smaller.is_nan, smaller, 0), smaller))
    larger = where(far | zero, 1, larger)
    # The sum of two large coordinates must not overflow, the difference of small ones not vanish.
    scale = where(larger > 2.0**1000, larger.constant(2.0**-60), 1)
    scale = where(larger < 2.0**-900, 2.0**100, scale)
    angle = _octant(smaller * scale, larger * scale)
    angle = where(steep, (_HALF_PI_REST - angle) + _HALF_PI, angle)
    left = x.as_integer() < 0
    angle = where(left, (_PI_REST - angle) + _PI, angle).signed_as(y)
    return where(x.compare("uno", "", y), x + y, angle)


def _octant(y: Lanes, x: Lanes) -> Lanes:
    """atan y/x for 0 ≤ y ≤ x: above tan π/8 it is π/4 + atan (y − x)/(y + x)."""
    upper = y > x * _TAN_EIGHTH
    t = where(upper, y - x, y) / where(upper, y + x, x)
    square = t * t
    arc = fma(square * t, polynomial(square, c.ATAN64), t)
    return where(upper, (arc + _HALF_PI_REST / 2) + _HALF_PI / 2, arc)
