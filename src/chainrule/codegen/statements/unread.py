"""Steps whose results nobody reads, as a gradient of pixels that all windows step over.

The passes leave out nodes that no node depends on. That a View reads nothing but zeros, since every
place that it asks for lies outside, is seen only once its elements are written down.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.codegen.statements.fuse import reads
from chainrule.codegen.statements.loops import Statement
from chainrule.codegen.statements.steps import Contraction, Draw, Scattered, Spread, Step
from chainrule.ir.graph import Graph, Node

__all__ = ["without_unread"]


def without_unread(steps: Sequence[Step], graph: Graph) -> list[Step]:
    """Leave out what only computes an array that nobody reads."""
    read: set[Node] = set(graph.outputs)
    kept: list[Step] = []
    for step in reversed(steps):
        computes = isinstance(step, Statement | Contraction | Spread | Scattered | Draw)
        if not computes or step.target in read:
            read |= reads(step)
            kept.append(step)
    return kept[::-1]
