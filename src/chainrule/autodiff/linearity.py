"""Whether a graph is linear in some of its inputs, as the tangents that a rule gives must be.

Transposition presumes it: of y = A x + b it would silently give Aᵀ, and forward mode A x + b.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from chainrule.ir.graph import Node, dependents
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Block,
    Cond,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Print,
    Project,
    Random,
    Reduce,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    View,
)  # fmt: skip


def obstacle(outputs: Sequence[Node], inputs: Sequence[Node]) -> Node | None:
    """Give a node that keeps the outputs from being linear in the inputs; ``None`` if they are.

    The bodies of Blocks, Loops and Conds are taken to be linear; their transposition checks them.
    """
    order, linear = dependents(outputs, inputs)
    given = set(inputs)
    for node in order:
        if node not in given and not _is_linear(node, linear):
            return node
    return next((n for n in outputs if n not in linear and not _is_zero(n)), None)


def _is_linear(node: Node, linear: set[Node]) -> bool:
    """Whether a node is linear in those of its operands that are."""
    op = node.op
    places = [k for k, operand in enumerate(node.inputs) if operand in linear]
    match op:
        case Map(record=record):
            return len(places) == 1 and places[0] in record.linear
        case Einsum():
            return len(places) == 1
        case Add() | Join():
            return _others_vanish(node.inputs, linear)
        case Select():
            return node.inputs[0] not in linear and _others_vanish(node.inputs[1:], linear)
        case Gather() | Scatter() | Print():
            return places == [0]
        case RoutineCall(routine=routine):
            return places == [routine.linear]
        case View() | Reshape() | Accumulate() | Input() | Project() | Block() | Loop() | Cond():
            return True
        case Reduce() | Random() | Data() | Fill() | Iota() | Delta():
            return False
        case _:
            assert_never(op)


def _others_vanish(operands: Sequence[Node], linear: set[Node]) -> bool:
    return all(n in linear or _is_zero(n) for n in operands)


def _is_zero(node: Node) -> bool:
    while isinstance(node.op, View | Reshape):
        node = node.inputs[0]
    return isinstance(node.op, Fill) and not node.op.value
