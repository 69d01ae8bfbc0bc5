"""Linear and ridge regression in closed form."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.estimator import Regressor
from chainrule.classical.inputs import Array
from chainrule.classical.least_squares import centered, solve
from chainrule.errors import ArgumentError
from chainrule.wording import plural

__all__ = ["LinearRegression", "RidgeRegression"]


class Linear(Regressor):
    """The base of regressions ŷ = Bᵀx + b in closed form."""

    several: ClassVar[bool] = True
    fit_intercept: bool
    coef_: Array
    intercept_: Any
    rank_: int

    def _solve(self, X: Any, y: Any, sample_weight: Any, penalty: Any) -> Self:
        owner = f"{type(self).__name__}.fit"
        rows = self._rows("fit", X, first=True)
        targets = inputs.numbers(owner, y, len(rows), several=True)
        factor = inputs.weights(owner, sample_weight, len(rows))
        columns = targets.reshape(len(rows), -1)
        penalties = self._penalties(owner, penalty, columns.shape[1])
        data = centered(rows, columns, factor, self.fit_intercept)
        found, self.rank_ = solve(data, penalties)
        intercept = data.y_mean - data.x_mean @ found
        self.coef_ = found.T if targets.ndim == 2 else found[:, 0]
        self.intercept_ = intercept if targets.ndim == 2 else float(intercept[0])
        return self

    def _penalties(self, owner: str, penalty: Any, outputs: int) -> Array:
        given = np.asarray(penalty, np.float64)
        if given.shape not in ((), (outputs,)):
            raise ArgumentError(
                f"{owner}: alpha has the shape {list(given.shape)}; it is one number, or one for "
                f"each of {plural(outputs, 'output')}"
            )
        if not ((given >= 0) & np.isfinite(given)).all():
            raise ArgumentError(f"{owner}: alpha is {penalty!r}, and must be 0 or greater")
        return np.broadcast_to(given, (outputs,))

    def predict(self, X: Any) -> Array:
        """Give Bᵀx + b for each row."""
        rows = self._rows("predict", X, first=False)
        found: Array = rows @ self.coef_.T + self.intercept_
        return found


@final
class LinearRegression(Linear):
    """Least squares: the linear function that is nearest to the targets.

    minimize Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ − b‖²,   XᵀX B = XᵀY with X and Y about their means

    Where several B are best, because columns depend on each other or there are fewer rows than
    columns, it is the one of least length, X⁺Y. y may be a matrix with a column for each output.
    After fitting, coef_ holds Bᵀ, intercept_ holds b and rank_ the rank of the centered X.

    Raises:  ArgumentError: data or targets are not finite, a weight is negative, or all are 0.
             ShapeError: X is no matrix, or y and sample_weight do not have a row for each of its.
    Cost:    n·d² operations, two reads of X; 4·n·d² where the condition of X is above 3·10⁴.
    Source:  golub2013matrix, sec. 5.3

    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.coef_.round(6).tolist(), round(model.intercept_, 6)
    ([2.0], 1.0)
    """

    def __init__(self, *, fit_intercept: bool = True) -> None:
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the coefficients for the rows of X and their targets y."""
        return self._solve(X, y, sample_weight, 0.0)


@final
class RidgeRegression(Linear):
    """Least squares with a penalty on the length of the coefficients.

    minimize Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ − b‖² + α ‖B‖²
    B = (XᵀX + αI)⁻¹ XᵀY = Xᵀ (XXᵀ + αI)⁻¹ Y with X and Y about their means

    The smaller of the two systems is solved. The intercept b is not penalized. ``alpha`` may be one
    number for each output. After fitting, coef_ holds Bᵀ and intercept_ holds b.

    Units:   alpha has the unit of x².
    Raises:  ArgumentError: alpha is negative; data or targets are not finite, a weight is negative,
             or all are 0.
             ShapeError: X is no matrix, or y and sample_weight do not have a row for each of its.
    Cost:    n·d² operations, or n²·d with fewer rows than columns.
    Source:  hoerl1970ridge, eq. 2.1

    >>> RidgeRegression(1.0, fit_intercept=False).fit([[1.0], [2.0]], [3.0, 6.0]).coef_
    array([2.5])
    """

    def __init__(self, alpha: Any = 1.0, *, fit_intercept: bool = True) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the coefficients for the rows of X and their targets y."""
        return self._solve(X, y, sample_weight, self.alpha)
