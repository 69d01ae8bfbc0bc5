"""How a sum of products over windows is divided: register tiles, blocks of the inner axes, copies.

Everything follows from shapes and the instruction set, never from the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import bits, register
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Statement
from chainrule.codegen.windows.grid import Grid, tiling_of
from chainrule.codegen.windows.roles import Roles, roles_of
from chainrule.codegen.windows.sources import Source, sources_of, stands_alone

__all__ = ["WRITTEN_OUT", "Plan", "cheapest", "plan_of"]

WRITTEN_OUT: Final = 240  # multiply-adds that are written one after another
_NEAR: Final = 16 << 10  # bytes of an operand that stay in the first cache
_PACKED: Final = 160 << 10  # bytes of an operand that are laid out at once
_MOST: Final = 2 << 20  # bytes of copies that are worth it
_LEAST: Final = 1 << 13  # products in a row that are worth a tile
_WORTH: Final = 0.5  # of the processor's speed: below it plain loops are as good
_LOAD: Final = 0.6  # cycles of a load, of which two at a time are seldom ready
_CROWDED: Final = 0.05  # what a sum beyond 5/8 of the registers costs in loops that turn often
_FAR: Final = 0.2  # cycles for a vector that comes from the second cache


class Plan(NamedTuple):
    """A sum of products in tiles.

    lanes, vectors, wide   elements in a register, registers along the lanes, and in a tile
    tile                   the extent of a tile in each row and column
    stage, block           the inner variable that is done in blocks, and how much at once
    twice                  whether sums have two places, since tiles overlap
    grid                   the processor's tiles, if it is those that hold the sums
    """

    roles: Roles
    kind: str
    lanes: int
    vectors: int
    wide: int
    tile: Mapping[int, int]
    stage: int | None
    block: int
    left: Source
    right: Source
    twice: bool
    grid: Grid | None = None

    @property
    def padded(self) -> int:
        """Lanes in all, those that no element has included."""
        return self.vectors * self.lanes

    @property
    def places(self) -> tuple[int, ...]:
        """The variables of the sums, slowest first; the lanes follow."""
        return (*self.roles.rows, *self.roles.columns)

    @property
    def sums(self) -> int:
        """Elements of the sums, with room for a square of vectors beyond."""
        if self.is_direct:
            return 0
        made = math.prod(self.roles.size(v) for v in self.places) + self.lanes
        apart = self._apart * (1 if self.grid is None else self.roles.size(self.grid.row))
        return made * self.padded + apart

    @property
    def blocks(self) -> int:
        """How many blocks the inner axes have."""
        return 1 if self.stage is None else -(-self.roles.size(self.stage) // self.block)

    @property
    def is_direct(self) -> bool:
        """Whether tiles are written where the target is: whole ones, once, as they lie there."""
        whole = self.roles.size(self.roles.lane) == self.padded
        once = self.grid is not None and self.blocks == 1 and self.grid.part is None
        return once and whole and not self.roles.is_turned

    @property
    def _apart(self) -> int:
        """Elements between rows of tiles: at multiples of a page they would push each other out."""
        return self.lanes if self.grid is not None and self.roles.columns else 0

    def sums_form(self) -> Affine:
        """Where the sum of a place is."""
        if self.is_direct:
            own = self.roles.form.terms
            return Affine(0, tuple((v, c) for v, c in own if v in self.places))
        made, stride = Affine(0), self.padded
        for v in reversed(self.places):
            if self.grid is not None and v == self.grid.row:
                stride += self._apart
            made = made.plus(Affine(0, ((v, stride),)))
            stride *= self.roles.size(v)
        return made


def plan_of(target: Target, s: Statement, rank: int) -> Plan | None:
    """The best plan for a statement whose first ``rank`` variables stand still, if one is good."""
    found = cheapest(target, s, rank)
    return None if found is None else found[0]


def cheapest(target: Target, s: Statement, rank: int) -> tuple[Plan, float] | None:
    """The same, and its cycles."""
    best, least = None, math.inf
    turns = math.prod(s.own[rank:])
    if turns < _LEAST:
        return None
    for roles in roles_of(s, rank):
        found = _plan(target, roles)
        if found is not None and found[1] < least:
            best, least = found
    steps = turns / (2 * target.lanes(register(s.target.dtype)))
    return (best, least) if best is not None and steps > _WORTH * least else None


def _plan(target: Target, roles: Roles) -> tuple[Plan, float] | None:
    """A plan of these roles, and its cycles."""
    kind = register(roles.left.dtype)
    lanes = target.lanes(kind)
    size = bits(kind) // 8
    vectors = -(-roles.size(roles.lane) // lanes)
    if roles.is_tiled:
        return _tiled(roles, kind, lanes, vectors)
    sources = sources_of(roles, lanes, {})
    if sources is None:
        return None
    unaligned = 2 if sources[1].how == "framed" else 1
    rows, columns = (tuple(map(roles.size, group)) for group in (roles.rows, roles.columns))
    turns = math.prod(map(roles.size, roles.inner[1:]))
    cycles, wide, extents = _shape(
        _Sizes(target.registers, rows, columns, vectors, unaligned, turns)
    )
    tile = dict(zip((*roles.rows, *roles.columns), extents, strict=True))
    stage, block = _stage(roles, sources, (wide, tile), lanes * size)
    own = {} if stage is None else {stage: block}
    sources = sources_of(roles, lanes, own)
    if sources is None or sum(s.elements for s in sources) * size > _MOST:
        return None
    overlaps = any(roles.size(v) % t for v, t in tile.items())
    blocks = 1 if stage is None else -(-roles.size(stage) // block)
    batch = math.prod(roles.size(v) for v in roles.batch)
    copied = sum(s.elements for s in sources) * blocks / lanes * 4
    inner = math.prod(roles.size(v) for v in roles.inner)
    plan = Plan(
        roles, kind, lanes, vectors, wide, tile, stage, block, *sources,
        twice=overlaps and blocks > 1,
    )  # fmt: skip
    if plan.sums * size > _MOST:
        return None
    return plan, (cycles * inner + copied) * batch


def _tiled(roles: Roles, kind: str, lanes: int, vectors: int) -> tuple[Plan, float] | None:
    """A plan in the processor's tiles, and its cycles."""
    made = tiling_of(roles, lanes)
    if made is None:
        return None
    plan = Plan(
        roles, kind, lanes, vectors, 1, {}, made.stage, 1, *made.sources,
        twice=False, grid=made.grid,
    )  # fmt: skip
    elements = plan.sums + sum(s.elements for s in made.sources)
    return (plan, made.cycles) if elements * bits(kind) // 8 <= _MOST else None


# ---------------------------------------------------------------- sizes


def _stage(
    roles: Roles, sources: tuple[Source, Source], shape: tuple[int, Mapping[int, int]], line: int
) -> tuple[int | None, int]:
    """The inner variable that is done in blocks, and how much of it at once."""
    stage, *rest = roles.inner
    own = {*roles.rows, *roles.columns, roles.lane, *roles.inner}
    if not all(stands_alone(load, stage, own) for load in (roles.left, roles.right)):
        return None, 1
    wide, tile = shape
    around = math.prod(roles.size(v) for v in rest)
    if sources[1].how == "packed":
        vectors = -(-roles.size(roles.lane) * bits(register(roles.left.dtype)) // 8 // line)
        most = _PACKED // (around * vectors * line)
    elif sources[1].how == "framed":
        rows = math.prod(tile[v] for v in roles.rows)
        most = _NEAR // (around * rows * 4)
    else:
        most = _NEAR // (around * wide * line)
    extent = roles.size(stage)
    count = -(-extent // max(most, 1))
    return stage, -(-extent // count)


class _Sizes(NamedTuple):
    """What decides the extents of tiles.

    unaligned   what a vector's load costs more
    turns       of the inner axes but for the first one
    """

    registers: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    vectors: int
    unaligned: int
    turns: int


@lru_cache(1024)
def _shape(sizes: _Sizes) -> tuple[float, int, tuple[int, ...]]:
    """The cycles of an inner step over all tiles, and the vectors and extents of the best tile."""
    return min(_shapes(sizes), key=lambda found: found[0])


def _shapes(sizes: _Sizes) -> Iterator[tuple[float, int, tuple[int, ...]]]:
    """The tiles whose sums fit into registers."""
    free = sizes.registers - 1
    extents = (*sizes.rows, *sizes.columns)
    ranges = [range(1, min(n, free) + 1) for n in extents]
    for wide in (w for w in range(1, sizes.vectors + 1) if sizes.vectors % w == 0):
        for tile in _within(ranges, free // wide):
            rows = math.prod(tile[: len(sizes.rows)])
            across = wide * math.prod(tile[len(sizes.rows) :])
            if rows * across + across > free:
                continue
            tiles = sizes.vectors // wide
            for n, t in zip(extents, tile, strict=True):
                tiles *= -(-n // t)
            loads = (rows + sizes.unaligned * across) * _LOAD
            step = max(rows * across / 2, loads, 4) + _FAR * across + 0.02 * rows
            if rows * across * sizes.turns > WRITTEN_OUT:
                step *= 1 + _CROWDED * max(rows * across - sizes.registers * 5 // 8, 0)
            yield tiles * step, wide, tile


def _within(ranges: Sequence[range], most: int) -> Iterator[tuple[int, ...]]:
    """The choices of one number of each range whose product is no larger."""
    if not ranges:
        yield ()
        return
    for n in ranges[0]:
        if n > most:
            return
        for rest in _within(ranges[1:], most // n):
            yield n, *rest
