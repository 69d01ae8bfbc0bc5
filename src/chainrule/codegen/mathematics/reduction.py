"""Angles as a number of quarter turns and a rest.

Up to some thousand turns π/2 is subtracted in pieces (Cody and Waite): with fma each piece may have
all digits of the type; without it the products must be exact by themselves, so pieces are short.
A larger angle (no neural network has one) goes through a function of the module that multiplies by
as many bits of 2/π as its exponent asks for (Payne and Hanek).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Final

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.values import Value, element, lanes
from chainrule.codegen.mathematics.constants import format_of, pieces
from chainrule.codegen.mathematics.lanes import Lanes, fma, where

__all__ = ["PI", "quarter_turns"]

_WORDS: Final = 21  # 64 zeros, then bits of 2/π for the largest exponent
_SLOW: Final = "chainrule_quarter_turns"
_TABLE: Final = "chainrule_two_over_pi"


def _pi(digits: int) -> Fraction:
    """π to so many binary digits: 16 arctan 1/5 − 4 arctan 1/239 (Machin)."""

    def arctan_of_inverse(n: int) -> int:
        term = total = (1 << digits + 16) // n
        k = 1
        while term:
            term //= -n * n
            k += 2
            total += term // k
        return total

    return Fraction(16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239), 1 << digits + 16)


PI: Final = _pi(256)


def quarter_turns(x: Lanes) -> tuple[Lanes, Lanes]:
    """n, of which only the last two bits are meant, and r = x − nπ/2; NaN for infinities."""
    f = format_of(x)
    sum_ = fma(x, 2 / math.pi, f.rounder)
    n = sum_ - f.rounder
    limit, parts = _parts(x)
    r = _less_products(x, n, parts)
    size = abs(x)
    return _where_large((size > limit) & (size < math.inf), x, sum_.as_integer(), r)


def _less_products(x: Lanes, n: Lanes, parts: Sequence[float]) -> Lanes:
    """x − Σ n·part, to the last digits of the result however small it is."""
    r, lost = x, x.constant(0)
    if x.b.module.fma:
        for part in parts:
            r = fma(n, -part, r)
        return r
    for part in parts[:-1]:
        product = n * part  # exact
        rest = r - product
        lost = lost + ((r - rest) - product)
        r = rest
    return r + (lost - n * parts[-1])


def _parts(x: Lanes) -> tuple[float, tuple[float, ...]]:
    """Up to where the pieces of π/2 reach, and the pieces."""
    wide, fused = x.bits == 64, x.b.module.fma
    if wide:
        return (1e9, pieces(PI / 2, 53, 53, 53)) if fused else (1e6, pieces(PI / 2, 32, 32, 32, 53))
    return (3e4, pieces(PI / 2, 24, 24, 24)) if fused else (1e4, pieces(PI / 2, 11, 11, 11, 11, 24))


def _where_large(large: Lanes, x: Lanes, n: Lanes, r: Lanes) -> tuple[Lanes, Lanes]:
    """n and r; where an angle is large, from the function, one lane after another."""
    b, count = x.b, lanes(x.kind)
    found = b.call(f"llvm.vector.reduce.or.v{count}i1", "i1", large.value) if count else large.value
    turns, rest = b.local(n.kind), b.local(r.kind)
    b.store(n.value, turns)
    b.store(r.value, rest)
    with b.when(found):
        _write_slow(b.module)
        every, angles = b.local(n.kind), b.local(x.kind)
        # Angles that are not large are not asked for.
        b.store(where(large, x, 1e6).value, angles)
        with b.loop(0, count or 1) as loop:
            _one(b, element(x.kind), loop.index, angles, every)
        slow_n, slow_r = (Lanes(b, b.load(v.kind, p)) for v, p in ((n, every), (r, angles)))
        b.store(where(large, slow_n, n).value, turns)
        b.store(where(large, slow_r, r).value, rest)
    return Lanes(b, b.load(n.kind, turns)), Lanes(b, b.load(r.kind, rest))


def _one(b: Builder, kind: str, index: Value, angles: Value, turns: Value) -> None:
    """Replace an angle in memory by its rest, and write its quarter turns."""
    place = b.offset(angles, index, kind)
    whole = b.local("i64")
    angle = b.convert("fpext", b.load(kind, place), "double")
    rest = b.call(_SLOW, "double", angle, whole)
    b.store(b.convert("fptrunc", rest, kind), place)
    own = "i64" if kind == "double" else "i32"
    b.store(b.convert("trunc", b.load("i64", whole), own), b.offset(turns, index, own))


# ---------------------------------------------------------------- large angles


@cache
def _words() -> tuple[int, ...]:
    """64 zero bits and the binary digits of 2/π after the point, in words of 64."""
    count = 64 * (_WORDS - 1)
    digits = int(2 / _pi(count + 64) * 2**count)
    return (0, *((digits >> count - 64 * k) & (2**64 - 1) for k in range(1, _WORDS)))


def _write_slow(module: Module) -> None:
    """Add the function to the module: (x, where n goes) → r, for 10⁴ ≤ |x| < ∞."""
    if _SLOW in module.builders:
        return
    words = ", ".join(f"i64 {w - 2**64 if w >= 2**63 else w}" for w in _words())
    module.extra.append(f"@{_TABLE} = internal constant [{_WORDS} x i64] [{words}]")
    b = module.function(_SLOW, [("x", "double"), ("n", "ptr")], "double", internal=True)
    x, place = b.arguments
    digits = Lanes(b, b.bitcast(x, "i64"))
    whole = (digits & (2**52 - 1)) | 2**52
    exponent = ((digits >> 52) & 0x7FF) - 1075  # |x| = whole · 2^exponent
    product = _fraction_of_turns(whole, exponent + 62)
    # The upper two bits are quarter turns, the others a fraction of one: to the nearest.
    quarters = (product >> 126) + ((product >> 125) & 1)
    n = quarters.convert("trunc", "i64")
    r = _quarters_as_angle(product << 2)
    negative = digits < 0
    b.store(where(negative, 0 - n, n).value, place)
    b.ret(where(negative, -r, r).value)


def _fraction_of_turns(whole: Lanes, first: Lanes) -> Lanes:
    """The upper 128 of the lower 192 bits of whole · (192 bits of the table from a first one)."""
    b = whole.b
    table = Value(f"@{_TABLE}", "ptr")
    base = (first >> 6).value
    shift = (first & 63).value
    words = [b.load("i64", b.offset(table, b.add(base, k), "i64")) for k in range(4)]
    upper, middle, lower = (
        Lanes(b, b.intrinsic("fshl", words[k], words[k + 1], shift)).convert("zext", "i128")
        for k in range(3)
    )
    factor = whole.convert("zext", "i128")
    return ((factor * upper) << 64) + factor * middle + ((factor * lower) >> 64)


def _quarters_as_angle(fraction: Lanes) -> Lanes:
    """fraction/2¹²⁸ · π/2, of a signed number that is not zero."""
    b = fraction.b
    negative = fraction < 0
    size = where(negative, 0 - fraction, fraction)
    zeros = Lanes(b, b.intrinsic("ctlz", size.value, flags=[True]))
    product = ((size << zeros) >> 64) * int(PI / 2 * 2**63)
    digits = (product >> 64).convert("trunc", "i64").convert("uitofp", "double")
    r = digits * (((1023 - 63) - zeros.convert("trunc", "i64")) << 52).as_real()
    return where(negative, -r, r)
