"""The keys of random numbers, and the bits of each.

The last word of Philox's counter tells the purposes of a key apart, so that no two read the same
block: 0 for a draw, k for block k of a long one, 2⁶² for split, 2⁶³ plus the number for fold_in.
"""

from __future__ import annotations

import operator
from typing import Final

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe
from chainrule.ir import build
from chainrule.ir.dtype import DType, uint64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []

_DRAW: Final = 0
_SPLIT: Final = 1 << 62
_FOLD: Final = 1 << 63
_WORD: Final = (1 << 64) - 1


def key(seed: int) -> Tensor:
    """Make a key from a seed: its low 64 bits are the first word of the key, its high the second.

    Raises:  ArgumentError: the seed is negative or has more than 128 bits.

    >>> cr.random.key(7)
    Tensor([7, 0], uint64)
    """
    number = operator.index(seed)
    if not 0 <= number < 1 << 128:
        raise ArgumentError(f"random.key: the seed {number} is not between 0 and 2¹²⁸ − 1")
    return of_value(np.array([number & _WORD, number >> 64], np.uint64))


def key_of(name: str, given: Operand) -> Tensor:
    """Check that what a user gives is a key."""
    if isinstance(given, tuple | list):  # the shape, as where random numbers have a state
        raise DTypeError(
            f"{name}: the first argument is a key, not {given!r}\n\n"
            f"  {name.removeprefix('random.')}(cr.random.key(0), ...) draws with the key of seed 0."
        )
    tensor = as_tensor(given, name)
    if tensor.dtype is not uint64 or tensor.shape != (2,):
        raise ShapeError(
            f"{name}: a key has two words of 64 bits\n\n    key   {describe(tensor)}\n\n"
            "  cr.random.key(seed) makes one, cr.random.split(key, n) more; cr.vmap takes a stack."
        )
    return tensor


def random_bits(
    key: Node, shape: Shape, dtype: DType, counter: int = _DRAW, start: Node | None = None
) -> Node:
    """The bits of a key, as unsigned integers, from a number of them on: one in ``lane`` has it."""
    number = build.fill(counter, (), uint64)
    if start is None:
        return build.random(key, number, shape, dtype)
    shift = build.fill(lane(dtype).bit_length() - 1, (), uint64)
    skipped = build.apply("bitwise_right_shift", start, shift)
    return build.random(key, number, shape, dtype, skipped)


def lane(dtype: DType) -> int:
    """How many unsigned integers a block of four words makes."""
    return 256 // dtype.bits


_split: Final = Lifted(lambda key, count: random_bits(key, (count, 2), uint64, _SPLIT))


def split(key: Operand, n: int = 2) -> Tensor:
    """Make n independent keys from one: a Tensor of shape (n, 2), to index or to vmap over.

    Shapes:  key: 2   →   n 2   for n=n
    Raises:  ArgumentError: n is negative.

    >>> k = cr.random.key(0)
    >>> first, second = cr.random.split(k)
    >>> first.shape
    (2,)
    """
    count = operator.index(n)
    if count < 0:
        raise ArgumentError(f"random.split: there cannot be {count} keys")
    return _split([key_of("random.split", key)], count)


def _fold_nodes(key: Node, number: Node) -> Node:
    top = build.fill(_FOLD, (), uint64)
    counter = build.apply("bitwise_or", build.cast(number, uint64), top)
    return build.random(key, counter, (2,), uint64)


_fold: Final = Lifted(_fold_nodes)


def fold_in(key: Operand, number: Operand) -> Tensor:
    """Make the key that belongs to a key and a number, such as a step or a layer.

    Different numbers below 2⁶³ give independent keys.

    Shapes:  key: 2   →   2   for number=3
    Raises:  DTypeError: the number is no integer. ArgumentError: it is a negative int.

    >>> k = cr.random.key(0)
    >>> cr.any(cr.random.fold_in(k, 1) != cr.random.fold_in(k, 2))
    Tensor(True)
    """
    found = as_tensor(number, "random.fold_in")
    if not found.dtype.is_integer or found.shape:
        raise DTypeError(
            f"random.fold_in: the number is an integer without axes, not {describe(found)}"
        )
    if isinstance(number, int) and number < 0:
        raise ArgumentError(f"random.fold_in: the number {number} is negative")
    return _fold([key_of("random.fold_in", key), found])
