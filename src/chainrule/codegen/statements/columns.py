"""Columns: sums down the columns of what lies in memory by rows.

t[j] = Σ_{i<N} v(i, j)   →   p[i div R, j] += v(i, j) for each row i,   t[j] = Σ_c p[c, j]

Memory is read as it lies, and the totals stay in the cache. A kernel that goes through the same
rows for another purpose takes such a sum along; its tiles then are the R rows of one line of p.
R depends on shapes only, so bits do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from chainrule.codegen.statements.affine import flattened, known, variable
from chainrule.codegen.statements.loops import Fetch, Load, Statement, loads, renamed
from chainrule.ir import build

__all__ = ["by_columns", "is_by_columns"]

_FEW: Final = 65536  # columns
_WIDE: Final = 16  # columns that are worth a loop of their own
_MUCH: Final = 1 << 18  # elements that are added up
_PARTS: Final = 32
_TOTALS: Final = 1 << 20  # elements of p


def is_by_columns(s: Statement) -> bool:
    """Whether a statement is a long sum down columns."""
    columns = math.prod(s.target.shape)
    if s.kind != "sum" or not s.target.dtype.is_float or not _WIDE <= columns <= _FEW:
        return False
    if math.prod(s.extents) < _MUCH or math.prod(s.extents) < 2 * _PARTS * columns:
        return False
    return _goes_by_rows(s)


def _goes_by_rows(s: Statement) -> bool:
    """Whether each array has all elements in order, or one a row, or one a column."""
    outer, inner = range(s.rank), range(s.rank, len(s.extents))
    order = (*inner, *outer)
    whole = flattened(tuple(map(variable, order)), tuple(s.extents[v] for v in order))
    has_all = False
    for load in loads(s.value):
        used = {v for v, _ in load.flat.terms}
        if isinstance(load, Fetch) or load.guards:
            return False
        if load.flat == whole:
            has_all = True
        elif used & set(inner) and used & set(outer):
            return False
    return has_all


def by_columns(s: Statement) -> Iterator[Statement]:
    """The sum in two stages: what is added row by row, and the sum of the parts."""
    shape, rank = s.target.shape, s.rank
    rows = s.extents[rank:]
    count, wanted = math.prod(rows), min(_PARTS, _TOTALS // math.prod(shape))
    parts = -(-count // -(-count // wanted))
    ones = (1,) * (len(rows) - 1)
    partial = build.parameter((parts, *ones, *shape), s.target.dtype)
    moved = {k: variable(len(rows) + k) for k in range(rank)}
    moved |= {rank + k: variable(k) for k in range(len(rows))}
    yield Statement(partial, (*rows, *shape), "", renamed(s.value, moved), len(rows))
    index = (variable(rank), *map(known, (0,) * len(ones)), *map(variable, range(rank)))
    read = Load(partial, flattened(index, partial.shape), (), partial.dtype)
    yield Statement(s.target, (*shape, parts), "sum", read)
