"""Split: long sums into few places become partial sums that threads share, added up at the end.

y[i] = Σ_{j<E} x[i, j]   →   p[c, i] = Σ_{j<E/C} x[i, c·E/C + j],   y[i] = Σ_c p[c, i]

So do extrema, and questions about any or all elements, where there are no rows to share. How many
parts depends on shapes only, so bits do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.columns import by_columns, is_by_columns
from chainrule.codegen.statements.fuse import own_rank
from chainrule.codegen.statements.loops import Load, Pairs, Statement, Times, loads, renamed
from chainrule.codegen.statements.steps import Step
from chainrule.ir import build
from chainrule.ir.graph import Node

__all__ = ["split_one", "split_sums"]

_FEW: Final = 1 << 16  # places of the result that are worth any number of parts
_MOST: Final = 1 << 22  # places of all parts of more
_DEEP: Final = 64  # products that are worth a place of a part
_SHARED: Final = frozenset({"max", "min", "any", "all"})
_LEAST: Final = 16  # rows that threads share as they are
_ROWS: Final = 64  # sums of whole rows from which on threads share the rows
_MUCH: Final = 1 << 18  # elements that are added up
_PARTS: Final = (16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4)


def split_sums(steps: Iterable[Step], is_whole: Callable[[Statement], bool]) -> Iterator[Step]:
    """Give the steps with long sums in two stages, but for those that are fast as they are."""
    made: set[Node] = set()
    for step in steps:
        if isinstance(step, Statement) and not is_whole(step) and is_by_columns(step):
            yield from by_columns(step)
        elif isinstance(step, Statement) and step.kind == "sum" and not is_whole(step):
            if _goes_along(step, made):
                yield from _by_rows(step)
            elif _goes_along_rows(step, made):
                yield from _row_by_row(step)
            else:
                yield from split_one(step)
        elif isinstance(step, Statement) and step.kind in _SHARED and _has_few_rows(step):
            yield from split_one(step)
        else:
            yield step
        if isinstance(step, Statement):
            made.add(step.target)


def _has_few_rows(s: Statement) -> bool:
    """Whether a kernel of this statement alone would have no rows that threads can share."""
    return s.band is None and math.prod(s.target.shape[: own_rank(s)]) < _LEAST


def _goes_along(s: Statement, made: set[Node]) -> bool:
    """Whether a long sum of all elements reads rows that were just made.

    Added up row by row, it can be a part of the kernel that makes them.
    """
    *rows, last = s.extents[s.rank :]
    if math.prod(s.target.shape) > 1 or math.prod(s.extents) < _MUCH:
        return False
    if math.prod(rows) < _ROWS or last < _ROWS:
        return False
    inner = len(s.extents) - 1
    ordered = flattened(tuple(map(variable, range(s.rank, inner + 1))), s.extents[s.rank :])
    return any(load.source in made and load.flat == ordered for load in loads(s.value))


def _by_rows(s: Statement) -> Iterator[Statement]:
    """A sum of all elements as one of the sums of rows."""
    shape, rank = s.target.shape, s.rank
    *rows, last = s.extents[rank:]
    partial = build.parameter((*rows, *shape), s.target.dtype)
    moved = {rank + k: variable(k) for k in range(len(rows))}
    moved |= {k: variable(len(rows) + k) for k in range(rank)}
    yield Statement(partial, (*rows, *shape, last), "sum", renamed(s.value, moved))
    yield from split_one(_of_parts(s, partial))


def _goes_along_rows(s: Statement, made: set[Node]) -> bool:
    """Whether sums of a few channels, say, go through the rows of what was just made.

    Of each row, such as an image, they are then a part of the kernel that makes it.
    """
    places, inner = math.prod(s.target.shape), s.extents[s.rank :]
    if isinstance(s.value, Times | Pairs) or not s.rank or len(inner) < 2:
        return False
    if places * math.prod(inner) < _MUCH or inner[0] < _ROWS or math.prod(inner[1:]) < _ROWS:
        return False
    return any(
        load.source in made
        and load.source.shape[0] == inner[0]
        and load.flat.coefficient(s.rank) == math.prod(load.source.shape[1:])
        for load in loads(s.value)
        if isinstance(load, Load) and load.source.ndim > 1
    )


def _row_by_row(s: Statement) -> Iterator[Statement]:
    """Sums as those of each row, added up."""
    rank, shape, rows = s.rank, s.target.shape, s.extents[s.rank]
    partial = build.parameter((rows, *shape), s.target.dtype)
    moved = {k: variable(k + 1) for k in range(rank)} | {rank: variable(0)}
    yield Statement(partial, (rows, *shape, *s.extents[rank + 1 :]), "sum", renamed(s.value, moved))
    yield _of_parts(s, partial)


def split_one(s: Statement) -> Iterator[Statement]:
    """A reduction in two stages if it is long, or as it is."""
    parts = _parts(s)
    if parts is None:
        yield s
        return
    shape, rank, first = s.target.shape, s.rank, s.extents[s.rank]
    partial = build.parameter((parts, *shape), s.target.dtype)
    moved: dict[int, Affine] = {k: variable(k + 1) for k in range(len(s.extents))}
    moved[rank] = variable(rank + 1).plus(variable(0), first // parts)
    value = renamed(s.value, moved)
    extents = (parts, *shape, first // parts, *s.extents[rank + 1 :])
    yield Statement(partial, extents, s.kind, value)
    yield _of_parts(s, partial)


def _of_parts(s: Statement, partial: Node) -> Statement:
    """The last stage of a reduction: what it gives of its parts, which the first axes count."""
    rank, lead = s.rank, partial.ndim - s.rank
    index = tuple(map(variable, (*range(rank, rank + lead), *range(rank))))
    read = Load(partial, flattened(index, partial.shape), (), partial.dtype)
    return Statement(s.target, (*s.target.shape, *partial.shape[:lead]), s.kind, read)


def _parts(s: Statement) -> int | None:
    """How many parts there are; None if one is enough."""
    places, inner = math.prod(s.target.shape), math.prod(s.extents[s.rank :])
    if places * inner < _MUCH or _is_of_rows(s):
        return None
    most = _PARTS[0] if places <= _FEW else min(inner // _DEEP, _MOST // places)
    return next((n for n in _PARTS if s.extents[s.rank] % n == 0 and n <= most), None)


def _is_of_rows(s: Statement) -> bool:
    """Whether many rows that lie in memory as they are get a sum each: rows enough to share."""
    last = len(s.extents) - 1
    steps = {load.flat.coefficient(last) for load in loads(s.value)}
    along = 1 in steps and steps <= {0, 1}
    return math.prod(s.target.shape) >= _ROWS and last == s.rank and along
