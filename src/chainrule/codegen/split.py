"""Split: long sums into few places become partial sums that threads share, added up at the end.

y[i] = Σ_{j<E} x[i, j]   →   p[c, i] = Σ_{j<E/C} x[i, c·E/C + j],   y[i] = Σ_c p[c, i]

How many parts depends on shapes only, so bits do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from chainrule.codegen.affine import Affine, flattened, variable
from chainrule.codegen.columns import by_columns, is_by_columns
from chainrule.codegen.loops import Load, Statement, loads, renamed
from chainrule.codegen.steps import Step
from chainrule.ir import build

__all__ = ["split_one", "split_sums"]

_FEW: Final = 1 << 16  # places of the result that are worth any number of parts
_MOST: Final = 1 << 22  # places of all parts of more
_DEEP: Final = 64  # products that are worth a place of a part
_ROWS: Final = 64  # sums of whole rows from which on threads share the rows
_MUCH: Final = 1 << 18  # elements that are added up
_PARTS: Final = (16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4)


def split_sums(steps: Iterable[Step], is_whole: Callable[[Statement], bool]) -> Iterator[Step]:
    """Give the steps with long sums in two stages, but for those that are fast as they are."""
    for step in steps:
        if isinstance(step, Statement) and not is_whole(step) and is_by_columns(step):
            yield from by_columns(step)
        elif isinstance(step, Statement) and step.kind == "sum" and not is_whole(step):
            yield from split_one(step)
        else:
            yield step


def split_one(s: Statement) -> Iterator[Statement]:
    """A sum in two stages if it is long, or as it is."""
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
    yield Statement(partial, extents, "sum", value)
    index = (variable(rank), *map(variable, range(rank)))
    read = Load(partial, flattened(index, partial.shape), (), partial.dtype)
    yield Statement(s.target, (*shape, parts), "sum", read)


def _parts(s: Statement) -> int | None:
    """How many partial sums there are; None if one is enough."""
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
