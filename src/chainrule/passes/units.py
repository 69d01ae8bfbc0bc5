"""Units: axes of one element are left out of products.

One group of channels, a kernel of 1 × 1: what a convolution has of them are axes of one element.
Without these a 1 × 1 convolution is what it is, a matrix that multiplies each image's channels, and
its result has the shape of what follows, which may then be computed of it in place.
"""

from __future__ import annotations

from collections.abc import Collection

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Axis, Einsum, Reshape, View
from chainrule.ir.symmetry import is_symmetric
from chainrule.passes.rewrite import rewrite, with_bodies

__all__ = ["drop_units"]


def drop_units(graph: Graph) -> Graph:
    """Give a graph whose products of two matrices have no axes of one element.

    What would have no rows or no columns then stays as it is.
    """

    def rule(node: Node, _: Node) -> Node:
        node = with_bodies(node, drop_units)
        match node.op:
            case Einsum() if len(node.inputs) == 2 and node.dtype.is_float:
                return _product(node, node.op)
            case Reshape() if isinstance(node.inputs[0].op, Reshape):
                return build.reshape(node.inputs[0].inputs[0], node.shape)
            case _:
                return node

    return rewrite(graph, rule)


def _product(node: Node, op: Einsum) -> Node:
    labels, output = op.subscripts.inputs, op.subscripts.output
    sizes: dict[int, int] = {}
    for operand, own in zip(node.inputs, labels, strict=True):
        sizes.update(zip(own, operand.shape, strict=True))
    units = {n for n, size in sizes.items() if size == 1}
    left, right = ({*own} - units for own in labels)
    is_matrix = left - right and right - left and left & right - {*output}
    if not units or not is_matrix or is_symmetric(node):  # which is seen from whole factors
        return node
    operands = [
        _without(operand, {k for k, n in enumerate(own) if n in units})
        for operand, own in zip(node.inputs, labels, strict=True)
    ]
    kept = [tuple(n for n in own if n not in units) for own in (*labels, output)]
    made = build.einsum(tuple(operands), tuple(kept[:-1]), kept[-1])
    return build.reshape(made, node.shape)


def _without(node: Node, axes: Collection[int]) -> Node:
    """A node without some axes of one element."""
    if not axes:
        return node
    shape = tuple(n for k, n in enumerate(node.shape) if k not in axes)
    if not isinstance(node.op, View):
        while isinstance(node.op, Reshape):
            (node,) = node.inputs
        return build.reshape(node, shape)
    (operand,) = node.inputs
    place = {k: n for n, k in enumerate(k for k in range(node.ndim) if k not in axes)}
    read = tuple(
        Axis(axis.offset, tuple((place[o], step) for o, step in axis.terms if o in place))
        for axis in node.op.axes
    )
    single = {k for k, (n, axis) in enumerate(zip(operand.shape, read, strict=True))
              if n == 1 and axis == Axis(0, ())}  # fmt: skip
    left = tuple(axis for k, axis in enumerate(read) if k not in single)
    return build.view(_without(operand, single), shape, left)
