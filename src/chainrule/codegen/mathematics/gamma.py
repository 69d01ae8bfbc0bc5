"""The logarithm of the gamma function and its first two derivatives, for float64.

From x = 5 on Stirling's series [abramowitz1964handbook, 6.1.40, 6.3.18, 6.4.12], whose rest is a
polynomial of 1/x². Below, the recurrence Γ(x + 1) = x Γ(x) brings x to an interval of length 1,
where log Γ(2 + u) is u (1 + u) times a polynomial, and ψ(x) is x − r times one, of its zero r:
both keep their last digits next to the zeros 1, 2 and r. ψ′ goes upwards instead, since all that
it adds is positive. Where some x is negative, the reflection formulas; next to the zeros there the
error is absolute, some units in the last place of the terms that cancel.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from chainrule.codegen.mathematics import gamma_coefficients as c
from chainrule.codegen.mathematics.constants import pieces
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, unless, where
from chainrule.codegen.mathematics.logarithms import log
from chainrule.codegen.mathematics.trigonometry import sin, tan

__all__ = ["digamma", "lgamma", "trigamma"]

_FAR: Final = 5.0  # where the series begin
_STEPS: Final = 3  # from there down to an interval of length 1 at 2
_CONSTANT: Final = 0.5 * math.log(2 * math.pi) - 0.5
_ROOT: Final = pieces(
    Fraction("1.46163214496836234126265954232572132846819620400644629512"), 53, 53
)


def lgamma(x: Lanes) -> Lanes:
    """log |Γ(x)|; log Γ(x) = log(π/|sin πx|) − log Γ(1 − x) for x < 0."""
    negative = x < 0
    made = _lgamma(where(negative, 1 - x, x))

    def reflected() -> Lanes:
        sine = abs(sin(_turn(x))) * (1 / math.pi)
        return where(x.equals(-math.inf), x, -log(sine) - made)

    return unless(negative, made, reflected)


def _lgamma(x: Lanes) -> Lanes:
    """log Γ(x) for x ≥ 0: one logarithm for what the recurrence multiplies, or for Stirling's."""
    far, up = x >= _FAR, x < 1.2
    v, product = where(far, 2, x), x.constant(1)
    for _ in range(_STEPS):
        above = v >= 2.2
        v = where(above, v - 1, v)
        product = where(above, product * v, product)
    # The distance from 2 of x, x + 1 or x + 2, without what those sums would round away.
    u = where(v < 0.2, v, where(up, v - 1, v - 2))
    upward = where(x < 0.2, x * (x + 1), x)
    logarithm = log(where(far, x, where(up, upward, product)))
    near = fma(u * (u + 1), polynomial(u + 0.3, c.LGAMMA64), where(up, -logarithm, logarithm))
    inverse = 1 / x
    rest = fma(inverse, polynomial(inverse * inverse, c.LGAMMA_REST64), _CONSTANT)
    return where(far, fma(x - 0.5, logarithm - 1, rest), near)


def digamma(x: Lanes) -> Lanes:
    """ψ(x) = Γ′(x)/Γ(x); ψ(x) = ψ(1 − x) − π/tan πx for x < 0."""
    negative = x < 0
    made = _digamma(where(negative, 1 - x, x))

    def reflected() -> Lanes:
        turn = _turn(x)
        return where(turn.equals(0), math.nan, made - math.pi / tan(turn))

    return unless(negative, made, reflected)


def _digamma(x: Lanes) -> Lanes:
    """ψ(x) for x ≥ 0: what the recurrence adds, Σ 1/(x − k), is one quotient."""
    far, below = x >= _FAR, x < 1
    v = where(far, 2, x)
    above, under = where(below, v.constant(-1), 0), where(below, v, 1)
    v = where(below, v + 1, v)
    for _ in range(_STEPS):
        step = v >= 2
        v = where(step, v - 1, v)
        above = where(step, fma(above, v, under), above)
        under = where(step, under * v, under)
    apart = (v - _ROOT[0]) - _ROOT[1]
    near = fma(apart, polynomial(v - 1.5, c.DIGAMMA64), above / under)
    inverse = 1 / x
    square = inverse * inverse
    rest = fma(square, polynomial(square, c.DIGAMMA_REST64), inverse * 0.5)
    return where(far, log(x) - rest, near)


def trigamma(x: Lanes) -> Lanes:
    """ψ′(x), the second derivative; ψ′(x) = π²/sin² πx − ψ′(1 − x) for x < 0."""
    negative = x < 0
    made = _trigamma(where(negative, 1 - x, x))

    def reflected() -> Lanes:
        cosecant = math.pi / sin(_turn(x))
        return where(x.equals(-math.inf), math.inf, fma(cosecant, cosecant, -made))

    return unless(negative, made, reflected)


def _trigamma(x: Lanes) -> Lanes:
    """ψ′(x) for x ≥ 0: 1/x², and Σ 1/(x + k)² up to where the series begins, as one quotient."""
    near, first = x < _FAR, 1 / x
    v, above, under = where(near, x + 1, x), x.constant(0), x.constant(1)
    for _ in range(int(_FAR) - 1):
        step = v < _FAR
        square = v * v
        above = where(step, fma(above, square, under), above)
        under = where(step, under * square, under)
        v = where(step, v + 1, v)
    inverse = 1 / v
    square = inverse * inverse
    rest = fma(inverse, polynomial(square, c.TRIGAMMA_REST64), 0.5)
    added = above / under + fma(square, rest, inverse)
    return where(near, fma(first, first, added), added)


def _turn(x: Lanes) -> Lanes:
    """π times the distance from the nearest whole number: but for signs, sin and tan are of πx."""
    return (x - x.apply("rint")) * math.pi
