"""Tangents and cotangents that a mask switches off.

``where(mask, f(x), c)`` must not leak NaN from the branch not taken: f′(x) · 0 is NaN where f′(x)
is infinite. So the Select is kept outside: ``Guarded`` with a mask stands for
``Select(mask, t, 0)``, and a pointwise product moves into it,
f′(x) · Guarded(mask, t) = Guarded(mask, f′(x) · t). Both modes do this, so they agree. In reverse
mode the masks also follow a change of layout (forward mode has the Select behind it anyway). A
Guarded becomes a node when anything else needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chainrule.ir import build
from chainrule.ir.graph import Node

Mask = tuple[Node, bool]
"""A boolean node, and the value that it has where the guarded value counts."""


class Guarded:
    """A value that is zero wherever one of the masks says so."""

    __slots__ = ("forced", "masks", "node")

    def __init__(self, masks: tuple[Mask, ...], node: Node) -> None:
        self.masks = masks
        self.node = node
        self.forced: Node | None = None


Linear = Node | Guarded
"""A tangent or a cotangent that is not known to be zero everywhere (that one is ``None``)."""


def guard(mask: Node, value: Linear, where: bool = True) -> Guarded:
    """Switch a value off but where the mask is ``where``."""
    own = (mask, where)
    if isinstance(value, Guarded):
        masks = value.masks if own in value.masks else (*value.masks, own)
        return Guarded(masks, value.node)
    return Guarded((own,), value)


def inside(value: Linear, function: Callable[[Node], Node]) -> Linear:
    """Apply a pointwise linear function, under the guard."""
    if isinstance(value, Guarded):
        return Guarded(value.masks, function(value.node))
    return function(value)


def moved(value: Linear, function: Callable[[Node], Node]) -> Linear:
    """Apply a change of layout, which mixes no elements, to the value and to its masks alike."""
    if isinstance(value, Guarded):
        masks = tuple((function(mask), where) for mask, where in value.masks)
        return Guarded(masks, function(value.node))
    return function(value)


def force(value: Linear) -> Node:
    """Make the value a node."""
    if not isinstance(value, Guarded):
        return value
    if value.forced is None:  # one node, however often it is needed
        node = value.node
        for mask, where in value.masks:
            zero = build.zeros_like(node)
            node = build.select(mask, node, zero) if where else build.select(mask, zero, node)
        value.forced = node
    return value.forced


def total(values: Sequence[Linear], signs: tuple[int, ...] | None = None) -> Linear:
    """The signed sum. It is zero where all terms are, so it is guarded if all of them are."""
    first = values[0]
    if len(values) == 1 and signs in (None, (1,)):
        return first
    guarded = [v for v in values if isinstance(v, Guarded)]
    if len(guarded) < len(values):
        return build.add([force(v) for v in values], signs)
    masks = guarded[0].masks
    if all(v.masks == masks for v in guarded):
        return Guarded(masks, build.add([v.node for v in guarded], signs))
    counts = _joined("logical_or", [_counts(v.masks) for v in guarded])
    return Guarded(((counts, True),), build.add([force(v) for v in guarded], signs))


def _counts(masks: Sequence[Mask]) -> Node:
    """The boolean node that says where a value under these masks counts."""
    return _joined(
        "logical_and", [m if where else build.apply("logical_not", m) for m, where in masks]
    )


def _joined(name: str, masks: Sequence[Node]) -> Node:
    joined = masks[0]
    for mask in masks[1:]:
        joined = build.apply(name, joined, mask)
    return joined
