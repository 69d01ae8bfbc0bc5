"""Contract: a product of many factors becomes a chain of products of two, in a cheap order.

Orders are searched with opt_einsum inside one product only. The sum of all elements of a product
that is needed otherwise too, Σ AB = (𝟏ᵀA)(B𝟏), is made of its factors, so that nothing has to be
read again, or stored, to be summed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum
from chainrule.passes.rewrite import rewrite, with_bodies

Labels = tuple[int, ...]
Factor = tuple[Node, Labels]


def contract(graph: Graph) -> Graph:
    """Give a graph whose contractions have at most two operands."""

    def rule(node: Node, _: Node) -> Node:
        node = with_bodies(node, contract)
        if isinstance(node.op, Einsum) and len(node.inputs) > 2:
            return _in_pairs(node, node.op)
        return _total(node) or node

    return rewrite(graph, rule)


def _total(node: Node) -> Node | None:
    """The sum of all elements of a product of two, from sums of its factors if these are small."""
    if not isinstance(node.op, Einsum) or node.shape or len(node.inputs) != 1:
        return None
    (product,) = node.inputs
    if not isinstance(product.op, Einsum) or len(product.inputs) != 2:
        return None
    if len(set(node.op.subscripts.inputs[0])) < product.ndim:  # a trace
        return None
    if sum(math.prod(n.shape) for n in product.inputs) >= math.prod(product.shape):
        return None
    first, second = sides = product.op.subscripts.inputs
    shared = tuple(label for label in dict.fromkeys(first) if label in second)
    sums = [build.einsum((n,), (labels,), shared)
            for n, labels in zip(product.inputs, sides, strict=True)]  # fmt: skip
    return build.einsum(sums, (shared, shared), ())


def _in_pairs(node: Node, op: Einsum) -> Node:
    output = op.subscripts.output
    factors = list(zip(node.inputs, op.subscripts.inputs, strict=True))
    for step in _order(op, node.inputs):
        chosen = [factors[k] for k in step]
        factors = [f for k, f in enumerate(factors) if k not in step]
        product = chosen[0]
        for k, factor in enumerate(chosen[1:], 2):
            rest = [s for _, s in (*factors, *chosen[k:])]
            later = {label for labels in (*rest, output) for label in labels}
            product = _pair(product, factor, later) if rest else _ordered(product, factor, output)
        factors.append(product)
    ((made, _),) = factors
    return made


def _pair(a: Factor, b: Factor, later: set[int]) -> Factor:
    return _ordered(a, b, tuple(dict.fromkeys(label for label in (*a[1], *b[1]) if label in later)))


def _ordered(a: Factor, b: Factor, output: Labels) -> Factor:
    """A product of two in the wanted order of axes, so that no transposition follows."""
    return build.einsum((a[0], b[0]), (a[1], b[1]), output), output


def _order(op: Einsum, operands: Sequence[Node]) -> list[tuple[int, ...]]:
    import opt_einsum

    sides = (*op.subscripts.inputs, op.subscripts.output)
    words = ["".join(map(opt_einsum.get_symbol, labels)) for labels in sides]
    expression = ",".join(words[:-1]) + "->" + words[-1]
    path, _ = opt_einsum.contract_path(expression, *(n.shape for n in operands), shapes=True)
    return list(path)
