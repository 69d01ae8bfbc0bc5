"""The exponential and what is made of one: expm1, sigmoid, tanh, sinh, cosh.

x = n ln 2 + r with |r| ≤ ln 2/2, eˣ = 2ⁿ eʳ, and eʳ = 1 + r + r² Q(r) (coefficients.py). The
integer n appears in the last bits of a floating-point sum, from where a shift brings it into the
exponent: no conversion, no table, no branch.
"""

from __future__ import annotations

import math

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics.constants import format_of
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, where

__all__ = [
    "cosh", "exp", "exp_below", "exp_times", "expm1", "needs_float64", "normal_times", "reduced",
    "scaled", "sigmoid", "sinh", "tanh",
]  # fmt: skip


def exp(x: Lanes) -> Lanes:
    """eˣ."""
    f = format_of(x)
    n, r = reduced(x)
    # A choice of a result or 0, or of one or what was there, is part of AVX-512's instructions: so
    # each follows the result that it chooses.
    normal = x.compare("uge", "", f.underflow)
    y = where(normal, _scaled_bits(_exp_part(r), n), 0).as_real()
    return where(x.compare("ugt", "", f.overflow), x * math.inf, y)  # NaN stays


def reduced(x: Lanes, shift: int = 0, rest: Lanes | None = None) -> tuple[Lanes, Lanes]:
    """n + shift, as an integer whose upper bits are to be shifted out, and r of x + rest."""
    f = format_of(x)
    sum_ = fma(x, 1 / math.log(2), f.rounder + shift)
    n = sum_ - (f.rounder + shift)
    high, low = f.ln2
    r = fma(n, -high, x)
    r = fma(n, -low, r) if rest is None else r + fma(n, -low, rest)
    return sum_.as_integer(), r


def scaled(p: Lanes, n: Lanes) -> Lanes:
    """2ⁿ p by adding n to the exponent; right while the result is a normal number."""
    return _scaled_bits(p, n).as_real()


def _scaled_bits(p: Lanes, n: Lanes) -> Lanes:
    return p.as_integer() + (n << format_of(p).fraction)


def _power_and_rest(x: Lanes, rest: Lanes | None = None) -> tuple[Lanes, Lanes]:
    """2ⁿ and r: with the exponent's bias for a shift n is the exponent of 2ⁿ already."""
    f = format_of(x)
    n, r = reduced(x, f.bias, rest)
    return (n << f.fraction).as_real(), r


def _tail(r: Lanes) -> Lanes:
    """Q(r)."""
    return polynomial(r, c.EXP64 if r.bits == 64 else c.EXP32)


def _exp_part(r: Lanes) -> Lanes:
    """eʳ."""
    return fma(fma(_tail(r), r, 1), r, 1)


def exp_below(x: Lanes, rest: Lanes | None = None) -> Lanes:
    """eˣ for x ≤ 0; of x + rest where x alone has not digits enough."""
    power, r = _power_and_rest(x, rest)
    return where(x < format_of(x).underflow, 0, _exp_part(r) * power)


def exp_times(u: Lanes, y: Lanes, x: Lanes, rest: Lanes) -> Lanes:
    """u (1 + y) e^(x + rest) for x ≤ 0 and small y: only the last product is rounded as a whole."""
    power, r = _power_and_rest(x, rest)
    less_one = fma(r * r, _tail(r), r)
    more = fma(y, less_one + 1, less_one)  # (1 + y) eʳ − 1
    return where(x < format_of(x).underflow, 0, fma(u, more, u) * power)


def normal_times(u: Lanes, y: Lanes, x: Lanes, rest: Lanes) -> Lanes:
    """u (1 + y) e^(x + rest/2) in float32: nothing but y depends on rest, so eˣ shares the work.

    The rest also takes what rounding left out of r, or it would cost more than 2 ulp.
    """
    f = format_of(x)
    n, r = reduced(x)
    whole, (high, low) = n.as_real() - f.rounder, f.ln2
    rest = fma(fma(whole, -low, fma(whole, -high, x) - r), 2.0, rest)
    y = fma(fma(y, rest, rest), 0.5, y)
    less_one = fma(r * r, _tail(r), r)
    more = fma(y, less_one + 1, less_one)
    power = ((n << f.fraction) + (f.bias << f.fraction)).as_real()
    return where(x < -83.85063, 0, fma(u, more, u) * power)  # below, Φ is subnormal


def expm1(x: Lanes) -> Lanes:
    """eˣ − 1."""
    f = format_of(x)
    small = _expm1_near(where(x < -f.certain, -f.certain, x))
    return where(x > f.certain, exp(x), small).signed_as(x)


def _expm1_near(x: Lanes) -> Lanes:
    """2ⁿ(1 + r + r² Q(r)) − 1: products with 2ⁿ are exact, and the large terms come first."""
    power, r = _power_and_rest(x)
    return fma(power, r * r * _tail(r), fma(power, r, power - 1))


def needs_float64(x: Lanes) -> bool:
    """Whether float32 has too few digits: products that are rounded by themselves cost 2.05 ulp."""
    return x.bits == 32 and not x.b.module.fma


def sigmoid(x: Lanes) -> Lanes:
    """1/(1 + e⁻ˣ), below zero as eˣ/(1 + eˣ)."""
    if needs_float64(x):
        return sigmoid(x.convert("fpext", "double")).convert("fptrunc", "float")
    small = exp_below(-abs(x))
    divisor = small + 1
    quotient = where(x < 0, small, 1) / divisor
    return fma(quotient, (divisor - 1) - small, quotient)  # what the sum's rounding left out


def tanh(x: Lanes) -> Lanes:
    """1 − 2/(1 + e^2|x|) with the sign of x; up to ½ it is x + x³ P(x²)."""
    f = format_of(x)
    a = abs(x)
    twice = a * 2
    power, r = _power_and_rest(where(twice > f.certain, f.certain, twice))
    far = 1 - 2 / (_exp_part(r) * power + 1)
    square = x * x
    near = fma(square * x, polynomial(square, c.TANH64 if x.bits == 64 else c.TANH32), x)
    return where(a > 0.5495, far, near).signed_as(x)


def cosh(x: Lanes) -> Lanes:
    """h + 1/(4h) of h = e^|x|/2, which overflows later than e^|x|."""
    h = _half_exp(abs(x))
    return h + 0.25 / h


def sinh(x: Lanes) -> Lanes:
    """h − 1/(4h) of h = e^|x|/2; near zero a + a³ P(a²)."""
    a = abs(x)
    h = _half_exp(a)
    square = a * a
    odd = polynomial(square, c.SINH64 if x.bits == 64 else c.SINH32)
    near = fma(square * a, odd, a)
    return where(a < 1, near, h - 0.25 / h).signed_as(x)


def _half_exp(a: Lanes) -> Lanes:
    """e^a/2 for a ≥ 0."""
    n, r = reduced(a, -1)
    top = (format_of(a).bias + 2) * math.log(2)  # rounded, the last number whose value is finite
    return where(a <= top, scaled(_exp_part(r), n), a * math.inf)
