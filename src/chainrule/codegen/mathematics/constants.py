"""Mathematical constants in pieces, and what is particular to each floating-point type."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

from chainrule.codegen.mathematics.lanes import Lanes

__all__ = ["DOUBLE", "FLOAT", "LN2", "Format", "format_of", "pieces"]

LN2: Final = Fraction(Decimal("0.69314718055994530941723212145817656807550013436025525412068"))


@cache
def pieces(number: Fraction, *digits: int) -> tuple[float, ...]:
    """A number as a sum of terms with so many binary digits each.

    Products of a term with an integer of few digits are then exact, with or without fma.
    """
    made = []
    for count in digits:
        unit = Fraction(2) ** (math.frexp(float(number))[1] - count)
        term = round(number / unit) * unit
        made.append(float(term))
        number -= term
    return tuple(made)


class Format(NamedTuple):
    """A floating-point type: bits of its fraction, bias of its exponent, and bounds.

    rounder   adding it rounds to an integer, which stands in the last bits of the sum
    ln2       ln 2 in two terms, the first exact when multiplied by an exponent
    overflow  the logarithm of the largest number, and so of the smallest normal one: underflow
    root      the bits of √½
    certain   above it 1 + e⁻ˣ and tanh x/2 are 1
    """

    fraction: int
    bias: int
    rounder: float
    ln2: tuple[float, ...]
    smallest: float
    overflow: float
    underflow: float
    root: int
    certain: float


FLOAT: Final = Format(
    fraction=23,
    bias=127,
    rounder=1.5 * 2.0**23,
    ln2=pieces(LN2, 15, 24),
    smallest=2.0**-126,
    overflow=88.7228317,
    underflow=-87.3365402,
    root=0x3F3504F3,
    certain=20.0,
)
DOUBLE: Final = Format(
    fraction=52,
    bias=1023,
    rounder=1.5 * 2.0**52,
    ln2=pieces(LN2, 40, 53),
    smallest=2.0**-1022,
    overflow=709.78271289338397,
    underflow=-708.39641853226408,
    root=0x3FE6A09E667F3BCD,
    certain=40.0,
)


def format_of(x: Lanes) -> Format:
    """The format of the elements."""
    return DOUBLE if x.bits == 64 else FLOAT
