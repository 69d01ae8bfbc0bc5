"""What stays the same while a loop goes through a row: computed before it.

A row's largest element, its mean, its sum are numbers; so is what is made of them alone. Finding
that here is cheaper than LLVM's pass for it. A number that a row is divided by also gives its
reciprocal here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.values import Value
from chainrule.codegen.mathematics.quotients import Divisor
from chainrule.codegen.statements.loops import (
    Add,
    Apply,
    Choose,
    Expression,
    Load,
    Number,
    Statement,
    Times,
    children,
    parts,
)
from chainrule.ir.graph import Node

__all__ = ["NOTHING", "Settled", "divisors", "settled"]


class Settled(NamedTuple):
    """What is known of expressions, by their ids.

    values    what they are
    divisors  what a quotient by them takes
    below     exponentials of what is no more than 0
    """

    values: Mapping[int, Value]
    divisors: Mapping[int, Divisor]
    below: frozenset[int] = frozenset()


NOTHING: Final = Settled({}, {})


def settled(statements: Sequence[Statement], ready: Iterable[Node]) -> list[Expression]:
    """The largest parts of statements that are made of a row's numbers alone."""
    known = set(ready) - {s.target for s in statements}
    return [e for s in statements for e in _largest(s.value, known)] if known else []


def _largest(expression: Expression, known: set[Node]) -> Iterator[Expression]:
    stack = [expression]
    while stack:
        e = stack.pop()
        if isinstance(e, Number):
            continue
        if all(_is_number(part, known) for part in parts(e)):
            yield e
        else:
            stack.extend(children(e))


def _is_number(e: Expression, known: set[Node]) -> bool:
    """Whether an expression, apart from its operands, is the same in the whole row."""
    if isinstance(e, Load):
        return e.source in known and not e.guards
    return isinstance(e, Number | Apply | Add | Times | Choose)


def divisors(statements: Sequence[Statement], some: Iterable[Expression]) -> list[Expression]:
    """Those of some expressions that statements divide by."""
    own = {id(e) for e in some}
    quotients = (e for s in statements for e in parts(s.value) if isinstance(e, Apply))
    return [
        e.operands[1]
        for e in quotients
        if e.record.name == "divide" and e.dtype.is_float and id(e.operands[1]) in own
    ]
