"""Sine, cosine and tangent.

x = n π/2 + r with |r| ≤ π/4; then sin r and cos r by polynomials, and the last two bits of n say
which of them, and its sign. π/2 is taken away in pieces; where x is so large that the pieces do not
reach, reduction.py does it with as many bits of 2/π as that takes.
"""

from __future__ import annotations

from chainrule.codegen.mathematics import coefficients as c
from chainrule.codegen.mathematics.lanes import Lanes, fma, polynomial, where
from chainrule.codegen.mathematics.reduction import quarter_turns

__all__ = ["cos", "sin", "tan"]


def sin(x: Lanes) -> Lanes:
    """Sine."""
    n, r = quarter_turns(x)
    y = _turned(n, r)
    return where(x.equals(0), x, y)


def cos(x: Lanes) -> Lanes:
    """Cosine: the sine a quarter of a turn later."""
    n, r = quarter_turns(x)
    return _turned(n + 1, r)


def _turned(n: Lanes, r: Lanes) -> Lanes:
    """sin(nπ/2 + r)."""
    odd = (n & 1).differs(0)
    y = where(odd, _cos_part(r), _sin_part(r)).as_integer()
    return (y ^ ((n >> 1) << (n.bits - 1))).as_real()


def _sin_part(r: Lanes) -> Lanes:
    square = r * r
    return fma(square * r, polynomial(square, c.SIN64 if r.bits == 64 else c.SIN32), r)


def _cos_part(r: Lanes) -> Lanes:
    square = r * r
    tail = polynomial(square, c.COS64 if r.bits == 64 else c.COS32)
    return fma(square, fma(square, tail, -0.5), 1)


def tan(x: Lanes) -> Lanes:
    """Tangent: sin r/cos r, or −cos r/sin r after an odd number of quarters; for float64."""
    n, r = quarter_turns(x)
    sine, cosine = _sin_part(r), _cos_part(r)
    odd = (n & 1).differs(0)
    y = where(odd, -cosine, sine) / where(odd, sine, cosine)
    return where(x.equals(0), x, y)
