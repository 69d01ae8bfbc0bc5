"""Along axes, on nodes: sums, means and products over axes, and their repetition back."""

from __future__ import annotations

import math

from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape

__all__: list[str] = []


def kept(node: Node, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The other axes."""
    return tuple(a for a in range(node.ndim) if a not in axes)


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with size 1 in the places of the axes."""
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def restored(made: Node, node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    """What a reduction of a node gave; to keep the axes, with size 1 in their places."""
    return build.reshape(made, kept_shape(node.shape, axes)) if keepdims else made


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
