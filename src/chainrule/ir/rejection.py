"""Gamma draws as an elementwise function of a concentration and of three uniform numbers.

A draw depends on its own three operands only: where a proposal is rejected, the next one is made of
bits that are mixed from those of the operands. So there is no state, rows of a stack are drawn like
single ones, and each draw takes as many rounds as it needs. The derivative by the concentration is
implicit [figurnov2018implicit]: where the probability of less stays the same.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from chainrule.ir.scalar import OUT, Apply, Scalar, X, register, wrap

_BLOCK: Final = 2**13  # numbers, so that a round stays in the cache
STEP: Final = 0x9E3779B97F4A7C15
"""From one word to the next [steele2014fast]."""
MIX: Final = (30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB, 31)
"""Shifts and multipliers that let each bit of a word depend on all bits."""
SQUEEZE: Final = -0.0331
"""u < 1 + SQUEEZE z⁴ is accepted in any case [marsaglia2000simple]."""
_STEP: Final = np.uint64(STEP)
_MIX: Final = tuple(map(np.uint64, MIX))
_UNUSED: Final = np.uint64(11)  # bits, as a float64 has 53

Array = np.ndarray


def _value(concentration: Array, *uniform: Array) -> Array:
    """Draws of the gamma distribution with rate 1, for concentrations from 1 on, else NaN.

    x = (a − ⅓) v,   v = (1 + z/√(9a − 3))³,   z = √(−2 log(1 − u₁)) cos 2πu₂

    It is accepted where log u₃ < ½ z² + (a − ⅓)(1 − v + log v).

    Source:  marsaglia2000simple; box1958note; steele2014fast
    """
    shape = np.broadcast_shapes(concentration.shape, *(u.shape for u in uniform))
    a, *units = (_flat(v, shape) for v in (concentration, *uniform))
    made = np.empty(math.prod(shape), concentration.dtype)
    with np.errstate(all="ignore"):
        for at in range(0, made.size, _BLOCK):
            end = at + _BLOCK
            made[at:end] = _block(a[at:end], *(u[at:end] for u in units))
    return made.reshape(shape)


def _flat(values: Array, shape: tuple[int, ...]) -> Array:
    return np.ascontiguousarray(np.broadcast_to(values, shape), np.float64).reshape(-1)


def _block(a: Array, radius: Array, angle: Array, u: Array) -> Array:
    d = np.where(a >= 1, a, np.nan) - 1 / 3
    c = 1 / np.sqrt(9 * d)
    z = _normal(radius, angle)
    v = _cube(c, z)
    rest = np.flatnonzero(~(_surely(z, u) & (v > 0)))
    rest = rest[_is_rejected(d[rest], v[rest], z[rest], u[rest])]
    seeds = _seeds(radius[rest], angle[rest], u[rest])
    while rest.size:
        seeds, z, u = _next(seeds)
        v[rest] = found = _cube(c[rest], z)
        wrong = _is_rejected(d[rest], found, z, u)
        rest, seeds = rest[wrong], seeds[wrong]
    return np.asarray(d * v)


def _normal(radius: Array, angle: Array) -> Array:
    return np.asarray(np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle))


def _cube(c: Array, z: Array) -> Array:
    root = c * z
    root += 1
    return np.asarray(root * root * root)


def _surely(z: Array, u: Array) -> Array:
    """Whether a proposal is accepted, by a bound that needs no logarithm."""
    square = z * z
    square *= square
    square *= SQUEEZE
    square += 1
    return np.asarray(u < square)


def _is_rejected(d: Array, v: Array, z: Array, u: Array) -> Array:
    """Whether a proposal is rejected; NaN is not."""
    bound = 0.5 * z * z + d * (1 - v + np.log(v))
    return np.asarray((v <= 0) | (np.log(u) >= bound))


def _mixed(words: Array) -> Array:
    """Words of which each bit depends on all bits [steele2014fast]."""
    first, one, second, two, third = _MIX
    words = (words ^ words >> first) * one
    words = (words ^ words >> second) * two
    return np.asarray(words ^ words >> third)


def _seeds(*units: Array) -> Array:
    """A word made of all bits of uniform numbers, which are the same on every machine."""
    words = np.zeros(units[0].shape, np.uint64)
    for unit in units:
        words = _mixed(words ^ unit.view(np.uint64))
    return words


def _next(seeds: Array) -> tuple[Array, Array, Array]:
    """The seeds of another round, its normal number and its uniform one."""
    units = []
    for _ in range(3):
        seeds = seeds + _STEP
        units.append((_mixed(seeds) >> _UNUSED) * 2.0**-53)
    return seeds, _normal(units[0], units[1]), units[2]


_slowness = Apply("exp", (Apply("lgamma", (X,)) + OUT - Apply("xlogy", (X - 1, OUT)),))

register(Scalar("gamma_draw", _value, (
    -(Apply("gammainc", (X, OUT), (1,)) * _slowness), wrap(0), wrap(0), wrap(0),
), 4))  # fmt: skip
