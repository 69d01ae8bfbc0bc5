"""Grid: how a sum over windows is divided among the processor's tiles, if its factors are words.

A tile of the left factor has rows of the result by words of one inner variable, one of the right
factor these words by 16 neighbors along the lanes. For each place of the other inner variables the
tiles are read where they lie: windows are other addresses. Two tiles of rows and two of columns go
side by side, where there are so many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from chainrule.codegen.windows.roles import Roles
from chainrule.codegen.windows.sources import Source, framed, stands_alone, there

__all__ = ["Grid", "Tiling", "tiling_of"]

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


class Tiling(NamedTuple):
    """A sum that is divided.

    stage     the variable that is done at one place at a time, if there is one
    extents   of the variables that move meanwhile
    sources   where the factors are read
    """

    roles: Roles
    stage: int | None
    extents: Mapping[int, int]
    sources: tuple[Source, Source]
    grid: Grid

    @property
    def cycles(self) -> float:
        """Of everything."""
        roles, grid, extents = self.roles, self.grid, self.extents
        stages = 1 if self.stage is None else roles.size(self.stage)
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
        copied = sum(s.elements for s in self.sources) / _SIDE * _COPIED
        given = sums * grid.height * _COPIED * (1 + roles.is_turned)
        return batch * (stages * (blocks * steps * max(multiplied, read) + moved + copied) + given)


def tiling_of(roles: Roles, lanes: int) -> Tiling | None:
    """The tiles for a sum of words, if it can be divided."""
    left, right = roles.left, roles.right
    deep = next((v for v in roles.inner if left.flat.coefficient(v) == 1), None)
    if lanes != _SIDE or deep is None or len(roles.rows) != 1 or left.guards:
        return None
    if right.flat.coefficient(deep) < 1 or right.flat.coefficient(roles.lane) != 1:
        return None
    extents = {v: roles.size(v) for v in (*roles.rows, *roles.columns, roles.lane, *roles.inner)}
    first, own = roles.inner[0], set(extents)
    copied = framed(right, extents, 2 * lanes)
    stage = None
    is_large = copied is not None and copied.elements * 4 > _FRAMES
    if is_large and first != deep and all(stands_alone(x, first, own) for x in (left, right)):
        stage, extents = first, {**extents, first: 1}
        copied = framed(right, extents, 2 * lanes)
    if copied is None or copied.form.coefficient(roles.lane) != 1:
        return None
    made = Tiling(roles, stage, extents, (there(left, extents), copied), _grid(roles, deep))
    return made._replace(grid=made.grid._replace(part=_part(made)))


def _grid(roles: Roles, deep: int) -> Grid:
    """The tiles, and how many go side by side, if no inner variable is done in parts."""
    (row,) = roles.rows
    height, depth = (_largest(roles.size(v), _SIDE) for v in (row, deep))
    vectors = -(-roles.size(roles.lane) // _SIDE)
    beside = None
    if vectors % 2:
        beside = next((v for v in reversed(roles.columns) if roles.size(v) % 2 == 0), None)
    down = 2 if roles.size(row) // height % 2 == 0 else 1
    across = 2 if vectors % 2 == 0 or beside is not None else 1
    return Grid(row, height, deep, depth, down, across, beside, None)


def _largest(extent: int, most: int) -> int:
    """The largest divisor that is no larger than a number."""
    return next(n for n in range(min(extent, most), 0, -1) if extent % n == 0)


def _part(made: Tiling) -> tuple[int, int] | None:
    """The first inner variable, in parts of which both factors stay in the first cache."""
    grid, extents = made.grid, made.extents
    others = [v for v in made.roles.inner if v not in (grid.deep, made.stage)]
    rows = grid.height * grid.down
    bytes_ = 4 * rows * extents[grid.deep] * math.prod(extents[v] for v in others)
    if not others or bytes_ <= _NEAR:
        return None
    v, frame = others[0], made.sources[1].frame
    assert frame is not None
    axis = next((a for a in frame.axes if any(w == v for w, _ in a.steps)), None)
    right = 4 * frame.elements // axis.size if axis else 0
    return v, _largest(extents[v], max(_BOTH // (bytes_ // extents[v] + right), 1))
