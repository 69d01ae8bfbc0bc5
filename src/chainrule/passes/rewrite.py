"""How a pass walks a graph: operands first, each node once, bodies before what contains them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.ir.graph import Graph, Node, with_inputs
from chainrule.ir.primitives import Block, Cond, Loop

Rule = Callable[[Node, Node], Node]
"""Gives the replacement of a node whose operands are rewritten already, or the node itself.

The second argument is the node as it was.
"""


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """Rebuild a graph with every node put through the rule; formal inputs stay."""
    given = set(graph.inputs)
    done: dict[Node, Node] = {}
    for node in graph.nodes():
        if node in given:
            done[node] = node
            continue
        inputs = tuple(done[i] for i in node.inputs)
        moved = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
        done[node] = rule(with_inputs(node, inputs) if moved else node, node)
    return Graph(graph.inputs, tuple(done[n] for n in graph.outputs))


def with_bodies(node: Node, function: Callable[[Graph], Graph]) -> Node:
    """Apply a function to the bodies inside a node."""
    op: Any = node.op
    match op:
        case Block() | Loop():
            op = op.replaced(body=function(op.body))
        case Cond():
            op = op.replaced(then=function(op.then), otherwise=function(op.otherwise))
        case _:
            return node
    return Node(op, node.inputs, node.shape, node.dtype)
