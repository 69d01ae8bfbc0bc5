"""Along axes, on nodes: sums, means and products over axes, and their repetition back."""

from __future__ import annotations

import math

from chainrule.ir import build
from chainrule.ir.graph import Node

__all__: list[str] = []


def kept(node: Node, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The other axes."""
    return tuple(a for a in range(node.ndim) if a not in axes)


def count(node: Node, axes: tuple[int, ...]) -> int:
    """How many elements the axes have together."""
    return math.prod(node.shape[a] for a in axes)


def repeat(row: Node, like: Node, axes: tuple[int, ...]) -> Node:
    """Repeat what a reduction over the axes gave, to the shape before it."""
    return build.expand(row, like.shape, kept(like, axes))


def dot(left: Node, right: Node, axes: tuple[int, ...]) -> Node:
    """The sum of products over the axes."""
    labels = tuple(range(left.ndim))
    return build.einsum((left, right), (labels, labels), kept(left, axes))


def mean(node: Node, axes: tuple[int, ...]) -> Node:
    """The mean over the axes; NaN where there is nothing."""
    return build.scale(build.sum_(node, axes), _share(node, axes))


def mean_product(left: Node, right: Node, axes: tuple[int, ...]) -> Node:
    """The mean of products over the axes; NaN where there is nothing."""
    return build.scale(dot(left, right, axes), _share(left, axes))


def _share(node: Node, axes: tuple[int, ...]) -> float:
    size = count(node, axes)
    return 1 / size if size else math.nan


def number(value: float, like: Node) -> Node:
    """One number in the shape and dtype of a node."""
    return build.fill(value, like.shape, like.dtype)
