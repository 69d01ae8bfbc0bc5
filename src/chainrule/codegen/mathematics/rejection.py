"""Gamma draws, as ir/rejection.py has them: proposals until all lanes accept one.

Source:  marsaglia2000simple; box1958note; steele2014fast
"""

from __future__ import annotations

import math
from typing import Final

from chainrule.codegen.mathematics.lanes import Lanes, repeated, unless, where
from chainrule.codegen.mathematics.logarithms import log, log1p
from chainrule.codegen.mathematics.trigonometry import cos

__all__ = ["gamma_draw"]

_STEP: Final = 0x9E3779B97F4A7C15


def gamma_draw(a: Lanes, radius: Lanes, angle: Lanes, u: Lanes) -> Lanes:
    """The draw for concentrations from 1 on and three uniform numbers."""
    d = where(a >= 1, a, math.nan) - 1 / 3
    c = 1 / (d * 9).apply("sqrt")
    z = _normal(radius, angle)
    v, square = _cube(c, z), z * z
    surely = (u < square * square * -0.0331 + 1) & (v > 0)
    rest = ~surely
    rest = unless(rest, rest, lambda: _is_rejected(d, v, z, u))
    seeds = radius.as_integer() * 0
    for unit in (radius, angle, u):
        seeds = _mixed(seeds ^ unit.as_integer())

    def turn(rest: Lanes, v: Lanes, seeds: Lanes) -> tuple[Lanes, Lanes, Lanes]:
        units = []
        for _ in range(3):
            seeds = seeds + _STEP
            units.append((_mixed(seeds) >> 11).convert("uitofp", "double") * 2.0**-53)
        z = _normal(units[0], units[1])
        found = where(rest, _cube(c, z), v)
        return rest & _is_rejected(d, found, z, units[2]), found, seeds

    return d * repeated(rest, [v, seeds], turn)[0]


def _normal(radius: Lanes, angle: Lanes) -> Lanes:
    return (log1p(-radius) * -2).apply("sqrt") * cos(angle * (2 * math.pi))


def _cube(c: Lanes, z: Lanes) -> Lanes:
    root = c * z + 1
    return root * root * root


def _is_rejected(d: Lanes, v: Lanes, z: Lanes, u: Lanes) -> Lanes:
    """Whether a proposal is rejected; NaN is not."""
    return (v <= 0) | (log(u) >= z * z * 0.5 + d * (1 - v + log(v)))


def _mixed(words: Lanes) -> Lanes:
    words = (words ^ words >> 30) * 0xBF58476D1CE4E5B9
    words = (words ^ words >> 27) * 0x94D049BB133111EB
    return words ^ words >> 31
