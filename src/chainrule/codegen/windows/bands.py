"""Bands: few rows are cut along the channels too, so that threads and caches have their share.

A small batch has few images, and the derivative by a large kernel has no rows at all. A band is a
part of one variable that the windows do not move along. All bands read the other operand again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.statements.fuse import own_rank
from chainrule.codegen.statements.loops import Band, Load, Statement, Times
from chainrule.codegen.statements.split import split_one
from chainrule.codegen.statements.steps import Step
from chainrule.codegen.windows.plan import Plan, cheapest

__all__ = ["cut_rows"]

_ENOUGH: Final = 8  # rows that are worth no bands
_TILES: Final = 64  # bands of all rows together, at most
_LEAST: Final = 1 << 17  # products; fewer are done before a second thread begins
_STORE: Final = 0.5  # cycles for an element that goes through memory


def cut_rows(steps: Iterable[Step], target: Target) -> Iterator[Step]:
    """Give the steps; sums over windows that have few rows, or too long ones, get bands."""
    for step in steps:
        yield _cut(step, target) if isinstance(step, Statement) and _may_be_cut(step) else step


def _may_be_cut(s: Statement) -> bool:
    if s.kind != "sum" or not isinstance(s.value, Times) or math.prod(s.extents) < _LEAST:
        return False
    return (
        s.band is None and not s.added and all(isinstance(load, Load) for load in s.value.operands)
    )


def _cut(s: Statement, target: Target) -> Statement:
    """The statement with the bands that take the least time, if there are any."""
    rank = own_rank(s)
    rows = math.prod(s.extents[:rank])
    found = cheapest(target, s, rank) if rows >= _ENOUGH else None
    if found is not None:
        return s
    best, least = s, _apart(s, target)
    has_parts = least < math.inf
    for band in _bands(s, rank):
        made = s._replace(band=band)
        tiles = math.prod(s.extents[: band.rank]) * (s.extents[band.variable] // band.size)
        found = cheapest(target, made, band.rank)
        if found is not None and has_parts and found[0].left.how == "there":
            continue  # each band would walk through all images, which parts share
        time = _time(found, tiles)
        if time < least:
            best, least = made, time
    return best


def _apart(s: Statement, target: Target) -> float:
    """The time of partial sums of the images, if there are any."""
    partial, *_ = split_one(s)
    if partial is s:
        return math.inf
    parts = partial.target.shape[0]
    found = cheapest(target, partial, own_rank(partial))
    return _time(found, parts) + parts * math.prod(s.target.shape) * _STORE


def _time(found: tuple[Plan, float] | None, tiles: int) -> float:
    """Cycles of so many tiles, by what few threads need and what many do."""
    return math.inf if found is None else found[1] * (-(-tiles // 2) / 2 + -(-tiles // 8))


def _bands(s: Statement, most: int) -> Iterator[Band]:
    """The ways to cut a statement; a band of everything leaves the rows as they are."""
    assert isinstance(s.value, Times)
    guarded = {v for load in s.value.operands for g in load.guards for v, _ in g.form.terms}
    for rank in range(min(most, s.rank) + 1):
        if rank < s.rank and s.extents[rank] == 1:
            continue
        rows = math.prod(s.extents[:rank])
        for v in range(rank, s.rank):
            n = s.extents[v]
            if v in guarded or n == 1:
                continue
            counts = range(1, min(n, _TILES // rows) + 1)
            yield from (Band(rank, v, n // count) for count in counts if n % count == 0)
