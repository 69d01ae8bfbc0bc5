"""Storing: which values of a graph lie in memory.

A value is stored if someone outside the loops needs it, or if it would be computed more than once
and that costs more than reading it again. All others are written into the expressions of those who
read them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from chainrule.codegen.mathematics.scalars import LIGHT
from chainrule.codegen.statements.elements import is_inline
from chainrule.ir import primitives as p
from chainrule.ir.dtype import BUNDLE, bool_
from chainrule.ir.graph import Graph, Node
from chainrule.ir.symmetry import is_multiple, is_symmetric

__all__ = ["domain", "is_loops", "is_memory", "is_product", "stored_in"]

_CHEAP = 3
"""A value that takes so many operations is computed again rather than stored."""

_OFTEN = 64
"""Elements that read the same element of an operand, which then costs nothing."""

_NARROW = 64
"""A matrix product with so few columns goes through its rows about once."""

_DEEPEST = 64
"""Expressions are walked recursively; a longer chain is stored in between."""

_FREE = frozenset({"cast", "detach"})


def stored_in(graph: Graph, nodes: Sequence[Node]) -> set[Node]:
    """The values of a graph, whose nodes these are, that lie in memory."""
    given = set(graph.inputs)
    uses = Counter(i for n in nodes for i in n.inputs)
    uses.update(graph.outputs)
    stored = {n for n in nodes if n in given or is_memory(n) or not is_inline(n)}
    stored |= {n for n in graph.outputs if n not in given}
    for node in nodes:
        if node in given:
            continue
        if isinstance(node.op, p.Gather):
            stored.add(_base(node.inputs[0]))
        elif is_product(node):
            found = _factors(node, given, uses)
            stored.update(base for n in found if _computes(base := _base(n)))
        elif (
            node.dtype is BUNDLE
            or isinstance(node.op, p.Random)
            or not (is_inline(node) or is_loops(node))
        ):
            stored.update(node.inputs)
    stored |= _too_deep(nodes, stored)
    often = _used_often(nodes, given, stored)
    # What is stored makes those above it cheap: some of them need not be stored after all. From
    # the inputs up, so that what is said to be cheap is so with what is really stored.
    cost: dict[Node, int] = {}
    for node in nodes:
        cost[node] = _cost(node, cost)
        if node in often and cost[node] > _CHEAP:
            kept = node.inputs[0] if _is_of_bools(node) else node
            stored.add(kept)
            cost[kept] = cost[node] = 1
        if node in stored:
            cost[node] = 1
    return stored


def _is_of_bools(node: Node) -> bool:
    """Whether a node is cast from what takes a byte, which is stored in its place."""
    match node.op:
        case p.Map(record=record):
            return record.name == "cast" and node.inputs[0].dtype is bool_
        case _:
            return False


def _too_deep(nodes: Sequence[Node], stored: set[Node]) -> set[Node]:
    """Where long expressions are cut."""
    found: set[Node] = set()
    depth: dict[Node, int] = {}
    for node in nodes:
        depth[node] = 1 + max((depth[n] for n in node.inputs if n in depth), default=0)
        if depth[node] > _DEEPEST and _computes(node):
            found.add(node)
        if node in stored or node in found:
            depth[node] = 0
    return found


def _used_often(nodes: Sequence[Node], given: set[Node], known: set[Node]) -> set[Node]:
    """What would be computed more than once at a high price, if only ``known`` were stored."""
    stored = set(known)
    uses = dict.fromkeys(nodes, 0)
    cost: dict[Node, int] = {}
    for node in nodes:
        cost[node] = 1 if node in stored else _cost(node, cost)
    for node in reversed(nodes):
        if node in given:
            continue
        if node not in stored and uses[node] > 1 and cost[node] > _CHEAP and _computes(node):
            stored.add(node)
        times = 1 if node in stored else uses[node]
        turns = math.prod(domain(node))
        for operand in node.inputs:
            repeated = turns > math.prod(operand.shape) and node.dtype is not BUNDLE
            uses[operand] += times * (2 if repeated else 1)
    return stored


def is_loops(node: Node) -> bool:
    """Whether a stored node is computed by loops rather than by the host."""
    return isinstance(node.op, p.Reduce | p.Einsum | p.Accumulate | p.Scatter | p.Random)


def _factors(product: Node, given: set[Node], uses: Mapping[Node, int]) -> Iterable[Node]:
    """What a matrix product reads that lies in memory.

    A scaled copy of the other factor, or what is little more than an input that the product reads
    about once, is made where it is packed.
    """
    first, second = product.inputs
    for node, other in ((first, second), (second, first)):
        scaled = is_multiple(node, other) and is_symmetric(product)
        if scaled or (uses[node] == 1 and _is_narrow(product, node) and _is_near(node, given)):
            yield from node.inputs
        else:
            yield node


def _is_narrow(product: Node, node: Node) -> bool:
    """Whether a factor has many elements for each element of the result that it goes into."""
    summed = math.prod(domain(product)[product.ndim :])
    return math.prod(product.shape) * summed <= math.prod(node.shape) * _NARROW


def _is_near(node: Node, given: set[Node]) -> bool:
    """Whether a node is an input with an operation or two, and numbers that are few."""
    if not (is_inline(node) and isinstance(node.op, p.Add | p.Einsum)):
        return False
    few = [n for n in node.inputs if n not in given]
    return len(few) < len(node.inputs) and all(
        math.prod(_base(n).shape) * _OFTEN <= math.prod(node.shape) for n in few
    )


def _base(node: Node) -> Node:
    """What lies in memory under views."""
    while isinstance(node.op, p.View | p.Reshape):
        node = node.inputs[0]
    return node


def _computes(node: Node) -> bool:
    """Whether an inline node does more than to move elements or to give a number."""
    return not isinstance(node.op, p.View | p.Reshape | p.Fill | p.Iota | p.Delta | p.Data)


def _cost(node: Node, cost: dict[Node, int]) -> int:
    below = sum(_share(n, node, cost.get(n, 1)) for n in node.inputs)
    match node.op:
        case p.Map(record=record):
            name = record.name
            return below + (0 if name in _FREE else 1 if name in LIGHT else 8)
        case p.Einsum():  # a number goes with a factor that is the same for many elements
            return below + max(sum(n.ndim > 0 or _computes(n) for n in node.inputs) - 1, 0)
        case p.Add():
            return below + len(node.inputs) - 1
        case p.Fill() | p.Iota() | p.Delta() | p.Data():
            return 0
        case p.Select():
            return below + 1
        case p.Gather() | p.Scatter():
            return below + 4
        case _:
            return below


def _share(operand: Node, node: Node, cost: int) -> int:
    """What an element of an operand costs; one that many elements read is in a register."""
    often = math.prod(operand.shape) * _OFTEN <= math.prod(node.shape)
    return 0 if often and cost == 1 else cost


def is_memory(node: Node) -> bool:
    """Whether the value lies in memory before the program runs."""
    return isinstance(node.op, p.Data) and node.op.value.size > 1


def domain(node: Node) -> tuple[int, ...]:
    """The extents of all variables of the loops that compute a node."""
    match node.op:
        case p.Reduce(axes=axes):
            return (*node.shape, *(node.inputs[0].shape[a] for a in sorted(axes)))
        case p.Einsum(subscripts=subscripts):
            sizes: dict[int, int] = {}
            for operand, own in zip(node.inputs, subscripts.inputs, strict=True):
                sizes.update(zip(own, operand.shape, strict=True))
            inner = [n for n in sizes if n not in subscripts.output]
            return (*node.shape, *(sizes[n] for n in inner))
        case _:
            return node.shape


def is_product(node: Node) -> bool:
    """Whether a contraction is a matrix product: rows and columns, and something summed."""
    op = node.op
    if not isinstance(op, p.Einsum) or len(node.inputs) != 2 or not node.dtype.is_float:
        return False
    left, right = (set(labels) for labels in op.subscripts.inputs)
    output = set(op.subscripts.output)
    if any(len(set(labels)) < len(labels) for labels in op.subscripts.inputs):
        return False
    if (left ^ right) - output or not (left & right) - output:
        return False
    rows, columns = (output & side - other for side, other in ((left, right), (right, left)))
    return bool(rows and columns) and 0 not in domain(node)
