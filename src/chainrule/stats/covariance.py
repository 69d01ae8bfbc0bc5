"""How features vary together: covariance and correlation, weighted or not."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import ShapeError
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import clip
from chainrule.functions.lift import Operand, as_tensor, cast, describe, floating, promoted
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.functions.reduction import sum
from chainrule.stats.averages import distances, weighted_mean
from chainrule.stats.sample import Sample, over, sample_of, steady, widened
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
    samples = _samples("covariance", x, y, weights)
    wide = [steady(sample) for sample in samples]
    made = _averaged([sample.x - weighted_mean(sample) for sample in wide], wide[0], correction)
    return cast(made, samples[0].x.dtype)


def _samples(name: str, x: Operand, y: Operand | None, weights: Operand | None) -> list[Sample]:
    """The rows of x, and those of y if it is given, after a look at their shapes."""
    several = [as_tensor(x, name)] if y is None else promoted(name, x, y)
    left, *right = map(floating, several)
    _check_rows(name, left, right[0] if right else left)
    if weights is not None and as_tensor(weights, name).shape != left.shape[-2:-1]:
        raise ShapeError(
            f"{name}: there is not one weight for each row\n\n    x         {describe(left)}\n"
            f"    weights   {describe(as_tensor(weights, name))}"
        )
    return [sample_of(name, each, -2, weights, "propagate") for each in (left, *right)]


def _averaged(distances: Sequence[Tensor], sample: Sample, correction: float) -> Tensor:
    """The sum of products of the first and the last distances, by its degrees of freedom."""
    first, last = distances[0], distances[-1]
    if sample.shared is None:
        freedom = float(first.shape[-2]) - correction
        products = matmul(matrix_transpose(first), last)
        return products / freedom if freedom > 0 else products * float("nan")
    products = matmul(matrix_transpose(first), sample.shared[:, None] * last)
    return over(products, sum(sample.shared) - correction)


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
    samples = _samples("correlation", x, y, weights)
    wide = [widened(sample) for sample in samples]
    apart, squares = zip(*map(distances, wide), strict=True)
    product = _averaged(apart, wide[0], 0.0)
    together = matrix_transpose(sqrt(squares[0])) * sqrt(squares[-1])
    return cast(clip(product / together, -1.0, 1.0), samples[0].x.dtype)
