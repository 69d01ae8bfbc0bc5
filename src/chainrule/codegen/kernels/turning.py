"""Turning: a copy whose neighbors lie apart in what it copies goes by square blocks.

Vectors are read along what lies together there, turned around in registers, and written along what
lies together here. To gather single elements would take several times as long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, register
from chainrule.codegen.kernels.vectorization import place_of
from chainrule.codegen.products.vectors import copy_turned
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.counting import Loops, decoded, forms_of, merged
from chainrule.codegen.statements.loops import Guard, Load, Statement

__all__ = ["Turn", "emit_turn", "turn_of"]

_MUCH: Final = 1 << 12  # elements; fewer are not worth the code


class Turn(NamedTuple):
    """A copy in blocks.

    load      what is copied
    outer     loops around the blocks
    along     the loop whose neighbors lie together in what is read
    across    the loop whose neighbors lie together in what is written
    present   how far across there is anything to read; zeros follow
    lanes     elements along a block, and across it
    """

    load: Load
    outer: tuple[Loops, ...]
    along: Loops
    across: Loops
    present: int
    lanes: int

    @property
    def blocks(self) -> int:
        """Blocks along."""
        return -(-self.along.extent // self.lanes)

    @property
    def units(self) -> int:
        """Blocks along of all turns of the outer loops; each goes all the way across."""
        return self.blocks * math.prod(loops.extent for loops in self.outer)


def turn_of(target: Target, statements: Sequence[Statement]) -> Turn | None:
    """The blocks of a kernel that is nothing but a copy, if neighbors lie apart in its operand."""
    (s, *others) = statements
    load = s.value
    if others or s.kind or s.added or not isinstance(load, Load):
        return None
    kind, dtype = register(s.target.dtype), s.target.dtype
    if load.dtype is not dtype or load.source.dtype is not dtype or dtype.bits not in (32, 64):
        return None
    loops = [x for x in merged(range(s.rank), s.extents, [*forms_of(s)]) if x.extent > 1]
    lanes, place = target.lanes(kind), place_of(s)
    across = next((x for x in loops if place.coefficient(x.last) == 1), None)
    along = next((x for x in loops if load.flat.coefficient(x.last) == 1), None)
    if across is None or along is None or across is along or math.prod(s.extents) < _MUCH:
        return None
    if min(across.extent, along.extent) * 2 < lanes or len(load.guards) > 1:
        return None
    end = across.extent
    for guard in load.guards:
        if guard != Guard(Affine(0, ((across.last, 1),)), guard.size):
            return None
        end = min(guard.size, end)
    outer = tuple(x for x in loops if x not in (across, along))
    return Turn(load, outer, along, across, end, lanes)


def emit_turn(b: Builder, s: Statement, turn: Turn, given: Value, made: Value, unit: Value) -> None:
    """Write the code of the unit of a number; ``given`` and ``made`` are where arrays begin."""
    kind, number = register(s.target.dtype), unit
    forms = turn.load.flat, place_of(s)
    given = b.offset(given, forms[0].constant, kind)
    if turn.blocks > 1:
        number = b.binary("udiv", unit, b.number(turn.blocks))
    block = b.sub(unit, b.mul(number, turn.blocks))
    at = decoded(b, number, turn.outer) | {turn.along.last: b.mul(block, turn.lanes)}
    for v, value in at.items():
        if value is None:
            continue
        given = b.offset(given, b.mul(value, forms[0].coefficient(v)), kind)
        made = b.offset(made, b.mul(value, forms[1].coefficient(v)), kind)
    full, rest = divmod(turn.along.extent, turn.lanes)
    if full:
        with b.when(b.icmp("slt", block, full)):
            _line(b, turn, kind, forms, (given, made), turn.lanes)
    if rest:
        with b.when(b.icmp("eq", block, full)):
            _line(b, turn, kind, forms, (given, made), rest)


def _line(
    b: Builder, turn: Turn, kind: str, forms: tuple[Affine, Affine], at: tuple[Value, Value], n: int
) -> None:
    """The blocks of so many elements along, all the way across."""
    lanes, extent = turn.lanes, turn.across.extent
    step, apart = forms[0].coefficient(turn.across.last), forms[1].coefficient(turn.along.last)
    whole = min(turn.present, extent) // lanes * lanes

    def square(first: Value, present: int, width: int) -> None:
        given = b.offset(at[0], b.mul(first, step), kind)
        made = b.offset(at[1], first, kind)
        copy_turned(b, kind, (given, step), (made, apart), lanes, (present, n), width)

    if whole:
        with b.loop(0, whole, lanes) as loop:
            square(loop.index, lanes, lanes)
    for first in range(whole, extent, lanes):
        present = max(min(turn.present - first, lanes), 0)
        square(b.number(first), present, min(extent - first, lanes))
