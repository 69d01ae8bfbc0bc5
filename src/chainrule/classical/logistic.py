"""Logistic and multinomial regression."""

from __future__ import annotations

import sys
import warnings
from typing import Any, ClassVar, Final, Self, final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.estimator import Classifier
from chainrule.classical.inputs import Array
from chainrule.classical.newton import minimize
from chainrule.classical.softmax_loss import SoftmaxLoss
from chainrule.errors import ArgumentError

__all__ = ["LogisticRegression"]


@final
class LogisticRegression(Classifier):
    """Classes whose log odds are linear in the features: logistic and multinomial regression.

    p(k | x) = exp(wₖᵀx + bₖ) / Σⱼ exp(wⱼᵀx + bⱼ)
    minimize Σᵢ wᵢ (−log p(yᵢ | xᵢ)) + ½ α ‖W‖²
    ∇²L = Xᵀ ⊗ (diag(p) − ppᵀ) ⊗ X summed over rows, + αI

    Newton's method with products by the structured Hessian. Two classes have one column of scores,
    the log odds of the second. ``alpha`` is the strength of the penalty, 1/C of other libraries;
    the intercept is not penalized. The search ends when the loss is at most ``tol`` of itself above
    its minimum, by estimate, and warns if ``max_iter`` steps do not get there: 10⁻⁴ is about what
    scikit-learn's own 10⁻⁴ leaves, and 10⁻⁷ takes some twice the time. Few coefficients are always
    found to the last digits. Matrices of scipy.sparse are taken as they are.

    After fitting, coef_ holds a row for each class (one for two classes), intercept_ holds b,
    loss_ the least loss and n_iter_ the number of Newton steps; classes_ are sorted.

    Units:   alpha has the unit of x².
    Raises:  ArgumentError: a parameter cannot be meant; there is only one class; data are not
             finite, a weight is negative, or all are 0.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Cost:    4·n·d·K operations for each product with the Hessian.
    Source:  dembo1982inexact, alg. 2.1; bishop2006pattern, eq. 4.106–4.110

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [False, True, False, True]
    >>> model = LogisticRegression(0.1).fit(X, y)
    >>> model.predict([[-1.0], [4.0]]).tolist(), model.predict_proba([[1.5]]).round(3).tolist()
    ([False, True], [[0.5, 0.5]])
    """

    sparse: ClassVar[bool] = True
    coef_: Array
    intercept_: Array
    loss_: float
    n_iter_: int

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        tol: float = 1e-4,
        max_iter: int = 100,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the coefficients for the rows of X and their classes y."""
        self._require("be 0 or greater", alpha=self.alpha)
        self._require("be greater than 0", tol=self.tol, max_iter=self.max_iter)
        owner = "LogisticRegression.fit"
        if self.max_iter != int(self.max_iter):
            raise ArgumentError(
                f"{owner}: max_iter is {self.max_iter!r}, and must be a whole number"
            )
        rows, index, classes, factor = self._examples("fit", X, y, sample_weight, first=True)
        if len(classes) < 2:
            only = inputs.plain(classes[0])
            raise ArgumentError(
                f"{owner}: y has only one class, {only!r}, and there is nothing to tell apart"
            )
        rows, shift = _about_0(rows) if self.fit_intercept else (rows, None)
        loss = SoftmaxLoss(rows, index, len(classes), factor, float(self.alpha), self.fit_intercept)
        found = minimize(loss, self.tol, int(self.max_iter))
        if not found.converged:
            _warn(found.steps, found.loss, found.excess, self.alpha)
        w = found.coefficients
        if loss.columns > 1:
            w = w - w.mean(axis=1, keepdims=True)
        self.classes_, self.n_iter_, self.loss_ = classes, found.steps, found.loss
        self.coef_, self.intercept_ = np.ascontiguousarray(w[:-1].T), w[-1].copy()
        if shift is not None:
            self.intercept_ -= self.coef_ @ shift
        return self

    def decision_function(self, X: Any) -> Array:
        """Give the scores Wx + b of each row, a vector of log odds for two classes."""
        found = self._linear("decision_function", X)
        return found[:, 0] if found.shape[1] == 1 else found

    def _scores(self, method: str, X: Any) -> Array:
        found = self._linear(method, X)
        return np.hstack([np.zeros_like(found), found]) if found.shape[1] == 1 else found

    def _linear(self, method: str, X: Any) -> Array:
        rows = self._rows(method, X, first=False)
        found: Array = np.asarray(rows @ self.coef_.T) + self.intercept_
        return found


_FAR: Final = 10.0  # times the range of a column


def _about_0(rows: Any) -> tuple[Any, Array | None]:
    """Rows about the middle of the columns that lie far from 0, as years do, and that middle.

    Such a column is all but the intercept's, and Newton's method loses the difference in rounding.
    The intercept, which is not penalized, makes up for what is taken away.
    """
    if inputs.is_sparse(rows):
        return rows, None
    low, high = (end.astype(np.float64) for end in (rows.min(axis=0), rows.max(axis=0)))
    middle = low + (high - low) / 2
    far = np.abs(middle) > _FAR * (high - low)
    if not far.any():
        return rows, None
    narrow = rows.dtype == np.float32 or (rows.dtype.kind in "biu" and rows.dtype.itemsize <= 2)
    wide = np.dtype(np.float32 if narrow else np.float64)
    shift = np.where(far, middle, 0).astype(wide)
    return rows.astype(wide) - shift, shift.astype(np.float64)


def _warn(steps: int, loss: float, excess: float, alpha: float) -> None:
    kind = UserWarning
    if "sklearn" in sys.modules:
        from sklearn.exceptions import ConvergenceWarning

        kind = ConvergenceWarning
    more = "" if alpha else "; without a penalty, classes that a plane divides have no minimum"
    warnings.warn(
        f"LogisticRegression.fit: after {steps} Newton steps the loss {loss:.6g} is still some "
        f"{excess:.2g} above its minimum{more}",
        kind,
        stacklevel=3,
    )
