"""The open table of library routines: one record each; the records stand in ``ir/routines``.

A routine has one or more results. Its value is a NumPy or SciPy call that works on stacks of
matrices (leading axes are batch axes), its derivative a tangent rule written in primitives over
(inputs, outputs, tangents), linear in the tangents. A routine that is linear in an operand says how
to transpose it there instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chainrule.ir.primitives import Type
from chainrule.ir.record import Record

if TYPE_CHECKING:
    import numpy as np

    from chainrule.ir.graph import Node

Params = tuple[Any, ...]
TypeRule = Callable[[tuple[Type, ...], Params], tuple[Type, ...]]
Value = Callable[..., "Sequence[np.ndarray]"]
Tangents = Sequence["Node | None"]
"""One for each operand, or for each result; None is zero."""
TangentRule = Callable[[Params, "list[Node]", "list[Node]", Tangents], Tangents]
TransposeRule = Callable[[Params, "list[Node]", "Node"], "Node"]


class Routine(Record, identity=True):
    """A library routine: shapes, batched value, derivative.

    ``value(*arrays, *params)`` gives a sequence of arrays. ``linear`` names an operand in which
    the routine, which then has one result, is linear; ``transpose(params, inputs, cotangent)``
    gives the cotangent of that operand. ``core`` is the number of trailing axes of each operand
    that are not batch axes; all operands have the same batch axes.
    """

    name: str
    types: TypeRule
    value: Value
    tangent: TangentRule | None
    core: tuple[int, ...]
    linear: int | None = None
    transpose: TransposeRule | None = None

    def __repr__(self) -> str:
        return self.name


def like_first(types: tuple[Type, ...], _params: Params) -> tuple[Type, ...]:
    """The types of the results where there is one, of the type of the first operand."""
    return (types[0],)


ROUTINES: dict[str, Routine] = {}


def register(routine: Routine) -> Routine:
    """Add a record to the table. Every transform and test finds it there."""
    if routine.name in ROUTINES:
        raise ValueError(f"the routine {routine.name!r} exists already")
    ROUTINES[routine.name] = routine
    return routine
