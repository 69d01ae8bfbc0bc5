"""How features vary together: covariance and correlation, weighted or not."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import clip
from chainrule.functions.lift import Operand, as_tensor, cast, describe, floating, promoted
from chainrule.functions.linalg import diagonal
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.functions.reduction import sum
from chainrule.ir.dtype import DType, float64
from chainrule.stats.sample import over, sample_of, widened
from chainrule.tensors import Tensor

__all__ = ["correlation", "covariance"]


def covariance(
    x: Operand,
    y: Operand | None = None,
    /,
    *,
    correction: float,
    weights: Operand | None = None,
) -> Tensor:
    """Average the products of how far two features are from their means, over the rows.

    C = Σᵢ wᵢ (xᵢ − m)(yᵢ − m′)ᵀ / (Σᵢ wᵢ − correction),   y = x if it is not given

    A row is an observation, a column a feature. The correction must be said: 0 describes these
    rows, 1 estimates the covariance of what they were drawn from. Weights count rows; the result is
    NaN where they do not exceed the correction. A NaN makes its row and column of C NaN.

    Shapes:  x: ... n d   →   ... d d   for correction=0
             x: ... n d   weights: n   →   ... d d   for correction=0
             x: ... n d   y: ... n e   →   ... d e   for correction=0
    Raises:  ShapeError: there are no rows and columns, or y or the weights have another number of
             rows.
             ArgumentError: there are no rows; a weight is negative.
    Cost:    2·n·d² operations.

    >>> covariance(tensor([[1.0, 2.0], [3.0, 6.0]]), correction=1)
    Tensor([[2., 4.],
            [4., 8.]])
    """
    made, dtype = _covariance("covariance", x, y, float(correction), weights)
    return cast(made, dtype)


def _covariance(
    name: str, x: Operand, y: Operand | None, correction: float, weights: Operand | None
) -> tuple[Tensor, DType]:
    """The covariance in float64, and the dtype that it should have."""
    left = floating(as_tensor(x, name))
    right = left
    if y is not None:
        left, right = (floating(t) for t in promoted(name, left, y))
    _check_rows(name, left, right)
    if weights is not None and as_tensor(weights, name).shape != left.shape[-2:-1]:
        raise ShapeError(
            f"{name}: there is not one weight for each row\n\n    x         {describe(left)}\n"
            f"    weights   {describe(as_tensor(weights, name))}"
        )
    sample, dtype = sample_of(name, left, -2, weights, "propagate"), left.dtype
    factors = widened(sample).weights
    left, right = cast(left, float64), cast(right, float64)
    if factors is None:
        count: Tensor | float = float(left.shape[-2])
        centered = left - left.mean(axis=-2, keepdims=True)
        other = centered if y is None else right - right.mean(axis=-2, keepdims=True)
    else:
        column = factors[..., :1]
        count = sum(column, axis=-2, keepdims=True)
        centered = left - sum(column * left, axis=-2, keepdims=True) / count
        other = right - sum(column * right, axis=-2, keepdims=True) / count
        other = column * other
    products = matmul(matrix_transpose(centered), other)
    freedom = count - correction
    if isinstance(freedom, float):
        return (products / freedom if freedom > 0 else products * float("nan")), dtype
    return over(products, freedom), dtype


def _check_rows(name: str, x: Tensor, y: Tensor) -> None:
    if x.ndim < 2 or y.ndim < 2 or x.shape[-2] != y.shape[-2]:
        lines = f"    x   {describe(x)}" + ("" if y is x else f"\n    y   {describe(y)}")
        raise ShapeError(
            f"{name}: the last two axes are observations and features"
            f"{'' if y is x else ', as many observations in y as in x'}\n\n{lines}"
        )


def correlation(
    x: Operand, y: Operand | None = None, /, *, weights: Operand | None = None
) -> Tensor:
    """Give the covariance of features in units of their standard deviations (Pearson's r).

    rⱼₖ = Cⱼₖ / √(Cⱼⱼ Cₖₖ),   −1 ≤ r ≤ 1

    A feature that does not vary has no correlation: NaN. The arguments are those of
    :func:`covariance`; a correction would cancel.

    Shapes:  x: ... n d   →   ... d d
             x: ... n d   y: ... n e   →   ... d e
    Raises:  ShapeError: there are no rows and columns, or y or the weights have another number of
             rows.
             ArgumentError: there are no rows; a weight is negative.

    >>> correlation(tensor([[1.0, 6.0], [2.0, 4.0], [3.0, 2.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    product, dtype = _covariance("correlation", x, y, 0.0, weights)
    if y is None:
        squares = diagonal(product)
        first = second = squares
    else:
        first, second = (
            diagonal(_covariance("correlation", each, None, 0.0, weights)[0]) for each in (x, y)
        )
    spread = sqrt(first)[..., :, None] * sqrt(second)[..., None, :]
    return cast(clip(product / spread, -1.0, 1.0), dtype)
