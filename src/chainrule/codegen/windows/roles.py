"""Roles: what each loop of a sum of products does while its total is kept in registers.

target[batch…, rows…, columns…] = Σ left[batch…, rows…, inner…] · right[batch…, inner…, columns…]

Every axis may be several variables, and the addresses are any affine forms of them: windows are
read where they lie. One of the columns is spread over lanes. A convolution has two such readings:
lanes of channels times numbers of the image, or lanes of the image times numbers of the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chainrule.codegen.products.pairs import TILED
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.loops import Load, Pairs, Statement, Times
from chainrule.ir.dtype import int32

__all__ = ["Roles", "roles_of"]


class Roles(NamedTuple):
    """A statement's variables beyond its rows, by what they do; extents of 1 are left out.

    form   where the target's elements lie
    pairs  what multiplies the operands if they are words of two bfloat16
    """

    extents: tuple[int, ...]
    form: Affine
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    lane: int
    inner: tuple[int, ...]
    left: Load
    right: Load
    pairs: str = ""

    @property
    def is_turned(self) -> bool:
        """Whether lanes lie apart in the target, so that results are turned around."""
        return self.form.coefficient(self.lane) != 1

    @property
    def is_tiled(self) -> bool:
        """Whether the processor's tiles multiply."""
        return self.pairs in TILED

    def size(self, v: int) -> int:
        """The extent of a variable."""
        return self.extents[v]


def roles_of(s: Statement, rank: int) -> Iterator[Roles]:
    """The ways to read a statement, whose first ``rank`` variables stand still."""
    value = s.value
    if s.kind != "sum" or not isinstance(value, Times | Pairs) or len(value.operands) != 2:
        return
    first, second = value.operands
    if not (isinstance(first, Load) and isinstance(second, Load)):
        return
    if any(0 in shape for shape in (s.extents, first.source.shape, second.source.shape)):
        return
    pairs = value.how if isinstance(value, Pairs) else ""
    factor = int32 if pairs else s.target.dtype
    if not first.dtype is second.dtype is factor or not s.target.dtype.is_float:
        return
    form = flattened(tuple(map(variable, range(s.rank))), s.target.shape)
    extents = s.own
    here = [v for v in range(rank, len(extents)) if extents[v] > 1]
    inner = tuple(v for v in here if v >= s.rank)
    for left, right in ((first, second), (second, first)):
        by = [_variables(load) for load in (left, right)]
        target = [v for v in here if v < s.rank]
        batch, rows, columns = (
            tuple(v for v in target if (v in by[0], v in by[1]) == which)
            for which in ((True, True), (True, False), (False, True))
        )
        if not inner or not rows or not columns or len(batch + rows + columns) < len(target):
            continue
        for lane in columns:
            others = tuple(v for v in columns if v != lane)
            made = Roles(extents, form, batch, rows, others, lane, inner, left, right, pairs)
            if not made.is_turned or _is_turned_together(made):
                yield made


def _is_turned_together(roles: Roles) -> bool:
    """Whether what is turned around lies side by side in the target."""
    if roles.columns:
        return roles.is_tiled and _count_as_one(roles, roles.columns)
    return _count_as_one(roles, roles.rows)


def _variables(load: Load) -> set[int]:
    """The variables that an element depends on."""
    return {v for form in (load.flat, *(g.form for g in load.guards)) for v, _ in form.terms}


def _count_as_one(roles: Roles, variables: Sequence[int]) -> bool:
    """Whether variables go through neighboring elements of the target."""
    step = 1
    for v in reversed(variables):
        if roles.form.coefficient(v) != step:
            return False
        step *= roles.size(v)
    return True
