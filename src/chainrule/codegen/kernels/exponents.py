"""Exponents that are no more than 0: eˣ cannot overflow then, which saves a question.

x − max x is such. NaN is not excluded: its exponential is NaN in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chainrule.codegen.kernels.vectorization import place_of
from chainrule.codegen.statements.loops import (
    Add,
    Apply,
    Choose,
    Expression,
    Load,
    Number,
    Statement,
    parts,
)
from chainrule.ir.graph import Node

__all__ = ["exponentials_below_one"]

_DEPTH: Final = 8
"""How many expressions inside one another are looked at."""

Made = Mapping[Node, Statement]


def exponentials_below_one(statements: Sequence[Statement]) -> frozenset[int]:
    """The ids of exponentials, among the expressions of a kernel, of what is no more than 0."""
    made = {s.target: s for s in statements}
    return frozenset(
        id(e)
        for s in statements
        for e in parts(s.value)
        if isinstance(e, Apply) and e.record.name == "exp" and e.dtype.is_float
        if _is_below(e.operands[0], made, _DEPTH)
    )


def _is_below(e: Expression, made: Made, depth: int) -> bool:
    """Whether an expression is no more than 0, or NaN."""
    if not depth:
        return False
    match e:
        case Number(value=value):
            return value <= 0
        case Choose(operands=(_, chosen, otherwise)):
            return all(_is_below(o, made, depth - 1) for o in (chosen, otherwise))
        case Add(signs=(1, -1), operands=(less, more)):
            return _is_at_most(less, more, made, depth - 1)
        case Load(source=source, guards=()) if (own := _whole(e, made)) and not own.kind:
            return _is_below(made[source].value, made, depth - 1)
        case _:
            return False


def _is_at_most(less: Expression, more: Expression, made: Made, depth: int) -> bool:
    """Whether one expression is no more than another one, or one of them is NaN."""
    if not depth:
        return False
    match more:
        case Apply(record=record, operands=operands) if record.name == "maximum":
            return any(_is_at_most(less, o, made, depth - 1) for o in operands)
        case Load(guards=()) if (own := _whole(more, made)) and own.kind == "max":
            return less == own.value
        case _:
            return False


def _whole(load: Load, made: Made) -> Statement | None:
    """The statement of the kernel that gives what is read, if it is read at its own place."""
    own = made.get(load.source)
    return own if own is not None and load.flat == place_of(own) else None
