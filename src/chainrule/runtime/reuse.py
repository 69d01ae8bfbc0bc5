"""Which value a step may overwrite with its result, and which one need not be made.

An elementwise step may write over an operand of the same type that is used here for the last time
and whose memory nobody else can see: it was made fresh, and none of its users gives a view of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.ir.graph import Node
from chainrule.ir.primitives import Add, Einsum, Gather, Map, Reduce, Scatter, Select
from chainrule.runtime.views import Repeated


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


def left_to_broadcasting(
    kernels: Mapping[Node, Any], users: Mapping[Node, Sequence[Node]], keep: set[Node]
) -> set[Node]:
    """The repetitions that need not be made: all users broadcast, beside an operand that is whole.

    To make a view that repeats takes NumPy longer than to add two short rows.
    """
    found = {n for n, run in kernels.items() if type(run) is Repeated and n not in keep}
    for node in [*found]:
        for user in users.get(node, ()):
            run = kernels.get(user)
            spreads = run is np.where or (isinstance(run, np.ufunc) and run.signature is None)
            if not spreads or found.issuperset(user.inputs):
                found.discard(node)
    return found
