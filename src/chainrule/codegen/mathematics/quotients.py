"""Quotients of many numbers by the same one: a product with its reciprocal, put right."""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.assembly.values import lanes
from chainrule.codegen.mathematics.lanes import Lanes, fma, unless, where

__all__ = ["Divisor", "divisor", "quotient"]

_LARGEST: Final = 2.0**60
"""Up to here a divisor's reciprocal is far from the smallest numbers."""


class Divisor(NamedTuple):
    """A number to divide by, its reciprocal, and whether products with that serve."""

    number: Lanes
    reciprocal: Lanes
    serves: Lanes


def divisor(number: Lanes) -> Divisor:
    """What quotients by a number take; from 1 on nothing overflows on the way."""
    size = abs(number)
    return Divisor(number, 1 / number, (size >= 1) & (size <= _LARGEST))


def quotient(x: Lanes, by: Divisor) -> Lanes:
    """x/d: x·(1/d) is off by 1.5 units at most, and the remainder puts that right (Markstein).

    A remainder too small for a number is none, so that of x < 2⁻¹⁰² in float32 the product stays.

    Source:  markstein1990computation
    """
    number, reciprocal = (_in_lanes(n, x) for n in (by.number, by.reciprocal))
    first = x * reciprocal
    rest = fma(-first, number, x)
    better = fma(rest, reciprocal, first)
    off = rest.compare("one", "", 0)  # not where x is infinite or a signed zero: so is the product
    better = where(off, better, first)
    return unless(~by.serves, better, lambda: x / number)


def _in_lanes(number: Lanes, model: Lanes) -> Lanes:
    return Lanes(number.b, number.b.splat(number.value, lanes(model.kind)))
