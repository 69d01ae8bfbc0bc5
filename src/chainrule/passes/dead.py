"""Dead: what a Loop computes and nobody reads goes, with the operands that only it read."""

from __future__ import annotations

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, read_results
from chainrule.ir.primitives import Loop, Project
from chainrule.passes.rewrite import rewrite, with_bodies


def dead(graph: Graph) -> Graph:
    """Give a graph whose Loops carry, stack and take only what is needed."""
    read: dict[object, set[int]] = {}
    for bundle, indices in read_results(graph.nodes()).items():
        read.setdefault(bundle.op, set()).update(indices)
    trimmed: dict[Node, dict[int, Node]] = {}

    def rule(node: Node, _: Node) -> Node:
        op = node.op
        if isinstance(op, Project) and node.inputs[0] in trimmed:
            return trimmed[node.inputs[0]][op.index]
        if isinstance(op, Loop):
            trimmed[node] = _trim(node, op, read.get(op, set()))
            return node
        return with_bodies(node, dead)

    return rewrite(graph, rule)


def _trim(node: Node, op: Loop, read: set[int]) -> dict[int, Node]:
    """The results that are read, from a Loop that has no others."""
    body = op.body
    first, last = op.constants, op.constants + op.carries
    carried = {k for k in range(op.carries) if k in read or op.carries + op.slices + k in read}
    sliced = [k for k in range(op.carries, len(body.outputs)) if k in read]
    while True:
        wanted = [*sorted(carried), *sliced]
        used = set(Graph(body.inputs, tuple(body.outputs[k] for k in wanted)).nodes())
        grown = carried | {k for k in range(op.carries) if body.inputs[first + k] in used}
        if grown == carried:
            break
        carried = grown
    kept = [
        k for k, n in enumerate(body.inputs)
        if (k - first in carried if first <= k < last else n in used)
    ]  # fmt: skip
    inner = Graph(
        tuple(body.inputs[k] for k in kept),
        tuple(body.outputs[k] for k in (*sorted(carried), *sliced)),
    )
    constants = [node.inputs[k] for k in kept if k < first]
    carries = [node.inputs[k] for k in kept if first <= k < last]
    slices = [node.inputs[k] for k in kept if k >= last]
    made = build.loop(dead(inner), constants, carries, slices, op.length, op.reverse)
    names = [*sorted(carried), *sliced, *(op.carries + op.slices + k for k in sorted(carried))]
    return dict(zip(names, made, strict=True))
