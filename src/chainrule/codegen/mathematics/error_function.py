"""The error function, its complement and the normal distribution function Φ.

Near zero erf t is t times a polynomial. Beyond, erf of float32 takes 1 − e^P(t), the exponential of
a polynomial. What is right to the last digits of erfc, far into its tail, is e^(−t²) times a
polynomial of q and over a divisor: q = (t − 1.5)/(t + 1) over 1 + t in float32, q = (t − 4)/(t + 4)
over 1 + 2t in float64. Φ of negative numbers is made alike, of t itself and of e^(−t²/2), since
t/√2 is no number of the type; where float32 has an instruction for tables, it is one polynomial
for each of 16 intervals instead, and that only beyond them.
"""

from __future__ import annotations

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics import normal_table
from chainrule.codegen.mathematics.constants import format_of
from chainrule.codegen.mathematics.exponentials import (
    exp_below,
    exp_times,
    needs_float64,
    normal_times,
)
from chainrule.codegen.mathematics.lanes import (
    Lanes,
    fma,
    looked_up,
    polynomial,
    two_product,
    unless,
    where,
)

__all__ = ["erf", "erfc", "ndtr"]


def erf(x: Lanes) -> Lanes:
    """2/√π ∫₀ˣ e^(−t²) dt."""
    t = abs(x)
    near = _near(x)
    if x.bits == 64:
        tail, split = _complement(where(t > 7, 7, t)), 1.0
    else:
        tail, split = exp_below(polynomial(where(t > 4, 4, t), c.TAIL32)), 0.92
    return where(t > split, (1 - tail).signed_as(x), near)


def erfc(x: Lanes) -> Lanes:
    """1 − erf x, to its own last digits."""
    if needs_float64(x):
        return erfc(x.convert("fpext", "double")).convert("fptrunc", "float")
    t = abs(x)
    if x.bits == 32:
        tail = _short_complement(t)
        return where(x < 0, 2 - tail, tail)
    tail = _complement(where(t > 27.5, 27.5, t))
    return where(t < 0.75, 1 - _near(x), where(x < 0, 2 - tail, tail))


def ndtr(x: Lanes) -> Lanes:
    """Φ(x), the probability that a standard normal number is below x, to its own last digits."""
    if needs_float64(x):
        return ndtr(x.convert("fpext", "double")).convert("fptrunc", "float")
    if x.bits == 64:
        tail = _normal_tail(x)
    elif x.b.module.tables:
        tail = _normal_tail_by_table(x)
    else:
        tail = _short_normal_tail(x)
    # By the bits, in one instruction; −0 counts as positive, and NaN stays on both sides.
    positive = x.as_integer().compare("ole", "ule", 1 << x.bits - 1)
    return where(positive, 1 - tail, tail)


def _near(x: Lanes) -> Lanes:
    """erf x around 0."""
    return fma(x, polynomial(x * x, c.ERF64 if x.bits == 64 else c.ERF32), x)


def _complement(t: Lanes) -> Lanes:
    """erfc t for t ≥ 0."""
    square, lost = two_product(t, t)
    divisor = t * 2 + 1
    curve = polynomial((t - 4) / (t + 4), c.ERFC64) / divisor
    # The exponential also takes what rounding left out of t² and, relatively, of 1 + 2t; there
    # 1/(1 + 2t) need not be better than curve times the mean of 1/P.
    lost = lost + (t * 2 - (divisor - 1)) * (curve * 0.88)
    return exp_below(-square, -lost) * curve


def _short_complement(t: Lanes) -> Lanes:
    """erfc t for t ≥ 0 in float32, with fma: u (1 + q P(q)) e^(−t²), u = c/(1 + t)."""
    divisor = t + 1
    u = c.ERFC32_SCALE / divisor
    q = fma(u, -2.5 / c.ERFC32_SCALE, 1)
    # Here, too, the exponential takes what rounding left out, of t² and of u; P changes with u by
    # 0.15 of it in the mean.
    lost = fma(-u, t - (divisor - 1), fma(-u, divisor, c.ERFC32_SCALE))
    square = t * t
    rest = fma(lost, 1.15 / c.ERFC32_SCALE, fma(-t, t, square))
    return exp_times(u, q * polynomial(q, c.ERFC32), -square, rest)


def _normal_tail(x: Lanes) -> Lanes:
    """Φ(−|x|)."""
    t = abs(x)
    t = where(t > 39, 39, t)
    square, lost = two_product(t, t)
    divisor = t + 1
    curve = polynomial((t - 5.5) / (t + 5.5), c.NDTR64) / divisor
    # As in _complement; the mean of 1/P is 2.1.
    rest = (t - (divisor - 1)) * (curve * 2.1)
    return exp_below(square * -0.5, lost * -0.5 - rest) * curve


def _short_normal_tail(x: Lanes) -> Lanes:
    """Φ(−|x|) in float32, with fma: u (1 + q P(q)) e^(−x²/2), u = s/(1.5 + |x|), q = 1 − k u."""
    t = abs(x)
    u = c.NDTR32_SCALE / (t + 1.5)
    q = fma(u, -c.NDTR32_TURN, 1)
    square = x * x
    # Twice the logarithm of what rounding left out, of x² and of u; the value changes with u by
    # 1.14 of it where that counts most.
    lost = fma(-u, t, fma(u, -1.5, c.NDTR32_SCALE))
    rest = fma(lost, 2.28 / c.NDTR32_SCALE, fma(-x, x, square))
    return normal_times(u, q * polynomial(q, c.NDTR32), square * -0.5, rest)


def _normal_tail_by_table(x: Lanes) -> Lanes:
    """Φ(−|x|) in float32: a polynomial of |x| − c with the c and the coefficients of its interval.

    No exponential and no division: half the instructions. Beyond the last interval Φ of positive
    numbers is 1 in any case; the other way is taken where a lane has a negative one.
    """
    t = abs(x)
    t = where(t > normal_table.LAST, normal_table.LAST, t)
    root = fma(t, normal_table.ROOT, normal_table.START)
    interval = fma(root, root, format_of(x).rounder).as_integer()
    center, *terms = looked_up(normal_table.TABLE, interval)
    r = t - center
    tail = terms[-1]
    for term in terms[-2::-1]:
        tail = fma(tail, r, term)
    return unless(x < -normal_table.LAST, tail, lambda: _short_normal_tail(x))
