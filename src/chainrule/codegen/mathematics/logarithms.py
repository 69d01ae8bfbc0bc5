"""Logarithms, and what is made of one: log1p, softplus, logaddexp, xlogy, asinh, acosh, atanh.

x = 2ᵉ (1 + f) with √½ ≤ 1 + f < √2, log x = e ln 2 + f + f² Q(f). The exponent is taken from the
bits, the polynomial from coefficients.py.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Final

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics.constants import LN2, format_of, pieces
from chainrule.codegen.mathematics.exponentials import exp_below, needs_float64
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = [
    "acosh", "asinh", "atanh", "decomposed", "log", "log1p", "log2", "log10", "logaddexp",
    "softplus", "xlogy",
]  # fmt: skip

LN10: Final = Fraction(Decimal("2.30258509299404568401799145468436420760110148862877297603333"))

_FAR: Final = 2.0**60  # its square is a number yet, and 1 is nothing beside it


def decomposed(x: Lanes) -> tuple[Lanes, Lanes]:
    """e and m = x/2ᵉ of a positive normal number, √½ ≤ m < √2.

    The sum of the biased exponent's bits and those of 2²³ (2⁵²) is a number that holds it.
    """
    f = format_of(x)
    moved = x.as_integer() + ((f.bias << f.fraction) - f.root)
    holder = (f.bias + f.fraction) << f.fraction
    e = ((moved >> f.fraction) | holder).as_real() - (2.0**f.fraction + f.bias)
    m = ((moved & ((1 << f.fraction) - 1)) + f.root).as_real()
    return e, m


def log(x: Lanes) -> Lanes:
    """The natural logarithm."""
    return _in_base(x, Fraction(1))


def log2(x: Lanes) -> Lanes:
    """The logarithm by base 2; exact for powers of 2."""
    return _in_base(x, 1 / LN2)


def log10(x: Lanes) -> Lanes:
    """The logarithm by base 10."""
    return _in_base(x, 1 / LN10)


def _in_base(x: Lanes, factor: Fraction) -> Lanes:
    """factor · log x."""
    e, m = decomposed(x)
    y = _sum(e, m - 1, factor)
    y = where(x < math.inf, y, x)
    return where(x < format_of(x).smallest, where(x < 0, x.constant(math.nan), -math.inf), y)


def _sum(e: Lanes, f: Lanes, factor: Fraction = Fraction(1)) -> Lanes:
    """factor · (e ln 2 + log(1 + f)), small terms first."""
    high, main, small = _summands(e, f, factor)
    return fma(e, high, fma(f, main, small))


def _summands(e: Lanes, f: Lanes, factor: Fraction) -> tuple[float, float, Lanes]:
    """What e and f are multiplied by in the sum, and what else it has."""
    wide = f.bits == 64
    scale = float(factor)
    tail = polynomial(f, [k * scale for k in (c.LOG64 if wide else c.LOG32)])
    high, low = pieces(LN2 * factor, 40, 53) if wide else pieces(LN2 * factor, 15, 24)
    main = 0.5 if scale < 1 else 1.0  # f times a power of 2 is exact
    small = e * low if low else f * (scale - main)
    if low and factor != 1:
        small = fma(f, scale - main, small)
    return high, main, fma(f * f, tail, small)


def log1p(x: Lanes) -> Lanes:
    """log(1 + x): 1 + x gives the exponent e; f = x/2ᵉ − (1 − 1/2ᵉ) does not lose digits of x."""
    limits = format_of(x)
    sum_ = x + 1
    e, m = decomposed(sum_)
    power = _inverse_power(e)
    f = where(x < 2.0 ** (limits.fraction + 5), fma(x, power, power - 1), m - 1)
    y = where(x < math.inf, _sum(e, f), x)
    y = where(x > -1, y, where(x.equals(-1), -math.inf, y * math.nan))
    return y.signed_as(x)


def _inverse_power(e: Lanes) -> Lanes:
    """2⁻ᵉ of a whole number that is small enough for the result to be normal."""
    f = format_of(e)
    held = (f.rounder + f.bias) - e  # its last bits are bias − e
    return (held.as_integer() << f.fraction).as_real()


def log1p_below(t: Lanes) -> Lanes:
    """log(1 + t) for t from 0 to 1."""
    if t.bits == 32:
        return fma(t * t, polynomial(t, c.UNIT32), t)
    # The polynomial for all t loses some digits: beyond √2 − 1 take log 2 + log((1 + t)/2).
    upper = t > math.sqrt(2) - 1
    return _sum(where(upper, t.constant(1), 0), where(upper, fma(t, 0.5, -0.5), t))


def softplus(x: Lanes) -> Lanes:
    """log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)."""
    if needs_float64(x):
        return softplus(x.convert("fpext", "double")).convert("fptrunc", "float")
    return where(x < 0, 0, x) + log1p_below(exp_below(-abs(x)))


def logaddexp(x: Lanes, y: Lanes) -> Lanes:
    """log(eˣ + eʸ) = max(x, y) + log(1 + e^−|x − y|).

    Where both terms nearly cancel, the digits are those of the larger operand, as in NumPy.
    """
    apart = x - y
    larger = where(apart > 0, x, y)
    tail = log1p_below(exp_below(-abs(apart)))
    # Equal infinities have no difference; NaN has none either, and stays.
    return where(x.equals(y), x + math.log(2), where(apart.is_nan, apart, larger + tail))


def xlogy(x: Lanes, y: Lanes) -> Lanes:
    """x log y, and 0 where x is 0 and y not NaN."""
    logarithm = log(y)
    product = x * logarithm
    if x.bits == 32:  # rounded twice it is up to 2.2 ulp off
        better = fma(x, logarithm, x * _rest(y))
        product = where(abs(product) < math.inf, better, product)
    return where(x.equals(0) & y.equals(y), 0, product)


def _rest(x: Lanes) -> Lanes:
    """What the last two roundings of log x left out."""
    e, m = decomposed(x)
    f = m - 1
    high, _, small = _summands(e, f, Fraction(1))
    inner = f + small
    upper = fma(e, -high, fma(e, high, inner))  # what e ln 2 left of inner: no more roundings
    return ((f - inner) + small) + (inner - upper)


def asinh(x: Lanes) -> Lanes:
    """log(a + √(a² + 1)) of a = |x|, as log1p(a + a²/(1 + √(a² + 1))); log 2a for large a."""
    a = abs(x)
    far = a > _FAR
    near = where(far, 1, a)
    square = near * near
    inner = near + square / ((square + 1).apply("sqrt") + 1)
    return _log_twice(far, a, inner).signed_as(x)


def acosh(x: Lanes) -> Lanes:
    """log(x + √(x² − 1)) as log1p(t + √(2t + t²)) of t = x − 1; log 2x for large x."""
    far = x > _FAR
    t = where(far, 1, x) - 1
    inner = t + fma(t, t, t * 2).apply("sqrt")  # NaN below 1
    return _log_twice(far, x, where(x < 1, x.constant(math.nan), inner))


def _log_twice(far: Lanes, a: Lanes, inner: Lanes) -> Lanes:
    """log 2a where a is far, log(1 + inner) elsewhere."""
    made = log1p(where(far, a, inner))  # log(1 + a) is log a there
    return where(far, made + math.log(2), made)


def atanh(x: Lanes) -> Lanes:
    """½ log((1 + a)/(1 − a)) = ½ log1p(2a/(1 − a)) of a = |x|."""
    a = abs(x)
    return (log1p((a * 2) / (1 - a)) * 0.5).signed_as(x)
