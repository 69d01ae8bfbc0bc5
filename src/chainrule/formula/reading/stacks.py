"""Joined arrays in derivations: [A; B] one below the other, [A, B] side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chainrule.algebra.sizes import combined
from chainrule.formula.reading.operators import MisfitError, Term, called, tree_dims
from chainrule.formula.reading.reductions import Options, axis_of
from chainrule.formula.reading.shapes import Shape, Unknowns, shown
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number

__all__ = ["stack", "stacked"]

_ZERO: Final = number(0)


def stacked(unknowns: Unknowns, parts: Sequence[Term], axis: int) -> Term:
    """[A; B] for axis 0, [A, B] for axis 1; 𝟎 has the size that fits.

    Raises:  MisfitError: parts whose other sides differ.
    """
    parts = [Term(p.tree, (), "zero") if p.tree == _ZERO else p for p in parts]  # [I; 0] in ASCII
    column = axis == 0 and all(p.rank < 2 for p in parts)
    made = [_filled(unknowns, column) if p.meta == "zero" else p for p in parts]
    if column:
        size = combined(*((1, p.shape[0] if p.rank else "1") for p in made))
        return Term(ts.Stacked((size,), tuple(p.tree for p in made), 0), (size,))
    grids = [_grid(p) for p in made]
    across = grids[0][1 - axis]
    for grid in grids[1:]:
        if not unknowns.same(across, grid[1 - axis]):
            raise MisfitError(
                f"{shown(grids[0])} and {shown(grid)} cannot be joined "
                + ("one below the other" if axis == 0 else "side by side")
            )
    along = combined(*((1, unknowns.value(g[axis])) for g in grids))
    shape = (along, across) if axis == 0 else (across, along)
    return Term(ts.Stacked(tree_dims(shape), tuple(p.tree for p in made), axis), shape)


def _filled(unknowns: Unknowns, column: bool) -> Term:
    """𝟎 with sizes of its own, to be found."""
    shape = (unknowns.fresh(),) if column else (unknowns.fresh(), unknowns.fresh())
    return Term(ts.Zero(tree_dims(shape)), shape)


def _grid(part: Term) -> Shape:
    """Rows and columns of a part; a vector is a column, and cannot stand above a matrix."""
    if part.rank == 0:
        return "1", "1"
    return part.shape if part.rank == 2 else (part.shape[0], "1")


def stack(unknowns: Unknowns, parts: Sequence[Term], options: Options) -> Term:
    """Arrays along a new axis, as np.stack.

    Raises:  MisfitError: no list of arrays, or arrays of different shapes.
    """
    items = parts[0].meta
    if not isinstance(items, list):
        raise MisfitError("stack takes a list of arrays")
    for item in items[1:]:
        if not unknowns.match(items[0].shape, item.shape):
            raise MisfitError(f"{shown(items[0].shape)} and {shown(item.shape)} cannot be stacked")
    axis = (axis_of(parts, options) or 0) % (items[0].rank + 1)
    shape = (*items[0].shape[:axis], str(len(items)), *items[0].shape[axis:])
    return called("stack", items, shape, (axis,))
