"""Loop nests: what kernels compute, as data, between the graph and machine code.

A *statement* gives every element of one array, its target, by an expression of loop variables; a
reduction also runs over variables of its own. A *kernel* is a list of statements that share their
outer loops, its rows. Loop variables are numbered: those of the target's axes first, then those
that are reduced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from chainrule.codegen.statements.affine import Affine
from chainrule.ir.dtype import DType, bool_
from chainrule.ir.graph import Node
from chainrule.ir.scalar import Scalar

__all__ = [
    "Add", "Apply", "Band", "Choose", "Expression", "Fetch", "Guard", "Inside", "Load", "Number",
    "Pairs", "Position", "Statement", "Times", "Words", "children", "exchanged", "loads", "renamed",
]  # fmt: skip


class Guard(NamedTuple):
    """The condition 0 ≤ form < size."""

    form: Affine
    size: int


class Number(NamedTuple):
    """A number."""

    value: float | int | bool
    dtype: DType


class Position(NamedTuple):
    """The value of a form of the loop variables."""

    form: Affine
    dtype: DType


class Inside(NamedTuple):
    """Whether all conditions hold."""

    guards: tuple[Guard, ...]

    @property
    def dtype(self) -> DType:
        return bool_


class Load(NamedTuple):
    """An element of an array by its number in row-major order; 0 unless all conditions hold."""

    source: Node
    flat: Affine
    guards: tuple[Guard, ...]
    dtype: DType


class Fetch(NamedTuple):
    """An element of an array at an index that is computed: flat + Σ stride · index."""

    source: Node
    flat: Affine
    indices: tuple[Any, ...]
    strides: tuple[int, ...]
    guards: tuple[Guard, ...]
    dtype: DType


class Apply(NamedTuple):
    """A scalar function of the table."""

    record: Scalar
    params: tuple[Any, ...]
    operands: tuple[Any, ...]
    dtype: DType


class Add(NamedTuple):
    """A signed sum."""

    signs: tuple[int, ...]
    operands: tuple[Any, ...]
    dtype: DType


class Times(NamedTuple):
    """A product."""

    operands: tuple[Any, ...]
    dtype: DType


class Words(NamedTuple):
    """Two numbers as bfloat16 in one word, the first in its lower half.

    how   the instructions that there are, as ``Target.bf16`` has it
    """

    operands: tuple[Any, ...]
    how: str
    dtype: DType


class Pairs(NamedTuple):
    """The products of the numbers in two words, added up."""

    operands: tuple[Any, ...]
    how: str
    dtype: DType


class Choose(NamedTuple):
    """``mask ? chosen : otherwise``."""

    operands: tuple[Any, ...]
    dtype: DType


Expression = (
    Number | Position | Inside | Load | Fetch | Apply | Add | Times | Words | Pairs | Choose
)


_LEAVES: Final = frozenset((Number, Position, Inside, Load))


def children(expression: Expression) -> tuple[Any, ...]:
    """The expressions that an expression is made of."""
    match expression:
        case Apply() | Add() | Times() | Words() | Pairs() | Choose():
            return expression.operands
        case Fetch(indices=indices):
            return indices
        case _:
            return ()


def parts(expression: Expression) -> list[Expression]:
    """All expressions inside an expression, itself included, each object once.

    Programs are read so often that a fifth of the time to write one would be spent here.
    """
    found: dict[int, Expression] = {}
    stack: list[Expression] = [expression]
    while stack:
        one = stack.pop()
        if id(one) not in found:
            found[id(one)] = one
            if type(one) not in _LEAVES:
                stack.extend(children(one))
    return [*found.values()]


def loads(expression: Expression) -> list[Load | Fetch]:
    """The places where an expression reads memory."""
    return [e for e in parts(expression) if isinstance(e, Load | Fetch)]


class Band(NamedTuple):
    """A variable of which a row of the kernel, of so many axes, has only so many places."""

    rank: int
    variable: int
    size: int


class Statement(NamedTuple):
    """target[axes…] = value, or the reduction of value over further variables.

    extents  of all variables: the target's axes, then the reduced ones
    kind     "" without a reduction; else sum, max, min, prod, any, all, argmax, argmin
    added    how many variables count rows over which values are added to what is there, 0 for none:
             the target's first axis counts the kernel's tiles, the others of these are 1
    band     how its rows are cut further, if they are
    """

    target: Node
    extents: tuple[int, ...]
    kind: str
    value: Expression
    added: int = 0
    band: Band | None = None

    @property
    def rank(self) -> int:
        """The number of the target's axes."""
        return self.target.ndim

    @property
    def own(self) -> tuple[int, ...]:
        """The extents inside a band."""
        if self.band is None:
            return self.extents
        _, v, size = self.band
        return (*self.extents[:v], size, *self.extents[v + 1 :])


def renamed(e: Expression, names: Mapping[int, Affine]) -> Expression:
    """The expression with forms of other variables; what was one object stays one."""
    return _renamed(e, names, {})


def _renamed(e: Expression, names: Mapping[int, Affine], made: dict[int, Expression]) -> Expression:
    found = made.get(id(e))
    if found is None:
        found = made[id(e)] = _rename(e, names, made)
    return found


def _rename(e: Expression, names: Mapping[int, Affine], made: dict[int, Expression]) -> Expression:
    def guarded(guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        return tuple(Guard(g.form.replaced(names), g.size) for g in guards)

    match e:
        case Position(form=form):
            return e._replace(form=form.replaced(names))
        case Inside(guards=guards):
            return e._replace(guards=guarded(guards))
        case Load(flat=flat, guards=guards):
            return e._replace(flat=flat.replaced(names), guards=guarded(guards))
        case Fetch(flat=flat, guards=guards, indices=indices):
            inner = tuple(_renamed(i, names, made) for i in indices)
            return e._replace(flat=flat.replaced(names), guards=guarded(guards), indices=inner)
        case Apply() | Add() | Times() | Words() | Pairs() | Choose():
            return e._replace(operands=tuple(_renamed(o, names, made) for o in e.operands))
        case _:
            return e


def exchanged(
    e: Expression, table: Mapping[Load, Load], made: dict[int, Expression] | None = None
) -> Expression:
    """The expression with other reads; what was one object stays one, by what was ``made``."""
    made = {} if made is None else made
    found = made.get(id(e))
    if found is None:
        own = tuple(exchanged(child, table, made) for child in children(e))
        match e:
            case Load():
                found = table.get(e, e)
            case Fetch():
                found = e._replace(indices=own)
            case Apply() | Add() | Times() | Words() | Pairs() | Choose():
                found = e._replace(operands=own)
            case _:
                found = e
        made[id(e)] = found
    return found
