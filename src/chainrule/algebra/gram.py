"""Symmetric matrix products: LᵀR that is known to be symmetric, for 10/16 of its operations.

This is for factors that are not one matrix up to a scale, which whoever computes a product sees.
"""

from __future__ import annotations

from chainrule.ir import build
from chainrule.ir.graph import Node

__all__ = ["gram"]

_PANELS = 4
_SMALLEST = 192  # columns below which cutting costs more than it saves


def gram(left: Node, right: Node) -> Node:
    """LᵀR of two q×N nodes, symmetric: panels from the diagonal to the right, and their mirror."""
    size = left.shape[1]
    if size < _SMALLEST:
        return _product(left, right)
    step = -(-size // _PANELS)
    starts = range(0, size, step)
    panels = [
        _product(_columns(left, s, min(step, size - s)), _columns(right, s, size - s))
        for s in starts
    ]
    rows = []
    for k, start in enumerate(starts):
        height = min(step, size - start)
        mirrored = [
            build.swap_last(build.slice_axis(panels[j], 1, start - other, height))
            for j, other in enumerate(starts[:k])
        ]
        rows.append(build.join([*mirrored, panels[k]], 1))
    return build.join(rows, 0)


def _product(left: Node, right: Node) -> Node:
    return build.einsum((left, right), ((0, 1), (0, 2)), (1, 2))


def _columns(node: Node, start: int, size: int) -> Node:
    return build.slice_axis(node, 1, start, size)
