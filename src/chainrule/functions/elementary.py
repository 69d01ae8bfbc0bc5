"""Element-wise exponentials, logarithms, powers, trigonometry and special functions.

Names and signatures are those of the array API standard where it has them. Integers become
floating; angles are in radians.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.functions.elementwise import multiply, reciprocal, square
from chainrule.functions.lift import Operand
from chainrule.functions.pointwise import fast_binary, fast_unary, pointwise
from chainrule.ir.dtype import bool_
from chainrule.tensors import Tensor

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "digamma", "erf",
    "erfc", "exp", "expm1", "hypot", "lgamma", "log", "log1p", "log2", "log10", "logaddexp", "ndtr",
    "pow", "sin", "sinh", "sqrt", "tan", "tanh", "xlogy",
]  # fmt: skip

# ---------------------------------------------------------------- exponentials and logarithms

_exp = pointwise("exp")
_expm1 = pointwise("expm1")
_log = pointwise("log")
_log1p = pointwise("log1p")
_log2 = pointwise("log2")
_log10 = pointwise("log10")
_logaddexp = pointwise("logaddexp")
_xlogy = pointwise("xlogy")


@fast_unary(_exp)
def exp(x: Operand, /) -> Tensor:
    """Give eˣ.

    >>> exp(tensor([0.0, 1.0]))
    Tensor([1.        , 2.71828183])
    """
    return _exp(x)


@fast_unary(_expm1)
def expm1(x: Operand, /) -> Tensor:
    """Give eˣ − 1, exact for small x too.

    >>> expm1(tensor(1e-20))
    Tensor(1.e-20)
    """
    return _expm1(x)


@fast_unary(_log)
def log(x: Operand, /) -> Tensor:
    """Give the natural logarithm; −∞ at 0 and NaN below.

    >>> log(tensor([0.0, 1.0]))
    Tensor([-inf,   0.])
    """
    return _log(x)


@fast_unary(_log1p)
def log1p(x: Operand, /) -> Tensor:
    """Give log(1 + x), exact for small x too.

    >>> log1p(tensor(1e-20))
    Tensor(1.e-20)
    """
    return _log1p(x)


@fast_unary(_log2)
def log2(x: Operand, /) -> Tensor:
    """Give the logarithm to base 2.

    >>> log2(tensor([1.0, 8.0]))
    Tensor([0., 3.])
    """
    return _log2(x)


@fast_unary(_log10)
def log10(x: Operand, /) -> Tensor:
    """Give the logarithm to base 10.

    >>> log10(tensor([1.0, 1000.0]))
    Tensor([0., 3.])
    """
    return _log10(x)


@fast_binary(_logaddexp)
def logaddexp(x1: Operand, x2: Operand, /) -> Tensor:
    """Give log(eˣ¹ + eˣ²) without overflow.

    >>> logaddexp(tensor(1000.0), 1000.0)
    Tensor(1000.69314718)
    """
    return _logaddexp(x1, x2)


@fast_binary(_xlogy)
def xlogy(x: Operand, y: Operand, /) -> Tensor:
    """Give x log y, and 0 where x = 0 unless y is NaN. At (0, 0) both derivatives are 0.

    >>> xlogy(tensor([0.0, 1.0]), tensor([0.0, 1.0]))
    Tensor([0., 0.])
    """
    return _xlogy(x, y)


# ---------------------------------------------------------------- powers and roots

_power = pointwise("pow")
_pow = fast_binary(_power, np.power)(_power)
_sqrt = pointwise("sqrt")
_hypot = pointwise("hypot")


def pow(x1: Operand, x2: Operand, /) -> Tensor:
    """Raise x1 to the power of x2; 0⁰ = 1, with derivative 0 in both.

    The exponents 2, 3, −1 and 0.5, written as Python numbers, become x·x, x·x·x, 1 / x and √x.

    Raises:  ArgumentError: an integer is raised to a negative integer.

    >>> pow(tensor([0.0, 3.0]), 2)
    Tensor([0., 9.])
    """
    kind = type(x2)
    if (kind is int or kind is float) and x2 in _WRITTEN and isinstance(x1, Tensor):
        dtype, way = x1.dtype, _WRITTEN[x2]
        if dtype.is_float or (kind is int and x2 > 0 and dtype is not bool_):
            return way(x1)
    return _pow(x1, x2)


@fast_unary(_sqrt)
def sqrt(x: Operand, /) -> Tensor:
    """Give the square root; NaN below 0. Its derivative at 0 is +∞.

    >>> sqrt(tensor([0.0, 9.0]))
    Tensor([0., 3.])
    """
    return _sqrt(x)


def _cube(x: Tensor) -> Tensor:
    return multiply(square(x), x)


_WRITTEN: Final[dict[Any, Callable[[Tensor], Tensor]]] = {
    2: square, 3: _cube, -1: reciprocal, 0.5: sqrt,
}  # fmt: skip


@fast_binary(_hypot)
def hypot(x1: Operand, x2: Operand, /) -> Tensor:
    """Give √(x1² + x2²) without overflow; both derivatives at (0, 0) are 0.

    >>> hypot(tensor(3.0), 4.0)
    Tensor(5.)
    """
    return _hypot(x1, x2)


# ---------------------------------------------------------------- trigonometry and hyperbolas

_sin = pointwise("sin")
_cos = pointwise("cos")
_tan = pointwise("tan")
_asin = pointwise("asin")
_acos = pointwise("acos")
_atan = pointwise("atan")
_atan2 = pointwise("atan2")
_sinh = pointwise("sinh")
_cosh = pointwise("cosh")
_tanh = pointwise("tanh")
_asinh = pointwise("asinh")
_acosh = pointwise("acosh")
_atanh = pointwise("atanh")


@fast_unary(_sin)
def sin(x: Operand, /) -> Tensor:
    """Give the sine.

    >>> cr.grad(sin)(tensor(0.0))
    Tensor(1.)
    """
    return _sin(x)


@fast_unary(_cos)
def cos(x: Operand, /) -> Tensor:
    """Give the cosine.

    >>> cos(tensor([0.0, cr.pi]))
    Tensor([ 1., -1.])
    """
    return _cos(x)


@fast_unary(_tan)
def tan(x: Operand, /) -> Tensor:
    """Give the tangent.

    >>> tan(tensor([0.0, cr.pi / 4]))
    Tensor([0., 1.])
    """
    return _tan(x)


@fast_unary(_asin)
def asin(x: Operand, /) -> Tensor:
    """Give the angle in [−π/2, π/2] whose sine is x.

    >>> asin(tensor([0.0, 1.0]))
    Tensor([0.        , 1.57079633])
    """
    return _asin(x)


@fast_unary(_acos)
def acos(x: Operand, /) -> Tensor:
    """Give the angle in [0, π] whose cosine is x.

    >>> acos(tensor([0.0, 1.0]))
    Tensor([1.57079633, 0.        ])
    """
    return _acos(x)


@fast_unary(_atan)
def atan(x: Operand, /) -> Tensor:
    """Give the angle in [−π/2, π/2] whose tangent is x.

    >>> atan(tensor([0.0, cr.inf]))
    Tensor([0.        , 1.57079633])
    """
    return _atan(x)


@fast_binary(_atan2)
def atan2(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the angle in [−π, π] of the point with ordinate x1 and abscissa x2.

    >>> atan2(tensor([0.0, 1.0]), tensor([-1.0, 0.0]))
    Tensor([3.14159265, 1.57079633])
    """
    return _atan2(x1, x2)


@fast_unary(_sinh)
def sinh(x: Operand, /) -> Tensor:
    """Give the hyperbolic sine.

    >>> sinh(tensor([0.0, 1.0]))
    Tensor([0.        , 1.17520119])
    """
    return _sinh(x)


@fast_unary(_cosh)
def cosh(x: Operand, /) -> Tensor:
    """Give the hyperbolic cosine.

    >>> cosh(tensor([0.0, 1.0]))
    Tensor([1.        , 1.54308063])
    """
    return _cosh(x)


@fast_unary(_tanh)
def tanh(x: Operand, /) -> Tensor:
    """Give the hyperbolic tangent, (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ).

    >>> tanh(tensor([0.0, 1000.0]))
    Tensor([0., 1.])
    """
    return _tanh(x)


@fast_unary(_asinh)
def asinh(x: Operand, /) -> Tensor:
    """Give the inverse of sinh.

    >>> asinh(sinh(tensor([0.0, 2.0])))
    Tensor([0., 2.])
    """
    return _asinh(x)


@fast_unary(_acosh)
def acosh(x: Operand, /) -> Tensor:
    """Give the inverse of cosh for x ≥ 1; NaN below.

    >>> acosh(tensor([0.5, 1.0]))
    Tensor([nan,  0.])
    """
    return _acosh(x)


@fast_unary(_atanh)
def atanh(x: Operand, /) -> Tensor:
    """Give the inverse of tanh for |x| ≤ 1; NaN outside.

    >>> atanh(tensor([0.0, 1.0]))
    Tensor([ 0., inf])
    """
    return _atanh(x)


# ---------------------------------------------------------------- special functions

_erf = pointwise("erf")
_erfc = pointwise("erfc")
_ndtr = pointwise("ndtr")
_lgamma = pointwise("lgamma")
_digamma = pointwise("polygamma", 0)


@fast_unary(_erf)
def erf(x: Operand, /) -> Tensor:
    """Give the error function, 2/√π ∫₀ˣ exp(−t²) dt.

    >>> erf(tensor([0.0, 1000.0]))
    Tensor([0., 1.])
    """
    return _erf(x)


@fast_unary(_erfc)
def erfc(x: Operand, /) -> Tensor:
    """Give 1 − erf x, exact where that would round to 0.

    >>> erfc(tensor([0.0, 1000.0]))
    Tensor([1., 0.])
    """
    return _erfc(x)


@fast_unary(_ndtr)
def ndtr(x: Operand, /) -> Tensor:
    """Give the probability that a standard normal number is below x.

    Φ(x) = (2π)^−½ ∫₋∞ˣ exp(−t²/2) dt = ½ erfc(−x/√2)

    >>> ndtr(tensor([-10.0, 0.0, 1.0]))
    Tensor([7.61985302e-24, 5.00000000e-01, 8.41344746e-01])
    """
    return _ndtr(x)


@fast_unary(_lgamma)
def lgamma(x: Operand, /) -> Tensor:
    """Give log |Γ(x)|; +∞ at 0, −1, −2 and so on.

    >>> cr.exp(lgamma(tensor([1.0, 5.0])))
    Tensor([ 1., 24.])
    """
    return _lgamma(x)


@fast_unary(_digamma)
def digamma(x: Operand, /) -> Tensor:
    """Give Γ′(x) / Γ(x), the derivative of lgamma.

    >>> digamma(tensor(2.0)) - digamma(tensor(1.0))
    Tensor(1.)
    """
    return _digamma(x)
