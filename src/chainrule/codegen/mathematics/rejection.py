"""Gamma draws, as ir/rejection.py has them: proposals until all lanes accept one.

Source:  marsaglia2000simple; box1958note; steele2014fast
"""

from __future__ import annotations

import math

from chainrule.codegen.mathematics.lanes import Lanes, repeated, unless, where
from chainrule.codegen.mathematics.logarithms import log, log1p
from chainrule.codegen.mathematics.trigonometry import cos
from chainrule.ir.rejection import MIX, SQUEEZE, STEP

__all__ = ["gamma_draw"]


def gamma_draw(a: Lanes, radius: Lanes, angle: Lanes, u: Lanes) -> Lanes:
    """The draw for concentrations from 1 on and three uniform numbers."""
    d = where(a >= 1, a, math.nan) - 1 / 3
    c = 1 / (d * 9).apply("sqrt")
    z = _normal(radius, angle)
    v, square = _cube(c, z), z * z
    surely = (u < square * square * SQUEEZE + 1) & (v > 0)
    rest = ~surely
    rest = unless(rest, rest, lambda: _is_rejected(d, v, z, u))
    seeds = radius.as_integer() * 0
    for unit in (radius, angle, u):
        seeds = _mixed(seeds ^ unit.as_integer())

    def turn(rest: Lanes, v: Lanes, seeds: Lanes) -> tuple[Lanes, Lanes, Lanes]:
        units = []
        for _ in range(3):
            seeds = seeds + STEP
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
    first, one, second, two, third = MIX
    words = (words ^ words >> first) * one
    words = (words ^ words >> second) * two
    return words ^ words >> third
