"""Inline: aliases give way to what they name, Blocks to their bodies (but for barriers)."""

from __future__ import annotations

from chainrule.ir.graph import Graph, Node, substitute
from chainrule.ir.primitives import Block, Input, Project
from chainrule.passes.rewrite import rewrite, with_bodies


def inline(graph: Graph) -> Graph:
    """Give a graph without aliases and without Blocks that are not barriers, at any depth."""
    expanded: dict[Node, list[Node]] = {}

    def rule(node: Node, _: Node) -> Node:
        op = node.op
        if isinstance(op, Input) and node.inputs:
            return node.inputs[0]
        if isinstance(op, Project) and node.inputs[0] in expanded:
            return expanded[node.inputs[0]][op.index]
        node = with_bodies(node, inline)
        if isinstance(node.op, Block) and not node.op.barrier:
            body = node.op.body
            expanded[node] = _instantiate(body, node.inputs)
        return node

    return rewrite(graph, rule)


def _instantiate(body: Graph, operands: tuple[Node, ...]) -> list[Node]:
    """The body's outputs with operands in place of the formal inputs."""
    return substitute(body.outputs, dict(zip(body.inputs, operands, strict=True)))
