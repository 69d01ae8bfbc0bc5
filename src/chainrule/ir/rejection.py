"""Gamma draws as an elementwise function of a concentration and of two random numbers.

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
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = tuple(map(np.uint64, (30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB, 31)))
_UNUSED: Final = np.uint64(11)

Array = np.ndarray


def _value(concentration: Array, normal: Array, uniform: Array) -> Array:
    """Draws of the gamma distribution with rate 1, for concentrations from 1 on, else NaN.

    x = (a − ⅓) (1 + z/√(9a − 3))³, accepted where log u < ½ z² + (a − ⅓)(1 − v + log v)

    Source:  marsaglia2000simple
    """
    shape = np.broadcast_shapes(concentration.shape, normal.shape, uniform.shape)
    a, z, u = (_flat(v, shape) for v in (concentration, normal, uniform))
    made = np.empty(math.prod(shape), normal.dtype)
    with np.errstate(all="ignore"):
        for at in range(0, made.size, _BLOCK):
            end = at + _BLOCK
            made[at:end] = _block(a if a.size == 1 else a[at:end], z[at:end], u[at:end])
    return made.reshape(shape)


def _flat(values: Array, shape: tuple[int, ...]) -> Array:
    """All numbers in float64, or the only one if it is repeated."""
    if values.size and not any(values.strides):
        return values.reshape(-1)[:1].astype(np.float64)
    return np.broadcast_to(values, shape).reshape(-1).astype(np.float64, copy=False)


def _block(a: Array, z: Array, u: Array) -> Array:
    z, u = np.broadcast_arrays(z, u)
    d = np.where(a >= 1, a, np.nan) - 1 / 3
    c = 1 / np.sqrt(9 * d)
    v = _cube(c, z)
    open_ = np.flatnonzero(~(_surely(z, u) & (v > 0)))
    if open_.size:
        d, c = (np.broadcast_to(n, z.shape) for n in (d, c))
        open_ = open_[~_is_accepted(d[open_], v[open_], z[open_], u[open_])]
        seeds = _mixed(z[open_].view(np.uint64) * _STEP ^ u[open_].view(np.uint64))
        while open_.size:
            seeds, z, u = _next(seeds)
            v[open_] = found = _cube(c[open_], z)
            wrong = ~_is_accepted(d[open_], found, z, u)
            open_, seeds = open_[wrong], seeds[wrong]
    return np.asarray(d * v)


def _cube(c: Array, z: Array) -> Array:
    root = c * z
    root += 1
    return np.asarray(root * root * root)


def _surely(z: Array, u: Array) -> Array:
    """Whether a proposal is accepted, by a bound that needs no logarithm."""
    square = z * z
    square *= square
    square *= -0.0331
    square += 1
    return np.asarray(u < square)


def _is_accepted(d: Array, v: Array, z: Array, u: Array) -> Array:
    """Whether a proposal is accepted; NaN goes on as it is."""
    bound = 0.5 * z * z + d * (1 - v + np.log(v))
    return np.asarray((v > 0) & (np.log(u) < bound) | np.isnan(d + z + u))


def _mixed(words: Array) -> Array:
    """Words of which each bit depends on all bits [steele2014fast]."""
    first, one, second, two, third = _MIX
    words = (words ^ words >> first) * one
    words = (words ^ words >> second) * two
    return np.asarray(words ^ words >> third)


def _next(seeds: Array) -> tuple[Array, Array, Array]:
    """The seeds of another round, a normal number by Box and Muller, and a uniform one."""
    units = []
    for _ in range(3):
        seeds = seeds + _STEP
        units.append((_mixed(seeds) >> _UNUSED) * 2.0**-53)
    radius = np.sqrt(-2 * np.log1p(-units[0]))
    return seeds, radius * np.cos(2 * np.pi * units[1]), units[2]


_slowness = Apply("exp", (Apply("lgamma", (X,)) + OUT - Apply("xlogy", (X - 1, OUT)),))

register(Scalar("gamma_draw", _value, (
    -(Apply("gammainc", (X, OUT), (1,)) * _slowness), wrap(0), wrap(0),
), 3))  # fmt: skip
