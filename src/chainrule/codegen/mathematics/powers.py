"""Powers and lengths.

xʸ = e^(y log |x|): the logarithm needs as many digits more as the exponent of the result has.
float32 takes them from float64; float64 works with pairs of numbers (high, low) whose sum is meant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics.constants import DOUBLE, pieces
from chainrule.codegen.mathematics.exponentials import reduced, scaled
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, two_product, where
from chainrule.codegen.mathematics.logarithms import decomposed

__all__ = ["hypot", "power"]

_PRODUCTS: Final[Mapping[int, Callable[[Lanes], Lanes]]] = {
    -1: lambda x: 1 / x,
    0: lambda x: x.constant(1),
    1: lambda x: x,
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    4: lambda x: (x * x) * (x * x),
}
_TWO_THIRDS = pieces(Fraction(2, 3), 53, 53)


def power(x: Lanes, y: Lanes) -> Lanes:
    """xʸ, with the limits of the C standard: x⁰ = 1ʸ = 1 even of NaN."""
    short = _of_known(x, y)
    if short is not None:
        return short
    size = _in_float64(x, y) if x.bits == 32 else _in_pairs(abs(x), y)
    size = where(abs(x).equals(1) | y.equals(0), 1, size)
    whole = y.apply("floor").equals(y)
    half = y * 0.5
    odd = whole & half.apply("floor").differs(half)
    sign = x.as_integer() & (-1 << (x.bits - 1))
    made = where(odd, (size.as_integer() ^ sign).as_real(), size)
    refused = (x < 0) & (x > -math.inf) & ~whole
    made = where(refused, x.constant(math.nan), made)
    return where(x.equals(1), 1, made)


def _of_known(x: Lanes, y: Lanes) -> Lanes | None:
    """Products for an exponent that is a small number known while writing."""
    if y.value.text[0] == "%":
        return None
    return next((made(x) for n, made in _PRODUCTS.items() if y.value == y.of(n)), None)


def _in_float64(x: Lanes, y: Lanes) -> Lanes:
    """|x|ʸ of float32, where float64 has digits to spare."""
    a, wide = abs(x).convert("fpext", "double"), y.convert("fpext", "double")
    e, m = decomposed(a)
    f = m - 1
    log = fma(e, math.log(2), fma(f * f, polynomial(f, c.LOG40), f))
    product = _limits(a, log) * wide
    n, r = reduced(_within(product, 300.0))
    part = fma(fma(polynomial(r, c.EXP40), r, 1), r, 1)
    return scaled(part, n).convert("fptrunc", "float")


def _limits(a: Lanes, log: Lanes) -> Lanes:
    """The logarithm of a ≥ 0 with its values at 0, ∞ and NaN."""
    return where(a < DOUBLE.smallest, -math.inf, where(a < math.inf, log, a))


def _within(x: Lanes, limit: float) -> Lanes:
    """x between −limit and limit; NaN stays."""
    x = where(x > limit, limit, x)
    return where(x < -limit, -limit, x)


def _in_pairs(a: Lanes, y: Lanes) -> Lanes:
    """aʸ of float64 for a ≥ 0."""
    high, low = _log_pair(a)
    known = (a >= DOUBLE.smallest) & (a < math.inf)
    product, rest = two_product(y, high)
    rest = fma(y, low, rest)
    product = where(known, product, _limits(a, high) * y)
    rest = where(known & (abs(product) < 1000), rest, 0)
    product = _within(product, 1000.0)
    n, r = reduced(product, 0, rest)
    made = scaled(fma(fma(polynomial(r, c.EXP64), r, 1), r, 1), n)
    made = where(product <= DOUBLE.overflow, made, product * math.inf)
    return where(product < DOUBLE.underflow, 0, made)


def _log_pair(a: Lanes) -> tuple[Lanes, Lanes]:
    """log a to 2⁻⁶⁵: e ln 2 + 2s + ⅔s³ + s⁵ P(s²) of s = f/(2 + f)."""
    e, m = decomposed(a)
    s, s_low = _ratio(m - 1)
    square, square_low = two_product(s, s)
    square_low = fma(s * 2, s_low, square_low)
    # ⅔ + s² P(s²), then times s³.
    tail = square * polynomial(square, c.ARTANH64)
    factor = tail + _TWO_THIRDS[0]
    factor_low = (_TWO_THIRDS[0] - factor) + tail + _TWO_THIRDS[1]
    cube, cube_low = two_product(square, s)
    cube_low = cube_low + fma(square, s_low, square_low * s)
    more, more_low = two_product(cube, factor)
    more_low = more_low + fma(cube, factor_low, cube_low * factor)
    twice = s * 2
    inner = twice + more
    inner_low = (twice - inner) + more + fma(s_low, 2.0, more_low)
    high, low = DOUBLE.ln2
    first = e * high
    total = first + inner
    rest = (first - total) + inner + fma(e, low, inner_low)
    sum_ = total + rest
    return sum_, (total - sum_) + rest


def _ratio(f: Lanes) -> tuple[Lanes, Lanes]:
    """f/(2 + f) as a pair."""
    divisor = f + 2
    divisor_low = f - (divisor - 2)
    inverse = 1 / divisor
    s = f * inverse
    product, error = two_product(s, divisor)
    rest = ((f - product) - error) - s * divisor_low
    return s, rest * inverse


def hypot(x: Lanes, y: Lanes) -> Lanes:
    """√(x² + y²) without overflow on the way; infinite if one of them is, even beside NaN."""
    if x.bits == 32:
        a, b = x.convert("fpext", "double"), y.convert("fpext", "double")
        length = fma(a, a, b * b).apply("sqrt").convert("fptrunc", "float")
    else:
        a, b = abs(x), abs(y)
        larger = where(a > b, a, b)
        up, down = larger < 2.0**-400, larger > 2.0**500  # squares far below must not count either
        scale = where(up, 2.0**600, where(down, x.constant(2.0**-600), 1))
        back = where(up, 2.0**-600, where(down, x.constant(2.0**600), 1))
        a, b = a * scale, b * scale
        length = fma(a, a, b * b).apply("sqrt") * back
    infinite = abs(x).equals(math.inf) | abs(y).equals(math.inf)
    return where(infinite, math.inf, length)
