"""Element-wise comparison: where numbers are equal, less or greater, infinite or NaN.

Names and signatures are those of the array API standard. Results are booleans, so they have no
derivative.
"""

from __future__ import annotations

from chainrule.functions.lift import Operand
from chainrule.functions.pointwise import fast_binary, fast_unary, pointwise
from chainrule.tensors import Tensor

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "not_equal",
    "signbit",
]

_equal = pointwise("equal")
_not_equal = pointwise("not_equal")
_less = pointwise("less")
_less_equal = pointwise("less_equal")
_greater = pointwise("greater")
_greater_equal = pointwise("greater_equal")
_isfinite = pointwise("isfinite")
_isinf = pointwise("isinf")
_isnan = pointwise("isnan")
_signbit = pointwise("signbit")


@fast_binary(_equal)
def equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 = x2; NaN equals nothing.

    >>> equal(tensor([1.0, cr.nan]), tensor([1.0, cr.nan]))
    Tensor([ True, False])
    """
    return _equal(x1, x2)


@fast_binary(_not_equal)
def not_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≠ x2.

    >>> not_equal(tensor([1.0, cr.nan]), tensor([1.0, cr.nan]))
    Tensor([False,  True])
    """
    return _not_equal(x1, x2)


@fast_binary(_less)
def less(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 < x2.

    >>> less(tensor([1, 2, 3]), 2)
    Tensor([ True, False, False])
    """
    return _less(x1, x2)


@fast_binary(_less_equal)
def less_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≤ x2.

    >>> less_equal(tensor([1, 2, 3]), 2)
    Tensor([ True,  True, False])
    """
    return _less_equal(x1, x2)


@fast_binary(_greater)
def greater(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 > x2.

    >>> greater(tensor([1, 2, 3]), 2)
    Tensor([False, False,  True])
    """
    return _greater(x1, x2)


@fast_binary(_greater_equal)
def greater_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≥ x2.

    >>> greater_equal(tensor([1, 2, 3]), 2)
    Tensor([False,  True,  True])
    """
    return _greater_equal(x1, x2)


@fast_unary(_isfinite)
def isfinite(x: Operand, /) -> Tensor:
    """Tell where x is neither infinite nor NaN.

    >>> isfinite(tensor([1.0, cr.inf, cr.nan]))
    Tensor([ True, False, False])
    """
    return _isfinite(x)


@fast_unary(_isinf)
def isinf(x: Operand, /) -> Tensor:
    """Tell where x is +∞ or −∞.

    >>> isinf(tensor([1.0, -cr.inf, cr.nan]))
    Tensor([False,  True, False])
    """
    return _isinf(x)


@fast_unary(_isnan)
def isnan(x: Operand, /) -> Tensor:
    """Tell where x is NaN.

    >>> isnan(tensor([1.0, cr.inf, cr.nan]))
    Tensor([False, False,  True])
    """
    return _isnan(x)


@fast_unary(_signbit)
def signbit(x: Operand, /) -> Tensor:
    """Tell where the sign of x is set: negative numbers, −0 and some NaN.

    >>> signbit(tensor([-1.0, -0.0, 0.0]))
    Tensor([ True,  True, False])
    """
    return _signbit(x)
