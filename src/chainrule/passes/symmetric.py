"""Symmetric: a product of a matrix with itself becomes Bᵀ (s ⊙ B), with one matrix B.

How much of the scale is in which factor does not matter for the value. Like this B lies in memory
once, and the other factor is made of it where it is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum
from chainrule.ir.subscripts import Labels
from chainrule.ir.symmetry import Gram, gram_of
from chainrule.passes.rewrite import rewrite, with_bodies

__all__ = ["symmetric"]

Factor = tuple[Node, Labels]


def symmetric(graph: Graph) -> Graph:
    """Give a graph whose symmetric products are of one matrix and that matrix scaled."""

    def rule(node: Node, _: Node) -> Node:
        return _rewritten(with_bodies(node, symmetric))

    return rewrite(graph, rule)


def _rewritten(node: Node) -> Node:
    found = gram_of(node)
    if found is None or not isinstance(node.op, Einsum) or node.inputs[0] is node.inputs[1]:
        return node
    base, columns = _base(node, node.op, found)
    back = {c: r for r, c in found.mirror.items()}
    rows = tuple(back.get(n, n) for n in columns)
    output, scale = node.op.subscripts.output, [*found.scales[0], *found.scales[1]]
    if not scale:
        return build.einsum((base, base), (rows, columns), output)
    # The scale goes with the columns, which are copied once for many rows.
    there = {n for _, labels in scale for n in labels}
    several = tuple(n for n in output if n in there and n not in columns)
    own = (*several, *(n for n in columns if n in there))
    scaled = build.einsum((_product(scale, own), base), (own, columns), (*several, *columns))
    return build.einsum((base, scaled), (rows, (*several, *columns)), output)


def _base(node: Node, op: Einsum, found: Gram) -> Factor:
    """B with the labels of columns: an operand without a scale, or the product of its factors."""
    sides = [tuple(found.mirror.get(n, n) for n in labels) for labels in op.subscripts.inputs]
    for operand, labels, scale in zip(node.inputs, sides, found.scales, strict=True):
        if not scale:
            return operand, labels
    there = {n for _, labels in found.base for n in labels}
    columns = tuple(n for n in sides[0] if n in there)
    return _product(found.base, columns), columns


def _product(factors: Sequence[Factor], output: Labels) -> Node:
    if len(factors) == 1 and factors[0][1] == output:
        return factors[0][0]
    nodes, labels = zip(*factors, strict=True)
    return build.einsum(nodes, labels, output)
