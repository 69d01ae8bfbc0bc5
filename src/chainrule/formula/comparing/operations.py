"""How many arithmetic operations a program or a printed formula takes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.evaluate import size_of
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Block,
    Cond,
    Einsum,
    Loop,
    Map,
    Reduce,
    RoutineCall,
    Scatter,
    Select,
)
from chainrule.passes.pipeline import optimize

__all__ = ["of_formula", "of_graph"]


def of_graph(graph: Graph) -> int:
    """Count the operations of a program as it runs: shared, simplified, contracted in pairs."""
    return _total(optimize(graph))


def _total(graph: Graph) -> int:
    return sum(map(_cost, graph.nodes()))


def _cost(node: Node) -> int:
    size = math.prod(node.shape)
    match node.op:
        case Map() | Select():
            return size
        case Add():
            return size * max(1, len(node.inputs) - 1)
        case Einsum(subscripts=subscripts):
            sizes = {i: n for labels, operand in zip(subscripts.inputs, node.inputs, strict=True)
                     for i, n in zip(labels, operand.shape, strict=True)}  # fmt: skip
            summed = set(sizes) > set(subscripts.output)
            return math.prod(sizes.values()) * (len(node.inputs) - 1 + summed)
        case Reduce() | Accumulate() | Scatter():
            return math.prod(node.inputs[0].shape)
        case RoutineCall():
            return max(math.prod(n.shape) * max(n.shape, default=1) for n in node.inputs)
        case Block(body=body):
            return _total(body)
        case Loop(body=body, length=length):
            return length * _total(body)
        case Cond(then=then, otherwise=otherwise):
            return max(_total(then), _total(otherwise))
        case _:
            return 0


def of_formula(tree: Tree, sizes: Mapping[str, int]) -> int:
    """Count the operations of a formula, computed from left to right with these sizes."""
    return sum(_tree_cost(part, sizes) for part in walk(tree))


def _tree_cost(tree: Tree, sizes: Mapping[str, int]) -> int:
    shape = [size_of(d, sizes) for d in tree.dims]
    size = math.prod(shape)
    match tree:
        case ts.Product(parts=parts):
            return _chain(parts, sizes)
        case ts.Elementwise(parts=parts) | ts.Plus(parts=parts) | ts.Kron(parts=parts):
            return size * (len(parts) - 1)
        case ts.Over() | ts.Quotient() | ts.Scaled() | ts.Power() | ts.Apply() | ts.Bracket():
            return size
        case ts.Inverse():
            return shape[0] ** 3
        case ts.Trace(body=body) | ts.Norm(body=body):
            return math.prod(size_of(d, sizes) for d in body.dims)
        case ts.SumOver(label=label, body=body):
            return (size_of(label, sizes) - 1) * (size + of_formula(body, sizes))
        case ts.Blocks(label=label, body=body):
            return (size_of(label, sizes) - 1) * of_formula(body, sizes)
        case ts.Indexed(summed=summed, factors=factors):
            return size * math.prod(size_of(d, sizes) for _, d in summed) * len(factors)
    return 0


def _chain(parts: tuple[Tree, ...], sizes: Mapping[str, int]) -> int:
    rows, inner = _matrix(parts[0], sizes)
    total = 0
    for part in parts[1:]:
        height, columns = _matrix(part, sizes)
        inner = max(inner, height) if 1 in (inner, height) else inner
        total += 2 * rows * inner * columns
        inner = columns
    return total


def _matrix(tree: Tree, sizes: Mapping[str, int]) -> tuple[int, int]:
    """The height and width of a factor: vectors are columns, transposed ones rows."""
    if isinstance(tree, ts.Transpose) and len(tree.body.dims) == 1:
        return 1, size_of(tree.body.dims[0], sizes)
    shape = [size_of(d, sizes) for d in tree.dims]
    rows, columns, *_ = [*shape, 1, 1]
    return rows, columns
