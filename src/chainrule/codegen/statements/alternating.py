"""Alternating: every second element, every few, or those before, as a vector, without gathering.

Pooling by two reads the even and the odd elements of a line apart, and its derivative writes them.
Rows of three, such as points or colors, are read side by side. A flip reads lines backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant, lanes, vector

__all__ = ["FEW", "every_few", "every_other", "read_backwards", "store_alternating"]

FEW: Final = 4
"""Steps from lane to lane up to which vectors are read, and lanes picked."""


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


def every_few(b: Builder, own: str, place: Value, count: int, step: int) -> Value:
    """Every element at so many steps from a place on; what lies beyond the last is not read.

    It takes as many loads as steps, which for a few is less than to gather.
    """
    kind, made = vector(own, count), None
    for begin in range(0, (count - 1) * step + 1, count):
        at, size = b.offset(place, begin, own), (count - 1) * step + 1 - begin
        found = b.load_some(kind, at, b.first_or_all(count, size))
        places = [k * step - begin for k in range(count)]
        order = [count + p if 0 <= p < count else k for k, p in enumerate(places)]
        made = b.shuffle(found if made is None else made, found, order)
    assert made is not None
    return made


def read_backwards(b: Builder, own: str, place: Value, count: int, mask: Value | None) -> Value:
    """The element at a place and those before it; what the mask leaves out is not read."""
    kind, order = vector(own, count), range(count - 1, -1, -1)
    first = b.offset(place, 1 - count, own)
    found = b.load_some(kind, first, mask and b.shuffle(mask, mask, order))
    return b.shuffle(found, found, order)


def store_alternating(
    b: Builder, own: str, place: Value, values: Sequence[Value], mask: Value | None
) -> None:
    """Write the lanes of some vectors in turn from a place on; there is a power of two of them."""
    count = lanes(values[0].type)
    made = _in_turn(b, values)
    masks = None if mask is None else _in_turn(b, [mask] * len(values))
    for begin in range(0, len(values) * count, count):
        part, at = range(begin, begin + count), b.offset(place, begin, own)
        chosen = masks and b.shuffle(masks, masks, part)
        b.store_some(b.shuffle(made, made, part), at, chosen)


def _in_turn(b: Builder, values: Sequence[Value]) -> Value:
    """One vector of the first lanes of all, the second ones, and so on."""
    if len(values) == 1:
        return values[0]
    even, odd = _in_turn(b, values[::2]), _in_turn(b, values[1::2])
    count = lanes(even.type)
    return b.shuffle(even, odd, [k // 2 + k % 2 * count for k in range(2 * count)])
