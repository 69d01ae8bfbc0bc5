"""Grid: how a sum over windows is divided among the processor's tiles, if its factors are words.

A tile of the left factor has rows of the result by words of one inner variable, one of the right
factor these words by 16 neighbors along the lanes. For each place of the other inner variables the
tiles are read where they lie: windows are other addresses. Two tiles of rows and two of columns go
side by side, where there are so many.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from chainrule.codegen.windows.roles import Roles
from chainrule.codegen.windows.sources import Source, framed, stands_alone, there

__all__ = ["Grid", "grid_of"]

_SIDE: Final = 16  # rows, and words of a row, that a tile has at most
_NEAR: Final = 40 << 10  # bytes of the left factor that stay in the first cache
_BOTH: Final = 52 << 10  # bytes of both that do, all but for what was used last
_FRAMES: Final = 256 << 10  # bytes of a frame that is made at once
_LEAST: Final = 8  # cycles in which the processor asks for a tile's rows
_MOVED: Final = 40  # cycles to read a tile of sums and to write it again
_COPIED: Final = 4  # cycles for a vector that is copied, or given


class Grid(NamedTuple):
    """Tiles.

    row, height     the variable down the rows, and the rows of a tile
    deep, depth     the inner variable along the words, and the words of a tile
    down, across    tiles of rows and of columns that go side by side
    beside          the variable of columns that these count; None: the lanes
    part            an inner variable that is done in parts, and the extent of a part
    """

    row: int
    height: int
    deep: int
    depth: int
    down: int
    across: int
    beside: int | None
    part: tuple[int, int] | None

    @property
    def fills(self) -> int:
        """How many tiles of sums are in use."""
        return self.down * self.across


Found = tuple[Grid, int | None, tuple[Source, Source], float]


def grid_of(roles: Roles, lanes: int) -> Found | None:
    """The tiles for a sum of words, the variable done at one place at a time, and the cycles."""
    left, right = roles.left, roles.right
    deep = next((v for v in roles.inner if left.flat.coefficient(v) == 1), None)
    if lanes != _SIDE or deep is None or len(roles.rows) != 1 or left.guards:
        return None
    if right.flat.coefficient(deep) < 1 or right.flat.coefficient(roles.lane) != 1:
        return None
    (row,) = roles.rows
    extents = {v: roles.size(v) for v in (row, *roles.columns, roles.lane, *roles.inner)}
    first, own = roles.inner[0], set(extents)
    copied = framed(right, extents, 2 * lanes)
    stage = None
    is_large = copied is not None and copied.elements * 4 > _FRAMES
    if is_large and first != deep and all(stands_alone(x, first, own) for x in (left, right)):
        stage, extents = first, {**extents, first: 1}
        copied = framed(right, extents, 2 * lanes)
    if copied is None or copied.form.coefficient(roles.lane) != 1:
        return None
    height, depth = (_largest(extents[v], _SIDE) for v in (row, deep))
    vectors = -(-extents[roles.lane] // lanes)
    beside = None
    if vectors % 2:
        beside = next((v for v in reversed(roles.columns) if extents[v] % 2 == 0), None)
    down = 2 if extents[row] // height % 2 == 0 else 1
    across = 2 if vectors % 2 == 0 or beside is not None else 1
    sources = there(left, extents), copied
    grid = Grid(row, height, deep, depth, down, across, beside, None)
    grid = grid._replace(part=_part(roles, grid, extents, sources, stage))
    return grid, stage, sources, _cycles(roles, grid, extents, sources, stage)


def _largest(extent: int, most: int) -> int:
    """The largest divisor that is no larger than a number."""
    return next(n for n in range(min(extent, most), 0, -1) if extent % n == 0)


def _part(
    roles: Roles,
    grid: Grid,
    extents: dict[int, int],
    sources: tuple[Source, Source],
    stage: int | None,
) -> tuple[int, int] | None:
    """The first inner variable, in parts of which both factors stay in the first cache."""
    others = [v for v in roles.inner if v not in (grid.deep, stage)]
    rows = grid.height * grid.down
    bytes_ = 4 * rows * extents[grid.deep] * math.prod(extents[v] for v in others)
    if not others or bytes_ <= _NEAR:
        return None
    v, frame = others[0], sources[1].frame
    assert frame is not None
    axis = next((a for a in frame.axes if any(w == v for w, _ in a.steps)), None)
    right = 4 * frame.elements // axis.size if axis else 0
    return v, _largest(extents[v], max(_BOTH // (bytes_ // extents[v] + right), 1))


def _cycles(
    roles: Roles,
    grid: Grid,
    extents: dict[int, int],
    sources: tuple[Source, Source],
    stage: int | None,
) -> float:
    """Of everything."""
    stages = 1 if stage is None else roles.size(stage)
    batch = math.prod(roles.size(v) for v in roles.batch)
    vectors = -(-extents[roles.lane] // _SIDE)
    sums = extents[grid.row] // grid.height * vectors
    sums *= math.prod(extents[v] for v in roles.columns)
    blocks = sums / grid.fills
    others = math.prod(extents[v] for v in roles.inner if v != grid.deep)
    steps = others * extents[grid.deep] // grid.depth
    multiplied = grid.fills * max(grid.height, _LEAST)
    read = grid.down * grid.height / 2 + grid.across * grid.depth
    parts = 1 if grid.part is None else extents[grid.part[0]] // grid.part[1]
    moved = sums * parts * _MOVED
    copied = sum(s.elements for s in sources) / _SIDE * _COPIED
    given = sums * grid.height * _COPIED * (1 + roles.is_turned)
    return batch * (stages * (blocks * steps * max(multiplied, read) + moved + copied) + given)
