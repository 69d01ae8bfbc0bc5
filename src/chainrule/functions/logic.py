"""Element-wise functions of truth values and of bits.

Names and signatures are those of the array API standard.
"""

from __future__ import annotations

from chainrule.functions.lift import Operand
from chainrule.functions.pointwise import fast_binary, fast_unary, pointwise
from chainrule.tensors import Tensor

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
]

_logical_and = pointwise("logical_and")
_logical_or = pointwise("logical_or")
_logical_xor = pointwise("logical_xor")
_logical_not = pointwise("logical_not")
_bitwise_and = pointwise("bitwise_and")
_bitwise_or = pointwise("bitwise_or")
_bitwise_xor = pointwise("bitwise_xor")
_bitwise_invert = pointwise("bitwise_invert")
_bitwise_left_shift = pointwise("bitwise_left_shift")
_bitwise_right_shift = pointwise("bitwise_right_shift")


@fast_binary(_logical_and)
def logical_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where both hold; a number holds unless it is 0.

    >>> logical_and(tensor([True, True]), tensor([True, False]))
    Tensor([ True, False])
    """
    return _logical_and(x1, x2)


@fast_binary(_logical_or)
def logical_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where at least one holds.

    >>> logical_or(tensor([0, 2]), False)
    Tensor([False,  True])
    """
    return _logical_or(x1, x2)


@fast_binary(_logical_xor)
def logical_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where exactly one holds.

    >>> logical_xor(tensor([True, True]), tensor([True, False]))
    Tensor([False,  True])
    """
    return _logical_xor(x1, x2)


@fast_unary(_logical_not)
def logical_not(x: Operand, /) -> Tensor:
    """Tell where x does not hold.

    >>> logical_not(tensor([0.0, 0.5]))
    Tensor([ True, False])
    """
    return _logical_not(x)


@fast_binary(_bitwise_and)
def bitwise_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the bits that are set in both.

    >>> bitwise_and(tensor([6, 7]), 3)
    Tensor([2, 3])
    """
    return _bitwise_and(x1, x2)


@fast_binary(_bitwise_or)
def bitwise_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the bits that are set in at least one.

    >>> bitwise_or(tensor([4, 6]), 3)
    Tensor([7, 7])
    """
    return _bitwise_or(x1, x2)


@fast_binary(_bitwise_xor)
def bitwise_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the bits that are set in exactly one.

    >>> bitwise_xor(tensor([4, 6]), 3)
    Tensor([7, 5])
    """
    return _bitwise_xor(x1, x2)


@fast_unary(_bitwise_invert)
def bitwise_invert(x: Operand, /) -> Tensor:
    """Give every bit the other way round; of a bool, the opposite.

    >>> bitwise_invert(tensor([0, 1]))
    Tensor([-1, -2])
    """
    return _bitwise_invert(x)


@fast_binary(_bitwise_left_shift)
def bitwise_left_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Shift the bits of x1 by x2 ≥ 0 places to the left, which is x1 · 2^x2.

    >>> bitwise_left_shift(tensor([1, 3]), 2)
    Tensor([ 4, 12])
    """
    return _bitwise_left_shift(x1, x2)


@fast_binary(_bitwise_right_shift)
def bitwise_right_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """Shift the bits of x1 by x2 ≥ 0 places to the right, which is ⌊x1 / 2^x2⌋.

    >>> bitwise_right_shift(tensor([8, -1]), 2)
    Tensor([ 2, -1])
    """
    return _bitwise_right_shift(x1, x2)
