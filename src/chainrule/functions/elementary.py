"""Element-wise exponentials, logarithms, powers, trigonometry and special functions.

Names and signatures are those of the array API standard where it has them. Integers become
floating; angles are in radians.
"""

from __future__ import annotations

import numpy as np

from chainrule.functions.elementwise import multiply, reciprocal
from chainrule.functions.lift import Operand
from chainrule.functions.pointwise import fast_binary, fast_unary, pointwise
from chainrule.tensors import Tensor

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "digamma", "erf",
    "erfc", "exp", "expm1", "hypot", "lgamma", "log", "log1p", "log2", "log10", "logaddexp", "ndtr",
    "pow", "sin", "sinh", "sqrt", "tan", "tanh", "xlogy",
]  # fmt: skip

# ---------------------------------------------------------------- exponentials and logarithms

_exp = fast_unary(pointwise("exp"))
_expm1 = fast_unary(pointwise("expm1"))
_log = fast_unary(pointwise("log"))
_log1p = fast_unary(pointwise("log1p"))
_log2 = fast_unary(pointwise("log2"))
_log10 = fast_unary(pointwise("log10"))
_logaddexp = fast_binary(pointwise("logaddexp"))
_xlogy = fast_binary(pointwise("xlogy"))


def exp(x: Operand, /) -> Tensor:
    """Give eˣ."""
    return _exp(x)


def expm1(x: Operand, /) -> Tensor:
    """Give eˣ − 1, exact for small x too."""
    return _expm1(x)


def log(x: Operand, /) -> Tensor:
    """Give the natural logarithm; −∞ at 0 and NaN below."""
    return _log(x)


def log1p(x: Operand, /) -> Tensor:
    """Give log(1 + x), exact for small x too."""
    return _log1p(x)


def log2(x: Operand, /) -> Tensor:
    """Give the logarithm to base 2."""
    return _log2(x)


def log10(x: Operand, /) -> Tensor:
    """Give the logarithm to base 10."""
    return _log10(x)


def logaddexp(x1: Operand, x2: Operand, /) -> Tensor:
    """Give log(eˣ¹ + eˣ²) without overflow."""
    return _logaddexp(x1, x2)


def xlogy(x: Operand, y: Operand, /) -> Tensor:
    """Give x log y, and 0 where x = 0 unless y is NaN. At (0, 0) both derivatives are 0.

    >>> xlogy(tensor([0.0, 1.0]), tensor([0.0, 1.0]))
    Tensor([0., 0.])
    """
    return _xlogy(x, y)


# ---------------------------------------------------------------- powers and roots

_pow = fast_binary(pointwise("pow"), np.power)
_sqrt = fast_unary(pointwise("sqrt"))
_hypot = fast_binary(pointwise("hypot"))


def pow(x1: Operand, x2: Operand, /) -> Tensor:
    """Raise x1 to the power of x2; 0⁰ = 1, with derivative 0 in both.

    The exponents 2, 3 and −1, written as Python numbers, become x·x, x·x·x and 1 / x.

    Raises:  ArgumentError: an integer is raised to a negative integer.

    >>> pow(tensor([0.0, 3.0]), 2)
    Tensor([0., 9.])
    """
    if type(x2) in (int, float) and isinstance(x1, Tensor) and x1.dtype.is_float:
        if x2 == 2:
            return multiply(x1, x1)
        if x2 == 3:
            return multiply(multiply(x1, x1), x1)
        if x2 == -1:
            return reciprocal(x1)
    return _pow(x1, x2)


def sqrt(x: Operand, /) -> Tensor:
    """Give the square root; NaN below 0. Its derivative at 0 is +∞."""
    return _sqrt(x)


def hypot(x1: Operand, x2: Operand, /) -> Tensor:
    """Give √(x1² + x2²) without overflow; both derivatives at (0, 0) are 0."""
    return _hypot(x1, x2)


# ---------------------------------------------------------------- trigonometry and hyperbolas

_sin = fast_unary(pointwise("sin"))
_cos = fast_unary(pointwise("cos"))
_tan = fast_unary(pointwise("tan"))
_asin = fast_unary(pointwise("asin"))
_acos = fast_unary(pointwise("acos"))
_atan = fast_unary(pointwise("atan"))
_atan2 = fast_binary(pointwise("atan2"))
_sinh = fast_unary(pointwise("sinh"))
_cosh = fast_unary(pointwise("cosh"))
_tanh = fast_unary(pointwise("tanh"))
_asinh = fast_unary(pointwise("asinh"))
_acosh = fast_unary(pointwise("acosh"))
_atanh = fast_unary(pointwise("atanh"))


def sin(x: Operand, /) -> Tensor:
    """Give the sine.

    >>> cr.grad(sin)(tensor(0.0))
    Tensor(1.)
    """
    return _sin(x)


def cos(x: Operand, /) -> Tensor:
    """Give the cosine."""
    return _cos(x)


def tan(x: Operand, /) -> Tensor:
    """Give the tangent."""
    return _tan(x)


def asin(x: Operand, /) -> Tensor:
    """Give the angle in [−π/2, π/2] whose sine is x."""
    return _asin(x)


def acos(x: Operand, /) -> Tensor:
    """Give the angle in [0, π] whose cosine is x."""
    return _acos(x)


def atan(x: Operand, /) -> Tensor:
    """Give the angle in [−π/2, π/2] whose tangent is x."""
    return _atan(x)


def atan2(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the angle in [−π, π] of the point with ordinate x1 and abscissa x2."""
    return _atan2(x1, x2)


def sinh(x: Operand, /) -> Tensor:
    """Give the hyperbolic sine."""
    return _sinh(x)


def cosh(x: Operand, /) -> Tensor:
    """Give the hyperbolic cosine."""
    return _cosh(x)


def tanh(x: Operand, /) -> Tensor:
    """Give the hyperbolic tangent, (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)."""
    return _tanh(x)


def asinh(x: Operand, /) -> Tensor:
    """Give the inverse of sinh."""
    return _asinh(x)


def acosh(x: Operand, /) -> Tensor:
    """Give the inverse of cosh for x ≥ 1; NaN below."""
    return _acosh(x)


def atanh(x: Operand, /) -> Tensor:
    """Give the inverse of tanh for |x| ≤ 1; NaN outside."""
    return _atanh(x)


# ---------------------------------------------------------------- special functions

_erf = fast_unary(pointwise("erf"))
_erfc = fast_unary(pointwise("erfc"))
_ndtr = fast_unary(pointwise("ndtr"))
_lgamma = fast_unary(pointwise("lgamma"))
_digamma = fast_unary(pointwise("polygamma", 0))


def erf(x: Operand, /) -> Tensor:
    """Give the error function, 2/√π ∫₀ˣ exp(−t²) dt."""
    return _erf(x)


def erfc(x: Operand, /) -> Tensor:
    """Give 1 − erf x, exact where that would round to 0."""
    return _erfc(x)


def ndtr(x: Operand, /) -> Tensor:
    """Give the probability that a standard normal number is below x.

    Φ(x) = (2π)^−½ ∫₋∞ˣ exp(−t²/2) dt = ½ erfc(−x/√2)

    >>> ndtr(tensor([-10.0, 0.0, 1.0]))
    Tensor([7.61985302e-24, 5.00000000e-01, 8.41344746e-01])
    """
    return _ndtr(x)


def lgamma(x: Operand, /) -> Tensor:
    """Give log |Γ(x)|; +∞ at 0, −1, −2 and so on.

    >>> cr.exp(lgamma(tensor([1.0, 5.0])))
    Tensor([ 1., 24.])
    """
    return _lgamma(x)


def digamma(x: Operand, /) -> Tensor:
    """Give Γ′(x) / Γ(x), the derivative of lgamma."""
    return _digamma(x)
