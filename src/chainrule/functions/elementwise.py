"""Element-wise arithmetic, rounding and extrema.

Names and signatures are those of the array API standard. Operands are Tensors, NumPy arrays or
Python numbers in either place; they are promoted to one dtype and broadcast to one shape.
Powers, exponentials and the functions with a Greek or Latin name are in ``elementary.py``,
comparisons in ``comparison.py``, truth values and bits in ``logic.py``.
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
    "abs", "add", "ceil", "clip", "conj", "copysign", "divide", "floor", "floor_divide", "imag",
    "maximum", "minimum", "multiply", "negative", "nextafter", "positive", "real", "reciprocal",
    "remainder", "round", "sign", "square", "subtract", "trunc", "where",
]  # fmt: skip

# ---------------------------------------------------------------- arithmetic

_divide = pointwise("divide")
_floor_divide = pointwise("floor_divide")
_remainder = pointwise("remainder")
_square = Pointwise("square", np.square, lambda x: MULTIPLY.node(x, x), NUMERIC)
_abs = pointwise("abs")
_sign = pointwise("sign")
_copysign = pointwise("copysign")
_nextafter = pointwise("nextafter")


@fast_binary(ADD)
def add(x1: Operand, x2: Operand, /) -> Tensor:
    """Add.

    >>> add(tensor([1.0, 2.0]), 10)
    Tensor([11., 12.])
    """
    return ADD(x1, x2)


@fast_binary(SUBTRACT)
def subtract(x1: Operand, x2: Operand, /) -> Tensor:
    """Subtract x2 from x1.

    >>> subtract(tensor([1.0, 2.0]), 10)
    Tensor([-9., -8.])
    """
    return SUBTRACT(x1, x2)


@fast_binary(MULTIPLY)
def multiply(x1: Operand, x2: Operand, /) -> Tensor:
    """Multiply element by element; a broadcast factor is not copied.

    >>> multiply(tensor([[1.0], [2.0]]), tensor([3.0, 4.0]))
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return MULTIPLY(x1, x2)


@fast_binary(_divide, np.true_divide, NUMERIC)
def divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Divide x1 by x2; integers become floating.

    >>> divide(tensor([1, 2]), 4)
    Tensor([0.25, 0.5 ])
    """
    return _divide(x1, x2)


@fast_binary(_floor_divide)
def floor_divide(x1: Operand, x2: Operand, /) -> Tensor:
    """Divide and round down: ⌊x1 / x2⌋. Its derivative is 0.

    >>> floor_divide(tensor([5, -5]), 3)
    Tensor([ 1, -2])
    """
    return _floor_divide(x1, x2)


@fast_binary(_remainder)
def remainder(x1: Operand, x2: Operand, /) -> Tensor:
    """Give what division leaves: x1 − ⌊x1 / x2⌋ x2, with the sign of x2.

    >>> remainder(tensor([5, -5]), 3)
    Tensor([2, 1])
    """
    return _remainder(x1, x2)


def reciprocal(x: Operand, /) -> Tensor:
    """Give 1 / x.

    >>> reciprocal(tensor([2.0, 0.0]))
    Tensor([0.5, inf])
    """
    return divide(1.0, x)


@fast_unary(_square)
def square(x: Operand, /) -> Tensor:
    """Give x².

    >>> square(tensor([-3.0, 2.0]))
    Tensor([9., 4.])
    """
    return _square(x)


def positive(x: Operand, /) -> Tensor:
    """Give x itself; it must be a number, not a bool.

    >>> positive(tensor([-1.0, 2.0]))
    Tensor([-1.,  2.])
    """
    return _numeric("positive", x)


def _numeric(name: str, x: Operand) -> Tensor:
    tensor = as_tensor(x, name)
    if tensor.dtype is bool_:
        raise DTypeError(
            f"{name}: not defined for bool; it takes float, signed, unsigned\n\n"
            f"    {describe(tensor)}"
        )
    return tensor


@fast_unary(NEGATIVE)
def negative(x: Operand, /) -> Tensor:
    """Give −x.

    >>> negative(tensor([-1.0, 2.0]))
    Tensor([ 1., -2.])
    """
    return NEGATIVE(x)


@fast_unary(_abs)
def abs(x: Operand, /) -> Tensor:
    """Give the absolute value; its derivative at 0 is 0.

    >>> abs(tensor([-1.0, 2.0]))
    Tensor([1., 2.])
    """
    return _abs(x)


@fast_unary(_sign)
def sign(x: Operand, /) -> Tensor:
    """Give −1, 0 or 1; NaN for NaN. Its derivative is 0.

    >>> sign(tensor([-3.0, 0.0, 2.0]))
    Tensor([-1.,  0.,  1.])
    """
    return _sign(x)


@fast_binary(_copysign)
def copysign(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the magnitude of x1 with the sign of x2, the sign of a zero included.

    >>> copysign(tensor([3.0, 3.0]), tensor([-0.0, 1.0]))
    Tensor([-3.,  3.])
    """
    return _copysign(x1, x2)


@fast_binary(_nextafter)
def nextafter(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the next floating-point number after x1 in the direction of x2.

    >>> nextafter(tensor(1.0), 2.0) - 1
    Tensor(2.22044605e-16)
    """
    return _nextafter(x1, x2)


# ---------------------------------------------------------------- rounding

_floor = pointwise("floor")
_ceil = pointwise("ceil")
_trunc = pointwise("trunc")
_round = pointwise("round")


@fast_unary(_floor)
def floor(x: Operand, /) -> Tensor:
    """Round down. Integers stay as they are; the derivative is 0, as for all rounding.

    >>> floor(tensor([-1.5, 1.5]))
    Tensor([-2.,  1.])
    """
    return _floor(x)


@fast_unary(_ceil)
def ceil(x: Operand, /) -> Tensor:
    """Round up.

    >>> ceil(tensor([-1.5, 1.5]))
    Tensor([-1.,  2.])
    """
    return _ceil(x)


@fast_unary(_trunc)
def trunc(x: Operand, /) -> Tensor:
    """Round toward 0.

    >>> trunc(tensor([-1.5, 1.5]))
    Tensor([-1.,  1.])
    """
    return _trunc(x)


@fast_unary(_round)
def round(x: Operand, /) -> Tensor:
    """Round to the nearest integer, halves to the even one.

    >>> round(tensor([0.5, 1.5, 2.4]))
    Tensor([0., 2., 2.])
    """
    return _round(x)


# ---------------------------------------------------------------- extrema and choice

_maximum = pointwise("maximum")
_minimum = pointwise("minimum")
_clip = pointwise("clip")


def _range(dtype: DType) -> tuple[float, float]:
    """The bounds that do not bind numbers of this dtype."""
    if dtype.is_float:
        return -np.inf, np.inf
    return int(np.iinfo(dtype.numpy).min), int(np.iinfo(dtype.numpy).max)


_BOUND: Final = (np.minimum, np.maximum)  # what one bound does: an upper, a lower
_RANGE: Final = {d: _range(d) for d in ALL if d is not bool_}


@fast_binary(_maximum)
def maximum(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the larger of two numbers, NaN if one is NaN; a tie shares the derivative evenly.

    >>> maximum(tensor([1.0, 5.0]), tensor([2.0, cr.nan]))
    Tensor([ 2., nan])
    """
    return _maximum(x1, x2)


@fast_binary(_minimum)
def minimum(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the smaller of two numbers, NaN if one is NaN; a tie shares the derivative evenly.

    >>> minimum(tensor([1.0, 5.0]), tensor([2.0, 4.0]))
    Tensor([1., 4.])
    """
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

    Raises:  DTypeError: the condition is not bool.

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


# ---------------------------------------------------------------- real and imaginary parts

_zeros = Lifted(build.zeros_like)


def real(x: Operand, /) -> Tensor:
    """Give the real part, which is x: chainrule computes with real numbers.

    >>> real(tensor([1.0, 2.0]))
    Tensor([1., 2.])
    """
    return as_tensor(x, "real")


def conj(x: Operand, /) -> Tensor:
    """Give the complex conjugate, which is x: chainrule computes with real numbers.

    >>> conj(tensor([1.0, 2.0]))
    Tensor([1., 2.])
    """
    return as_tensor(x, "conj")


def imag(x: Operand, /) -> Tensor:
    """Give the imaginary part, which is 0: chainrule computes with real numbers.

    >>> cr.imag(cr.tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return _zeros([as_tensor(x, "imag")])
