"""Sums over windows in the processor's tiles: every place of the inner axes is added to them.

Tiles of both factors are read where they lie, with the windows' places as their addresses. What is
done in parts is read from memory and written again between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value
from chainrule.codegen.products.tiles import Tiles
from chainrule.codegen.windows.grid import Grid
from chainrule.codegen.windows.plan import Plan

__all__ = ["add_block"]

_WORD: Final = 4  # bytes
_TURNS: Final = 9  # of the last inner loops that are written out


class _At(NamedTuple):
    """Where both factors and the sums are read."""

    left: Value
    right: Value
    sums: Value


def add_block(
    b: Builder, plan: Plan, made: Tiles, left: Value, right: Value, sums: Value, *, afresh: bool
) -> None:
    """Add a block of the inner axes to all sums, which are zero before if it is done ``afresh``."""
    assert plan.grid is not None
    _Writer(b, plan, plan.grid, made).add(_At(left, right, sums), afresh=afresh)


class _Writer(NamedTuple):
    """Writes the loops of a plan around tiles that are in use."""

    b: Builder
    plan: Plan
    grid: Grid
    made: Tiles

    def add(self, at: _At, *, afresh: bool) -> None:
        """Go through the parts of the inner axes, the rows and the columns."""
        b, plan, grid, roles = self.b, self.plan, self.grid, self.plan.roles
        loops = [] if grid.part is None else [grid.part]
        loops.append((grid.row, grid.height * grid.down))
        loops += [(v, grid.across if v == grid.beside else 1) for v in roles.columns]
        with ExitStack() as stack:
            for v, step in loops:
                loop = stack.enter_context(b.loop(0, roles.size(v), step))
                at = self._moved(at, v, loop.index)
            wide = plan.lanes * (grid.across if grid.beside is None else 1)
            lane = stack.enter_context(b.loop(0, plan.padded, wide)).index
            kind = plan.kind
            at = _At(at.left, b.offset(at.right, lane, kind), b.offset(at.sums, lane, kind))
            self._block(at, afresh=afresh and grid.part is None)

    def _moved(self, at: _At, v: int, index: Index) -> _At:
        """The same at another place of a variable."""
        b, plan = self.b, self.plan
        forms = plan.left.form, plan.right.form, plan.sums_form()
        steps = (b.mul(b.number(index), form.coefficient(v)) for form in forms)
        return _At(*(b.offset(p, step, plan.kind) for p, step in zip(at, steps, strict=True)))

    def _block(self, at: _At, *, afresh: bool) -> None:
        """The sums of tiles that go side by side."""
        plan, grid, made = self.plan, self.grid, self.made
        form, beside = plan.sums_form(), grid.beside
        step = form.coefficient(grid.row)
        apart = plan.lanes if beside is None else form.coefficient(beside)
        places = {
            i * grid.across + j: self.b.offset(
                at.sums, i * grid.height * step + j * apart, plan.kind
            )
            for i, j in product(range(grid.down), range(grid.across))
        }
        for tile, place in places.items():
            if afresh:
                made.clear(tile)
            else:
                made.load(tile, place, step * _WORD)
        extents = {v: plan.roles.size(v) for v in plan.roles.inner if v != plan.stage}
        extents |= dict([grid.part]) if grid.part else {}
        steps = {v: grid.depth if v == grid.deep else 1 for v in extents}
        inner = sorted(extents, key=lambda v: v == grid.deep)
        self._inner(at, [(v, extents[v], steps[v]) for v in inner])
        for tile, place in places.items():
            made.store(tile, place, step * _WORD)

    def _inner(self, at: _At, loops: Sequence[tuple[int, int, int]]) -> None:
        """Go through the inner axes; the last ones are written out, if they are short."""
        if not loops:
            self._step(at)
            return
        (v, extent, step), *rest = loops
        if math.prod(other // size for _, other, size in loops) <= _TURNS:
            for k in range(0, extent, step):
                self._inner(self._moved(at, v, k), rest)
            return
        with self.b.loop(0, extent, step) as loop:
            self._inner(self._moved(at, v, loop.index), rest)

    def _step(self, at: _At) -> None:
        """Multiply the tiles of a place."""
        b, plan, grid, made = self.b, self.plan, self.grid, self.made
        left, right = plan.left.form, plan.right.form
        apart = plan.lanes if grid.beside is None else right.coefficient(grid.beside)
        for j in range(grid.across):
            place = b.offset(at.right, j * apart, plan.kind)
            made.load(6 + j, place, right.coefficient(grid.deep) * _WORD)
        step = left.coefficient(grid.row)
        for i in range(grid.down):
            made.load(4 + i, b.offset(at.left, i * grid.height * step, plan.kind), step * _WORD)
            for j in range(grid.across):
                made.add_products(i * grid.across + j, 4 + i, 6 + j)
