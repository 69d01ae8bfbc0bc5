"""Which value a step may overwrite with its result, so that large arrays are not allocated anew.

An elementwise step may write over an operand of the same type that is used here for the last time
and whose memory nobody else can see: it was made fresh, and none of its users gives a view of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.ir.graph import Node
from chainrule.ir.primitives import Add, Einsum, Gather, Map, Reduce, Scatter, Select


def gives_own_memory(node: Node) -> bool:
    """Whether a node's value never shares memory with an operand."""
    match node.op:
        case Map(record=record):
            return record.name != "detach"
        case Einsum(subscripts=subscripts):  # a diagonal is a view; a sum is not
            return len(node.inputs) > 1 or node.ndim < len(set(subscripts.inputs[0]))
        case Add() | Select() | Reduce() | Gather() | Scatter():
            return True
        case _:
            return False


def overwritten(
    node: Node,
    run: object,
    last: Mapping[Node, Node],
    users: Mapping[Node, Sequence[Node]],
    keep: set[Node],
) -> Node | None:
    """The operand that this step may overwrite, if there is one."""
    if not isinstance(run, np.ufunc) or not node.shape:
        return None
    for operand in node.inputs:
        fits = operand.type == node.type and last[operand] is node and operand not in keep
        if fits and gives_own_memory(operand) and all(map(gives_own_memory, users[operand])):
            return operand
    return None
