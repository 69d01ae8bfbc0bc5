"""Alternating: every second element in memory as a vector, without gathering one by one.

Pooling by two reads the even and the odd elements of a line apart, and its derivative writes them.
"""

from __future__ import annotations

from chainrule.codegen.llvm import Builder
from chainrule.codegen.values import Value, constant, lanes, vector

__all__ = ["every_other", "store_alternating"]


def every_other(b: Builder, own: str, place: Value, count: int, mask: Value | None) -> Value:
    """Every second element from a place on; what lies beyond the last one is not read."""
    kind = vector(own, count)
    beyond = b.offset(place, count, own)
    if mask is None:
        low = b.load(kind, place)
        high = b.load_some(kind, beyond, b.first(count, constant("i64", count - 1)))
    else:
        even = [count if k % 2 else k // 2 for k in range(2 * count)]
        none = constant(mask.type, False)
        low = b.load_some(kind, place, b.shuffle(mask, none, even[:count]))
        high = b.load_some(kind, beyond, b.shuffle(mask, none, even[count:]))
    return b.shuffle(low, high, range(0, 2 * count, 2))


def store_alternating(
    b: Builder, own: str, place: Value, pair: tuple[Value, Value], mask: Value | None
) -> None:
    """Write the lanes of two vectors in turn from a place on."""
    even, odd = pair
    count = lanes(even.type)
    order = [k // 2 + k % 2 * count for k in range(2 * count)]
    for begin in (0, count):
        chosen = order[begin : begin + count]
        values, at = b.shuffle(even, odd, chosen), b.offset(place, begin, own)
        if mask is None:
            b.store(values, at)
        else:
            b.store_some(values, at, b.shuffle(mask, mask, chosen))
