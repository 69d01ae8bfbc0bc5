"""Bayesian linear regression, with precisions that are given or chosen by the evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self, final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.estimator import Regressor
from chainrule.classical.inputs import Array
from chainrule.classical.least_squares import centered
from chainrule.errors import ArgumentError
from chainrule.probability.multivariate_normal import MultivariateNormal
from chainrule.probability.normal import Normal
from chainrule.tensors import of_value

__all__ = ["BayesianLinearRegression"]

_GRID = 120  # places at which the evidence is looked at before its maximum is refined
_ENDS = (-14.0, 14.0)  # powers of 10 between which the precisions are sought, in units of the data


class Problem(NamedTuple):
    """What the evidence depends on: singular values of X squared, and targets along their vectors.

    ``rest`` is the part of ‖y‖² that no coefficients can reach, and ``observations`` is their
    number, less 1 for an intercept.
    """

    squares: Array
    along: Array
    rest: float
    observations: float

    def log_evidence(self, alpha: Any, beta: Any) -> Array:
        """log p(y | X, α, β) for arrays of precisions."""
        alpha, beta = np.asarray(alpha)[..., None], np.asarray(beta)[..., None]
        precision = alpha + beta * self.squares
        error = (beta * self.along**2 * (alpha / precision)).sum(-1) + beta[..., 0] * self.rest
        shrunk = np.log(alpha / precision).sum(-1)
        noise = self.observations * np.log(beta[..., 0] / (2 * np.pi))
        found: Array = 0.5 * (noise + shrunk - error)
        return found

    def best_beta(self, ratio: Any) -> Array:
        """The β of greatest evidence where α = ratio β."""
        ratio = np.asarray(ratio)[..., None]
        error = (self.along**2 * (ratio / (ratio + self.squares))).sum(-1) + self.rest
        scale = float((self.along**2).sum() + self.rest) or 1.0
        found: Array = self.observations / np.maximum(error, 1e-14 * scale)
        return found


@final
class BayesianLinearRegression(Regressor):
    """Linear regression that knows how much it does not know.

    y = Bᵀx + b + ε,   B ~ N(0, α⁻¹ I),   ε ~ N(0, β⁻¹)
    B | y ~ N(m, S),   S⁻¹ = αI + βXᵀX,   m = βS Xᵀy
    y′ | x, y ~ N(mᵀx + b, 1/β + xᵀSx + 1/(βn)),   x about its mean with an intercept
    log p(y) = ½ (d log α + n log β − β‖y − Xm‖² − α‖m‖² − log det S⁻¹ − n log 2π)

    A precision that is None is chosen so that the evidence log p(y) is greatest: the best β has a
    closed form for each ratio α/β, which is sought on a grid and refined, so that a second, lesser
    maximum does not mislead. The intercept b is given a flat prior: X and y are about their means,
    the evidence is that of the n − 1 differences, and 1/(βn) is what its uncertainty adds. An
    example of weight 2 counts like two examples.

    After fitting, coef_ holds m, intercept_ holds b, alpha_ and beta_ the precisions, log_evidence_
    the evidence and effective_ = Σᵢ βsᵢ²/(α + βsᵢ²) the number of coefficients that the data
    determine. ``posterior`` and ``predictive`` are distributions.

    Units:   beta has the unit of 1/y², alpha that of x²/y².
    Raises:  ArgumentError: a precision is not greater than 0; data are not finite; y does not vary.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Cost:    the singular values of X: 4·n·d·min(n, d) operations.
    Source:  mackay1992bayesian, sec. 3; bishop2006pattern, eq. 3.49–3.59, 3.86

    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.1, 0.9, 2.1, 2.9]
    >>> model = BayesianLinearRegression().fit(X, y)
    >>> low, high = model.interval([[4.0]], level=0.9)
    >>> model.predict([[4.0]]).round(2), low.round(2), high.round(2)
    (array([3.89]), array([3.56]), array([4.22]))
    """

    coef_: Array
    intercept_: float
    alpha_: float
    beta_: float
    log_evidence_: float
    effective_: float

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        *,
        fit_intercept: bool = True,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.fit_intercept = fit_intercept

    # ------------------------------------------------------------ fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the posterior of the coefficients, for the rows of X and their targets y."""
        from scipy.linalg import svd

        given = {"alpha": self.alpha, "beta": self.beta}
        self._require("be greater than 0", **{k: v for k, v in given.items() if v is not None})
        owner = "BayesianLinearRegression.fit"
        rows = self._rows("fit", X, first=True)
        targets = inputs.numbers(owner, y, len(rows), several=False)
        factor = inputs.weights(owner, sample_weight, len(rows))
        data = centered(rows, targets[:, None], factor, self.fit_intercept)
        u, s, vh = svd(data.whole(), full_matrices=False, overwrite_a=True, check_finite=False)
        t = data.targets()[:, 0]
        if self.fit_intercept and _are_equal(targets, factor):
            t = np.zeros(len(t))  # without what rounding of their mean leaves
        along = u.T @ t
        rest = max(float(t @ t - along @ along), 0.0)
        self._count_ = float(len(rows) if factor is None else factor.sum())
        count = self._count_ - self.fit_intercept
        if count <= 0:
            there = "there is 1 sample" if count == 0 else f"the weights sum to {self._count_:g}"
            raise ArgumentError(
                f"{owner}: {there}, and an intercept leaves nothing of it to learn from"
            )
        with np.errstate(all="ignore"):
            problem = Problem(s**2, along, rest, count)
            self._choose(owner, problem)
            self.log_evidence_ = float(problem.log_evidence(self.alpha_, self.beta_))
        if not np.isfinite([self.alpha_, self.beta_, self.log_evidence_]).all():
            raise ArgumentError(
                f"{owner}: squares of the data overflow or vanish, so there is no evidence\n\n"
                f"{inputs.describe('X', rows)}\n\n"
                "  X and y in other units have numbers nearer to 1."
            )
        self._squares_, self._axes_, self._x_mean_ = s**2, vh, data.x_mean
        shrink = self.beta_ * s / (self.alpha_ + self.beta_ * s**2)
        self.coef_ = vh.T @ (shrink * along)
        self.intercept_ = float(data.y_mean[0] - data.x_mean @ self.coef_)
        self.effective_ = float((shrink * s).sum())
        return self

    def _choose(self, owner: str, problem: Problem) -> None:
        """Set the precisions to those given, and the others to those of greatest evidence."""
        energy = float((problem.along**2).sum() + problem.rest)
        if energy == 0 and (self.alpha is None or self.beta is None):
            raise ArgumentError(
                f"{owner}: y does not vary, so no precision is best; give alpha and beta"
            )
        middle = float(problem.squares.mean()) or 1.0
        noise = problem.observations / energy if energy else 1.0
        if self.alpha is not None and self.beta is not None:
            self.alpha_, self.beta_ = float(self.alpha), float(self.beta)
        elif self.alpha is not None:
            self.alpha_ = float(self.alpha)
            self.beta_ = _highest(lambda b: problem.log_evidence(self.alpha_, b), noise)
        elif self.beta is not None:
            self.beta_ = float(self.beta)
            self.alpha_ = _highest(
                lambda a: problem.log_evidence(a, self.beta_), self.beta_ * middle
            )
        else:
            ratio = _highest(
                lambda r: problem.log_evidence(r * problem.best_beta(r), problem.best_beta(r)),
                middle,
            )
            self.beta_ = float(problem.best_beta(ratio))
            self.alpha_ = ratio * self.beta_

    # ------------------------------------------------------------ prediction

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Give the mean of the prediction for each row, and its standard deviation if asked."""
        mean, variance = self._moments("predict", X)
        return (mean, np.sqrt(variance)) if return_std else mean

    def predictive(self, X: Any) -> Normal:
        """Give the distribution of the target of each row, noise included."""
        mean, variance = self._moments("predictive", X)
        return Normal(of_value(mean), of_value(np.sqrt(variance)))

    def interval(self, X: Any, level: float = 0.95) -> tuple[Array, Array]:
        """Give the ends between which the target of each row lies with this probability."""
        self._require("lie between 0 and 1, exclusive", level=level)
        spread = self.predictive(X)
        low, high = (spread.quantile(0.5 + side * level / 2).numpy() for side in (-1, 1))
        return low, high

    def posterior(self) -> MultivariateNormal:
        """Give the distribution N(m, S) of the coefficients; S is a d×d matrix."""
        self._check_fitted("posterior")
        drop = 1 / self.alpha_ - 1 / (self.alpha_ + self.beta_ * self._squares_)
        width = len(self.coef_)
        covariance = np.eye(width) / self.alpha_ - (self._axes_.T * drop) @ self._axes_
        covariance = (covariance + covariance.T) / 2
        return MultivariateNormal(of_value(self.coef_), of_value(covariance))

    def _moments(self, method: str, X: Any) -> tuple[Array, Array]:
        """The mean and the variance of the prediction for each row."""
        rows = self._rows(method, X, first=False)
        apart = rows - self._x_mean_
        along = apart @ self._axes_.T
        across = np.clip((apart**2).sum(axis=1) - (along**2).sum(axis=1), 0, None)
        known = along**2 @ (1 / (self.alpha_ + self.beta_ * self._squares_))
        if len(self._axes_) < len(self.coef_):  # directions of which the data say nothing
            known = known + across / self.alpha_
        variance = 1 / self.beta_ + known
        if self.fit_intercept:
            variance = variance + 1 / (self.beta_ * self._count_)
        return rows @ self.coef_ + self.intercept_, variance


def _are_equal(targets: Array, factor: Array | None) -> bool:
    """Whether all targets that count are the same number."""
    counted = targets if factor is None else targets[factor > 0]
    return bool((counted == counted[0]).all())


def _highest(f: Callable[[Array], Array], unit: float) -> float:
    """Where a function of positive numbers is greatest: the best of a grid, then refined."""
    from scipy.optimize import minimize_scalar

    powers = np.linspace(*_ENDS, _GRID)
    best = int(np.argmax(f(unit * 10.0**powers)))
    low, high = powers[max(best - 1, 0)], powers[min(best + 1, _GRID - 1)]
    found = minimize_scalar(
        lambda power: -float(f(np.asarray(unit * 10.0**power))),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(unit * 10.0**found.x)
