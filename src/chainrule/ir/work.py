"""How much a graph multiplies: what most of the time of large programs goes to."""

from __future__ import annotations

import math

from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.primitives import Einsum, Loop

__all__ = ["multiply_adds"]


def multiply_adds(graph: Graph) -> int:
    """Count the products that the contractions of a graph add up; of a Cond, those of both sides.

    >>> product = cr.jit(cr.matmul).recorded(cr.ones((8, 3)), cr.ones((3, 5)))
    >>> multiply_adds(product)
    120
    """
    total, waiting = 0, [(graph, 1)]
    while waiting:
        inner, turns = waiting.pop()
        for node in inner.nodes():
            if isinstance(node.op, Einsum):
                total += turns * _products(node.op, node)
            more = turns * node.op.length if isinstance(node.op, Loop) else turns
            waiting += [(body, more) for body in bodies(node.op)]
    return total


def _products(op: Einsum, node: Node) -> int:
    """The number of different values that all labels together take."""
    if len(node.inputs) < 2:
        return 0
    pairs = zip(op.subscripts.inputs, node.inputs, strict=True)
    extents = {label: n for labels, x in pairs for label, n in zip(labels, x.shape, strict=True)}
    return math.prod(extents.values())
