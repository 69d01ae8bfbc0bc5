"""Activation functions, each with the paper that it comes from.

Where a function has a kink, its derivative there is that of relu at 0, which is 0, unless the
docstring says otherwise; bounds follow clip, whose derivative at its bounds is 1.
"""

from __future__ import annotations

import math
import operator
from typing import Final, Literal, SupportsIndex

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.axes import axis_of
from chainrule.functions.comparison import greater
from chainrule.functions.elementary import expm1, ndtr, tanh
from chainrule.functions.elementwise import abs as abs_
from chainrule.functions.elementwise import add, clip, divide, multiply, negative, subtract, where
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe
from chainrule.functions.pointwise import fast_unary, pointwise
from chainrule.ir import build
from chainrule.tensors import Tensor

__all__ = [
    "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_swish", "hard_tanh", "hardshrink",
    "leaky_relu", "log_sigmoid", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu",
    "softplus", "softshrink", "softsign", "tanhshrink", "threshold",
]  # fmt: skip

# ---------------------------------------------------------------- rectifiers

_relu = pointwise("relu")


@fast_unary(_relu)
def relu(x: Operand, /) -> Tensor:
    """Give x where it is positive, else 0. The derivative at 0 is 0.

    relu(x) = max(x, 0)

    Source:  nair2010rectified

    >>> relu(tensor([-1.0, 0.0, 2.0]))
    Tensor([0., 0., 2.])
    """
    return _relu(x)


def relu6(x: Operand, /) -> Tensor:
    """Give relu, at most 6.

    relu6(x) = min(max(x, 0), 6)

    Source:  krizhevsky2010convolutional

    >>> relu6(tensor([-1.0, 2.0, 9.0]))
    Tensor([0., 2., 6.])
    """
    return clip(relu(x), max=6)


def leaky_relu(x: Operand, /, negative_slope: float = 0.01) -> Tensor:
    """Give x where it is positive, else a small multiple of it, whose slope holds at 0.

    Source:  maas2013rectifier

    >>> leaky_relu(tensor([-1.0, 2.0]))
    Tensor([-0.01,  2.  ])
    """
    return where(greater(x, 0), x, multiply(x, negative_slope))


def prelu(x: Operand, weight: Operand, /) -> Tensor:
    """Give x where it is positive, else weight · x, with a weight that is learned.

    The weight is broadcast against x: one number, or one for each entry of the last axis.

    Shapes:  x: ... n   weight: n   →   ... n
    Source:  he2015delving, eq. 1

    >>> prelu(tensor([-1.0, 2.0]), 0.25)
    Tensor([-0.25,  2.  ])
    """
    return where(greater(x, 0), x, multiply(x, weight))


def threshold(x: Operand, /, bound: float, value: float) -> Tensor:
    """Give x where it is greater than the bound, else the value.

    >>> threshold(tensor([0.5, 2.0]), 1.0, -7.0)
    Tensor([-7.,  2.])
    """
    return where(greater(x, bound), x, value)


# ---------------------------------------------------------------- exponential units

_SELU_ALPHA: Final = 1.6732632423543772848170429916717
_SELU_SCALE: Final = 1.0507009873554804934193349852946


def elu(x: Operand, /, alpha: float = 1.0) -> Tensor:
    """Give x where it is positive, else α (eˣ − 1), whose slope α holds at 0.

    Source:  clevert2016fast

    >>> elu(tensor([0.0, 2.0]))
    Tensor([0., 2.])
    """
    return where(greater(x, 0), x, multiply(alpha, expm1(x)))


def selu(x: Operand, /) -> Tensor:
    """Give elu with the α and the scale that keep mean 0 and variance 1 from layer to layer.

    selu(x) = λ x where x > 0, else λ α (eˣ − 1);  α ≈ 1.6733, λ ≈ 1.0507

    Source:  klambauer2017self, eq. 2

    >>> selu(tensor([0.0, 1.0]))
    Tensor([0.        , 1.05070099])
    """
    return multiply(_SELU_SCALE, elu(x, _SELU_ALPHA))


def celu(x: Operand, /, alpha: float = 1.0) -> Tensor:
    """Give elu with a slope that is continuous for every α.

    celu(x) = x where x > 0, else α (exp(x/α) − 1)

    Source:  barron2017continuously

    >>> celu(tensor([-1000.0, 1.0]), alpha=2.0)
    Tensor([-2.,  1.])
    """
    return where(greater(x, 0), x, multiply(alpha, expm1(divide(x, alpha))))


# ---------------------------------------------------------------- sigmoids and what gates with them

_sigmoid = pointwise("sigmoid")
_long_softplus = pointwise("softplus")
_softplus = fast_unary(_long_softplus)(_long_softplus)


@fast_unary(_sigmoid)
def sigmoid(x: Operand, /) -> Tensor:
    """Give 1 / (1 + e⁻ˣ) without overflow.

    Source:  rumelhart1986learning

    >>> sigmoid(tensor([0.0, 1000.0]))
    Tensor([0.5, 1. ])
    """
    return _sigmoid(x)


def log_sigmoid(x: Operand, /) -> Tensor:
    """Give the logarithm of sigmoid, −softplus(−x), which neither overflows nor rounds to −∞.

    >>> log_sigmoid(tensor(-1000.0))
    Tensor(-1000.)
    """
    return negative(_softplus(negative(x)))


def softplus(x: Operand, /, beta: float = 1.0) -> Tensor:
    """Give a smooth relu: log(1 + exp(β x)) / β, without overflow.

    Raises:  ArgumentError: beta is not positive.
    Source:  dugas2001incorporating

    >>> softplus(tensor([-1000.0, 1000.0]))
    Tensor([   0., 1000.])
    """
    if not beta > 0:
        raise ArgumentError(f"softplus: beta must be positive, not {beta}")
    return _softplus(x) if beta == 1 else divide(_softplus(multiply(beta, x)), beta)


def silu(x: Operand, /) -> Tensor:
    """Give x · sigmoid(x), also called swish.

    Source:  hendrycks2016gaussian, sec. 2; ramachandran2017searching

    >>> silu(tensor([0.0, 1000.0]))
    Tensor([   0., 1000.])
    """
    return multiply(x, sigmoid(x))


def mish(x: Operand, /) -> Tensor:
    """Give x · tanh(softplus(x)).

    Source:  misra2020mish

    >>> mish(tensor([0.0, 1000.0]))
    Tensor([   0., 1000.])
    """
    return multiply(x, tanh(_softplus(x)))


def gelu(x: Operand, /, *, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """Give x times the probability that a standard normal number is below x.

    gelu(x) = x Φ(x) = x ndtr(x);  "tanh": x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2

    Raises:  ArgumentError: approximate is neither "none" nor "tanh".
    Source:  hendrycks2016gaussian, sec. 2

    >>> gelu(tensor([0.0, 10.0]))
    Tensor([ 0., 10.])
    """
    if approximate == "none":
        return multiply(x, ndtr(x))
    if approximate != "tanh":
        raise ArgumentError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    cube = multiply(multiply(x, x), x)
    inner = multiply(math.sqrt(2 / math.pi), add(x, multiply(0.044715, cube)))
    return multiply(multiply(0.5, x), add(1.0, tanh(inner)))


def glu(x: Operand, /, axis: SupportsIndex = -1) -> Tensor:
    """Split an axis into halves a and b and give a · sigmoid(b).

    Shapes:  x: ... 2·n   →   ... n
    Raises:  ShapeError: the axis has an odd size.
    Source:  dauphin2017language, eq. 1

    >>> glu(tensor([2.0, 4.0, 0.0, 0.0]))
    Tensor([1., 2.])
    """
    tensor = as_tensor(x, "glu")
    place = axis_of("glu", axis, tensor)
    size = tensor.shape[place]
    if size % 2:
        raise ShapeError(
            f"glu: axis {operator.index(axis)} has the odd size {size}\n\n"
            f"    {describe(tensor)}\n\n  It is split into two halves."
        )
    content = _slice([tensor], place, 0, size // 2)
    gate = _slice([tensor], place, size // 2, size // 2)
    return multiply(content, sigmoid(gate))


_slice = Lifted(build.slice_axis)

# ---------------------------------------------------------------- piecewise linear and rational


def hard_tanh(x: Operand, /, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Give x, brought into the interval from low to high.

    Source:  collobert2004large

    >>> hard_tanh(tensor([-2.0, 0.5, 2.0]))
    Tensor([-1. ,  0.5,  1. ])
    """
    return clip(x, low, high)


def hard_sigmoid(x: Operand, /) -> Tensor:
    """Give a piecewise linear sigmoid, relu6(x + 3) / 6.

    Source:  howard2019searching, sec. 5.2

    >>> hard_sigmoid(tensor([-4.0, 0.0, 4.0]))
    Tensor([0. , 0.5, 1. ])
    """
    return divide(relu6(add(x, 3)), 6)


def hard_swish(x: Operand, /) -> Tensor:
    """Give x · hard_sigmoid(x).

    Source:  howard2019searching, sec. 5.2

    >>> hard_swish(tensor([0.0, 3.0]))
    Tensor([0., 3.])
    """
    return multiply(x, hard_sigmoid(x))


def softsign(x: Operand, /) -> Tensor:
    """Give x / (1 + |x|).

    Source:  glorot2010understanding

    >>> softsign(tensor([-1.0, 3.0]))
    Tensor([-0.5 ,  0.75])
    """
    return divide(x, add(1, abs_(x)))


def tanhshrink(x: Operand, /) -> Tensor:
    """Give x − tanh(x).

    >>> tanhshrink(tensor([0.0, 1000.0]))
    Tensor([  0., 999.])
    """
    return subtract(x, tanh(x))


def softshrink(x: Operand, /, bound: float = 0.5) -> Tensor:
    """Move x toward 0 by the bound, and no further: the proximal map of bound · |x|.

    softshrink(x) = x − clip(x, −bound, bound)

    Source:  donoho1995denoising

    >>> softshrink(tensor([-2.0, 0.2, 1.0]))
    Tensor([-1.5,  0. ,  0.5])
    """
    return subtract(x, clip(x, -bound, bound))


def hardshrink(x: Operand, /, bound: float = 0.5) -> Tensor:
    """Give x where |x| exceeds the bound, else 0: the proximal map of bound²/2 times ‖x‖₀.

    Source:  donoho1994ideal

    >>> hardshrink(tensor([-2.0, 0.2, 1.0]))
    Tensor([-2.,  0.,  1.])
    """
    return where(greater(abs_(x), bound), x, 0.0)
