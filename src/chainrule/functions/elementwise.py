"""Element-wise arithmetic, rounding, extrema and comparison.

Names and signatures are those of the array API standard. Operands are Tensors, NumPy arrays or
Python numbers in either place; they are promoted to one dtype and broadcast to one shape.
Powers, exponentials and the functions with a Greek or Latin name are in ``elementary.py``, truth
values and bits in ``logic.py``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from chainrule.errors import DTypeError
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    common_shape,
    describe,
    promoted,
    spread,
)
from chainrule.functions.pointwise import (
    ADD,
    MULTIPLY,
    NEGATIVE,
    SUBTRACT,
    Pointwise,
    eager,
    fast_binary,
    fast_unary,
    pointwise,
    values,
)
from chainrule.ir import build
from chainrule.ir.dtype import ALL, DType, bool_
from chainrule.ir.scalar import ANY, NUMERIC, REAL
from chainrule.recording import innermost
from chainrule.tensors import Tensor, node_of, of_node

__all__ = [
    "abs",
    "add",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "divide",
    "equal",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "real",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "signbit",
    "square",
    "subtract",
    "trunc",
    "where",
]  # fmt: skip

# ---------------------------------------------------------------- arithmetic

_add = fast_binary(ADD)
_subtract = fast_binary(SUBTRACT)
_multiply = fast_binary(MULTIPLY)
_divide = fast_binary(pointwise("divide"), np.true_divide, NUMERIC)
_floor_divide = fast_binary(pointwise("floor_divide"))
_remainder = fast_binary(pointwise("remainder"))
_square = fast_unary(Pointwise("square", np.square, lambda x: MULTIPLY.node(x, x), NUMERIC))
_negative = fast_unary(NEGATIVE)
_abs = fast_unary(pointwise("abs"))
_sign = fast_unary(pointwise("sign"))
_copysign = fast_binary(pointwise("copysign"))
_nextafter = fast_binary(pointwise("nextafter"))


def add(x1: Operand, x2: Operand, /) -> Tensor:
    """Add.

    >>> add(tensor([1.0, 2.0]), 10)
    Tensor([11., 12.])
    """
    return _add(x1, x2)


def subtract(x1: Operand, x2: Operand, /) -> Tensor:
    """Subtract x2 from x1."""
    return _subtract(x1, x2)


def multiply(x1: Operand, x2: Operand, /) -> Tensor:
    """Multiply element by element; a broadcast factor is not copied.

    >>> multiply(tensor([[1.0], [2.0]]), tensor([3.0, 4.0]))
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return _multiply(x1, x2)


def divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Divide x1 by x2; integers become floating.

    >>> divide(tensor([1, 2]), 4)
    Tensor([0.25, 0.5 ])
    """
    return _divide(x1, x2)


def floor_divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Divide and round down: ⌊x1 / x2⌋. Its derivative is 0."""
    return _floor_divide(x1, x2)


def remainder(x1: Operand, x2: Operand, /) -> Tensor:
    """Give what division leaves: x1 − ⌊x1 / x2⌋ x2, with the sign of x2.

    >>> remainder(tensor([5, -5]), 3)
    Tensor([2, 1])
    """
    return _remainder(x1, x2)


def reciprocal(x: Operand, /) -> Tensor:
    """Give 1 / x."""
    return _divide(1.0, x)


def square(x: Operand, /) -> Tensor:
    """Give x²."""
    return _square(x)


def positive(x: Operand, /) -> Tensor:
    """Give x itself; it must be a number, not a bool."""
    return _numeric("positive", x)


def _numeric(name: str, x: Operand) -> Tensor:
    tensor = as_tensor(x, name)
    if tensor.dtype is bool_:
        raise DTypeError(
            f"{name}: not defined for bool; it takes float, signed, unsigned\n\n"
            f"    {describe(tensor)}"
        )
    return tensor


def negative(x: Operand, /) -> Tensor:
    """Give −x."""
    return _negative(x)


def abs(x: Operand, /) -> Tensor:
    """Give the absolute value; its derivative at 0 is 0."""
    return _abs(x)


def sign(x: Operand, /) -> Tensor:
    """Give −1, 0 or 1; NaN for NaN. Its derivative is 0."""
    return _sign(x)


def copysign(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the magnitude of x1 with the sign of x2, the sign of a zero included."""
    return _copysign(x1, x2)


def nextafter(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the next floating-point number after x1 in the direction of x2."""
    return _nextafter(x1, x2)


# ---------------------------------------------------------------- rounding

_floor = fast_unary(pointwise("floor"))
_ceil = fast_unary(pointwise("ceil"))
_trunc = fast_unary(pointwise("trunc"))
_round = fast_unary(pointwise("round"))


def floor(x: Operand, /) -> Tensor:
    """Round down. Integers stay as they are; the derivative is 0, as for all rounding."""
    return _floor(x)


def ceil(x: Operand, /) -> Tensor:
    """Round up."""
    return _ceil(x)


def trunc(x: Operand, /) -> Tensor:
    """Round toward 0."""
    return _trunc(x)


def round(x: Operand, /) -> Tensor:
    """Round to the nearest integer, halves to the even one.

    >>> round(tensor([0.5, 1.5, 2.4]))
    Tensor([0., 2., 2.])
    """
    return _round(x)


# ---------------------------------------------------------------- extrema and choice

_maximum = fast_binary(pointwise("maximum"))
_minimum = fast_binary(pointwise("minimum"))
_clip = pointwise("clip")


def _range(dtype: DType) -> tuple[float, float]:
    """The bounds that do not bind numbers of this dtype."""
    if dtype.is_float:
        return -np.inf, np.inf
    return int(np.iinfo(dtype.numpy).min), int(np.iinfo(dtype.numpy).max)


_BOUND: Final = (np.minimum, np.maximum)  # what one bound does: an upper, a lower
_RANGE: Final = {d: _range(d) for d in ALL if d is not bool_}


def maximum(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the larger of two numbers, NaN if one is NaN; a tie shares the derivative evenly."""
    return _maximum(x1, x2)


def minimum(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the smaller of two numbers, NaN if one is NaN; a tie shares the derivative evenly."""
    return _minimum(x1, x2)


def clip(x: Operand, /, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Bring x into the interval from min to max: minimum(maximum(x, min), max).

    A bound of None does not bind. The derivative in x is 1 inside and at the bounds, 0 outside,
    where it goes to the bound instead.

    >>> clip(tensor([-1.0, 0.5, 2.0]), 0, 1)
    Tensor([0. , 0.5, 1. ])
    """
    given = [b for b in (min, max) if b is not None]
    arrays = values(NUMERIC, x, *given) if given else None
    if arrays is not None:
        try:
            return eager(_clip.ufunc if len(given) == 2 else _BOUND[max is None], *arrays)
        except (ValueError, OverflowError):
            pass  # said better below
    operand, *bounds = promoted("clip", _numeric("clip", x), *given)
    if not bounds:
        return operand
    low, high = _RANGE[operand.dtype]
    return _clip(operand, low if min is None else bounds[0], high if max is None else bounds[-1])


def where(condition: Operand, x1: Operand, x2: Operand, /) -> Tensor:
    """Choose x1 where the condition holds, else x2.

    The branch not taken never reaches the result or a derivative, not even as NaN:

    >>> cr.grad(lambda x: where(x > 0, cr.sqrt(x), 0.0))(tensor(-1.0))
    Tensor(0.)
    """
    mask = as_tensor(condition, "where")
    chosen: list[Any] | None = None
    if mask._value is not None and mask.dtype is bool_:
        # NumPy's where takes an int that does not fit in an integer dtype, and wraps it.
        chosen = values(REAL if int in (type(x1), type(x2)) else ANY, x1, x2)
    if chosen is not None:
        try:
            return eager(np.where, mask._value, *chosen)
        except ValueError:
            pass  # said better below
    if mask.dtype is not bool_:
        raise DTypeError(
            f"where: the condition must be bool, not {mask.dtype}\n\n    {describe(mask)}"
        )
    operands = [mask, *promoted("where", x1, x2)]
    shape = common_shape("where", operands)
    recordings = [t._recording for t in operands if t._recording is not None]
    if not recordings:
        return eager(np.where, *[t._value for t in operands])
    host = innermost(recordings)
    return of_node(build.select(*[spread(node_of(t, host), shape) for t in operands]), host)


# ---------------------------------------------------------------- comparison

_equal = fast_binary(pointwise("equal"))
_not_equal = fast_binary(pointwise("not_equal"))
_less = fast_binary(pointwise("less"))
_less_equal = fast_binary(pointwise("less_equal"))
_greater = fast_binary(pointwise("greater"))
_greater_equal = fast_binary(pointwise("greater_equal"))
_isfinite = fast_unary(pointwise("isfinite"))
_isinf = fast_unary(pointwise("isinf"))
_isnan = fast_unary(pointwise("isnan"))
_signbit = fast_unary(pointwise("signbit"))


def equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 = x2; NaN equals nothing."""
    return _equal(x1, x2)


def not_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≠ x2."""
    return _not_equal(x1, x2)


def less(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 < x2.

    >>> less(tensor([1, 2, 3]), 2)
    Tensor([ True, False, False])
    """
    return _less(x1, x2)


def less_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≤ x2."""
    return _less_equal(x1, x2)


def greater(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 > x2."""
    return _greater(x1, x2)


def greater_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Tell where x1 ≥ x2."""
    return _greater_equal(x1, x2)


def isfinite(x: Operand, /) -> Tensor:
    """Tell where x is neither infinite nor NaN."""
    return _isfinite(x)


def isinf(x: Operand, /) -> Tensor:
    """Tell where x is +∞ or −∞."""
    return _isinf(x)


def isnan(x: Operand, /) -> Tensor:
    """Tell where x is NaN."""
    return _isnan(x)


def signbit(x: Operand, /) -> Tensor:
    """Tell where the sign of x is set: negative numbers, −0 and some NaN."""
    return _signbit(x)


# ---------------------------------------------------------------- real and imaginary parts

_zeros = Lifted(build.zeros_like)


def real(x: Operand, /) -> Tensor:
    """Give the real part, which is x: chainrule computes with real numbers."""
    return as_tensor(x, "real")


def conj(x: Operand, /) -> Tensor:
    """Give the complex conjugate, which is x: chainrule computes with real numbers."""
    return as_tensor(x, "conj")


def imag(x: Operand, /) -> Tensor:
    """Give the imaginary part, which is 0: chainrule computes with real numbers.

    >>> cr.imag(cr.tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return _zeros([as_tensor(x, "imag")])
