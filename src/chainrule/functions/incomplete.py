"""Element-wise distribution functions that have no elementary form, and their inverses.

Names are SciPy's. All are differentiable in every argument and to every order; a derivative by a
parameter costs some hundred exponentials for each element. Integers become floating.
"""

from __future__ import annotations

from chainrule.functions.lift import Operand
from chainrule.functions.pointwise import fast_unary, pointwise
from chainrule.ir import incomplete as incomplete  # fills the table with the records named below
from chainrule.tensors import Tensor

__all__ = ["betainc", "betaincinv", "gammainc", "gammaincc", "gammaincinv", "ndtri"]

_gammainc = pointwise("gammainc")
_gammaincc = pointwise("gammaincc")
_gammaincinv = pointwise("gammaincinv")
_betainc = pointwise("betainc")
_betaincinv = pointwise("betaincinv")
_ndtri = pointwise("ndtri")


def gammainc(a: Operand, x: Operand, /) -> Tensor:
    """Give the regularized lower incomplete gamma function; NaN for negative x.

    P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt

    >>> gammainc(1.0, tensor([0.0, 1.0]))
    Tensor([0.        , 0.63212056])
    """
    return _gammainc(a, x)


def gammaincc(a: Operand, x: Operand, /) -> Tensor:
    """Give 1 − P(a, x), exact where that would round to 0.

    >>> gammaincc(1.0, tensor([0.0, 1.0]))
    Tensor([1.        , 0.36787944])
    """
    return _gammaincc(a, x)


def gammaincinv(a: Operand, p: Operand, /) -> Tensor:
    """Give the x at which P(a, x) = p, for p from 0 to 1.

    >>> gammaincinv(2.0, gammainc(2.0, 3.0))
    Tensor(3.)
    """
    return _gammaincinv(a, p)


def betainc(a: Operand, b: Operand, x: Operand, /) -> Tensor:
    """Give the regularized incomplete beta function, for x from 0 to 1.

    I(x; a, b) = Γ(a + b)/(Γ(a) Γ(b)) ∫₀ˣ tᵃ⁻¹ (1 − t)ᵇ⁻¹ dt

    >>> betainc(1.0, 1.0, 0.25)
    Tensor(0.25)
    """
    return _betainc(a, b, x)


def betaincinv(a: Operand, b: Operand, p: Operand, /) -> Tensor:
    """Give the x at which I(x; a, b) = p, for p from 0 to 1.

    >>> betaincinv(1.0, 2.0, 0.75)
    Tensor(0.5)
    """
    return _betaincinv(a, b, p)


@fast_unary(_ndtri)
def ndtri(p: Operand, /) -> Tensor:
    """Give the x below which a standard normal number falls with probability p.

    p = Φ(x), which is ndtr

    >>> ndtri(tensor([0.5, 0.975]))
    Tensor([0.        , 1.95996398])
    """
    return _ndtri(p)
