"""Tangents and cotangents that a mask switches off.

``where(mask, f(x), c)`` must not leak NaN from the branch not taken: f′(x) · 0 is NaN where f′(x) is
infinite. So the Select is kept outside: ``Guarded((mask,), t)`` stands for ``Select(mask, t, 0)``, and
a pointwise product moves into it, f′(x) · Guarded(mask, t) = Guarded(mask, f′(x) · t). It becomes a
node when anything else needs it. Both modes do this, so they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chainrule.ir import build
from chainrule.ir.graph import Node


class Guarded(NamedTuple):
    """A value that is zero wherever one of the masks is false."""

    masks: tuple[Node, ...]
    node: Node


Linear = Node | Guarded
"""A tangent or a cotangent that is not known to be zero everywhere (that one is ``None``)."""


def guard(mask: Node, value: Linear) -> Guarded:
    """Switch a value off where the mask is false."""
    if isinstance(value, Guarded):
        return Guarded((*value.masks, mask), value.node)
    return Guarded((mask,), value)


def inside(value: Linear, function: Callable[[Node], Node]) -> Linear:
    """Apply a pointwise linear function, under the guard."""
    if isinstance(value, Guarded):
        return Guarded(value.masks, function(value.node))
    return function(value)


def force(value: Linear) -> Node:
    """Make the value a node."""
    if not isinstance(value, Guarded):
        return value
    node = value.node
    for mask in value.masks:
        node = build.select(mask, node, build.zeros_like(node))
    return node


def total(values: Sequence[Linear]) -> Linear:
    """The sum; a single value keeps its guard."""
    if len(values) == 1:
        return values[0]
    return build.add([force(v) for v in values])


def opposite(mask: Node) -> Node:
    """The mask of the other branch."""
    return build.apply("logical_not", mask)
