"""Counting: variables of loops that are counted through as one.

Two variables whose elements lie one after another in every array need one loop, not two. Whether
they do is read off the forms: addresses, conditions, positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.alternating import FEW
from chainrule.codegen.statements.loops import (
    Expression,
    Fetch,
    Inside,
    Load,
    Position,
    Statement,
    parts,
)

__all__ = [
    "LEAST_SIDE", "Loops", "decoded", "forms_in", "forms_of", "lies_across", "merged", "span",
    "values_of",
]  # fmt: skip

LEAST_SIDE: Final = 8
"""Rows and columns from which on it pays to turn around what lies across."""


def forms_of(statement: Statement) -> Iterator[Affine]:
    """All forms of a statement's variables that code is written for, its target's included."""
    yield from forms_in(statement.value)
    yield flattened(tuple(map(variable, range(statement.rank))), statement.target.shape)


def forms_in(value: Expression) -> Iterator[Affine]:
    """All forms of variables in an expression."""
    for e in parts(value):
        match e:
            case Load(flat=flat, guards=guards) | Fetch(flat=flat, guards=guards):
                yield flat
                yield from (g.form for g in guards)
            case Inside(guards=guards):
                yield from (g.form for g in guards)
            case Position(form=form):
                yield form


def _together(forms: Sequence[Affine], slow: int, fast: int, extent: int) -> bool:
    """Whether a variable is always counted along with a faster one, which has this extent."""
    return all(f.coefficient(slow) == f.coefficient(fast) * extent for f in forms)


class Loops(NamedTuple):
    """Variables that are counted as one, by the last of them, and how far."""

    last: int
    members: tuple[int, ...]
    extent: int


def merged(
    variables: Sequence[int], extents: Sequence[int], forms: Sequence[Affine]
) -> list[Loops]:
    """Count neighboring variables as one wherever memory allows."""
    made: list[Loops] = []
    for v in variables:
        if made and _together(forms, made[-1].last, v, extents[v]):
            before = made.pop()
            made.append(Loops(v, (*before.members, v), before.extent * extents[v]))
        else:
            made.append(Loops(v, (v,), extents[v]))
    return made


def lies_across(load: Load, across: Loops, along: Loops) -> bool:
    """Whether what is read lies together along one loop, and far apart along that of the results.

    So it is where both have many turns.
    """
    is_far = abs(load.flat.coefficient(along.last)) > FEW and not load.guards
    is_long = min(across.extent, along.extent) >= LEAST_SIDE
    return is_far and is_long and load.flat.coefficient(across.last) == 1


def values_of(loops: Loops, value: Value) -> dict[int, Value | None]:
    """The values of the variables that are counted as one."""
    made: dict[int, Value | None] = dict.fromkeys(loops.members)
    made[loops.last] = value
    return made


def decoded(b: Builder, row: Value, rows: Sequence[Loops]) -> dict[int, Value | None]:
    """The values of variables from the number of their turn."""
    made: dict[int, Value | None] = {}
    for loops in reversed(rows[1:]):
        size = constant("i64", loops.extent)
        made |= values_of(loops, b.binary("urem", row, size))
        row = b.binary("udiv", row, size)
    return made | (values_of(rows[0], row) if rows else {})


def span(b: Builder, limits: Sequence[Value], size: int, count: int) -> tuple[Value, Value]:
    """The elements of some tiles, of ``count`` in all."""
    low, high = (b.mul(tile, size) for tile in limits)
    return low, b.intrinsic("smin", high, constant("i64", count))
