"""How long a kernel takes on one thread, roughly: whether it pays to wake another one.

No tile follows from it, so no bit of a result depends on what is said here. The prices are
nanoseconds an element, measured in float32 on Cascade Lake at 2.4 GHz, from 6,000 elements to
100,000: 2x + y took 0.25, x − y squared and summed 0.2, tanh 0.8, a logarithm 0.6, a division
0.3, a transposed copy 1.5, softmax 1.25; they say 0.25, 0.2, 0.75, 0.75, 0.4, 1.55 and 1.65.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import bits
from chainrule.codegen.kernels.vectorization import place_of
from chainrule.codegen.mathematics.scalars import LIGHT, SHORT
from chainrule.codegen.statements.loops import Apply, Fetch, Load, Statement, loads, parts
from chainrule.ir.graph import Node

__all__ = ["PAYS", "of_product", "of_statements"]

PAYS: Final = 30_000
"""Nanoseconds from which on a second thread pays. Where it watches for work, 35 µs of tanh took
0.85 of the time; where it sleeps, up to 35 µs took longer than on one thread, 60 µs as long."""

_PART: Final = 0.05
_FUNCTION: Final = 0.65
_DIVISION: Final = 0.2
_FAR: Final = 1.4  # an element that lies far from its neighbor
_BYTE: Final = 0.03  # of what does not stay in the second cache
_LANES: Final = 8  # a shorter axis does not fill vectors
_RATE: Final = 80.0  # operations a nanosecond of a product, of vectors of 512 bits
_TILED_RATE: Final = 400.0  # in tiles of bf16; on Sapphire Rapids they were 300 to 700
_BITS: Final = 512


def of_statements(target: Target, statements: Sequence[Statement]) -> int:
    """Nanoseconds that the loops of some statements take."""
    computed = sum(math.prod(s.extents) * _price(target, s) for s in statements)
    moved: dict[Node, int] = {}
    for s in statements:
        elements = math.prod(s.extents)
        for node in (s.target, *(load.source for load in loads(s.value))):
            size = min(node.nbytes, elements * node.dtype.bits // 8)
            moved[node] = max(moved.get(node, 0), size)
    return int(max(computed, _BYTE * sum(moved.values())))


def of_product(target: Target, operations: int, kind: str, *, tiled: bool = False) -> int:
    """Nanoseconds of a product of so many multiplications and additions."""
    if tiled:
        return int(operations / _TILED_RATE)
    return int(operations / _RATE * _BITS / bits("float") / target.lanes(kind))


def _price(target: Target, s: Statement) -> float:
    """Of an element of a statement."""
    price = sum(map(_of_part, parts(s.value))) + _FAR * _far(s)
    return price * max(s.value.dtype.bits, 32) / 32 * _BITS / target.vector_bits


def _of_part(part: object) -> float:
    match part:
        case Apply(record=record) if record.name in ("divide", "sqrt"):
            return _PART + _DIVISION
        case Apply(record=record) if record.name not in SHORT | LIGHT:
            return _PART + _FUNCTION
        case _:
            return _PART


def _far(s: Statement) -> int:
    """How many of the numbers of an element lie far from the next one's, along the best axis."""
    read = list(loads(s.value))
    axes = [v for v, extent in enumerate(s.extents) if extent >= _LANES]
    return min((_far_along(v, s, read) for v in axes), default=0)


def _far_along(v: int, s: Statement, read: Sequence[Load | Fetch]) -> int:
    steps = [load.flat.coefficient(v) for load in read if isinstance(load, Load)]
    steps.append(place_of(s).coefficient(v))
    return sum(step not in (0, 1, 2) for step in steps) + len(read) + 1 - len(steps)
