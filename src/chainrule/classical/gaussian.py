"""Naive Bayes with features that are normally distributed within each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from chainrule.classical.inputs import Array, plain
from chainrule.classical.naive_bayes import NaiveBayes, Priors, Sums, chunks, membership
from chainrule.errors import ArgumentError

__all__ = ["GaussianNaiveBayes"]

_CANCELLED = 1e-3  # nats that expanding a square may lose


@final
@dataclass(frozen=True)
class Spread(Sums):
    """The mean and the sum of squared distances from it, of each class and feature."""

    mean: Array
    squares: Array

    def plus(self, other: Self) -> Self:
        """Both, without loss where their means are close."""
        total = self.weight + other.weight
        share = other.weight / np.where(total > 0, total, 1)
        apart = other.mean - self.mean
        mean = self.mean + share[:, None] * apart
        squares = self.squares + other.squares + (share * self.weight)[:, None] * apart**2
        return type(self)(self.classes, total, mean, squares)

    def variances(self) -> Array:
        """The variance of each feature over the examples of all classes."""
        shares = self.weight / self.weight.sum()
        apart = self.mean - shares @ self.mean
        found: Array = self.squares.sum(axis=0) / self.weight.sum() + shares @ apart**2
        return found


@final
class GaussianNaiveBayes(NaiveBayes[Spread]):
    """Naive Bayes for numbers: within a class, each feature has a normal distribution.

    log p(x, c) = log π_c − ½ Σⱼ (log 2πσ²_cj + (xⱼ − μ_cj)²/σ²_cj)

    μ_cj and σ²_cj are the mean and the variance of feature j in class c; ``var_smoothing`` times
    the largest variance of a feature over all rows is added to every σ². π_c is the share of class
    c, unless ``priors`` are given: "uniform", or a probability for each class.

    After fitting, theta_ holds μ, var_ holds σ², epsilon_ what was added to it, class_count_ the
    weight of the examples and class_prior_ π; classes_ are sorted. Training streams:
    ``partial_fit`` in parts, and ``merge`` of estimators fitted to parts, give the same numbers.

    Raises:  ArgumentError: a parameter cannot be meant; data are not finite; a variance is 0.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Cost:    4·n·d operations times the number of classes to fit and to predict, by matrix products.
    Source:  chan1983algorithms, eq. 2.1; bishop2006pattern, sec. 4.2

    >>> X, y = [[0.0], [2.0], [10.0], [14.0]], ["low", "low", "high", "high"]
    >>> model = GaussianNaiveBayes().fit(X, y)
    >>> model.theta_.tolist(), model.predict([[3.0]]).tolist()
    ([[12.0], [1.0]], ['low'])
    """

    theta_: Array
    var_: Array
    epsilon_: float

    def __init__(self, *, priors: Priors = None, var_smoothing: float = 1e-9) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    def _check_parameters(self) -> None:
        self._check_priors()
        self._require("be 0 or greater", var_smoothing=self.var_smoothing)

    def _gather(self, rows: Any, index: Array, classes: Array, factor: Array | None) -> Spread:
        empty = np.zeros((len(classes), rows.shape[1]))
        found = Spread(classes, np.zeros(len(classes)), empty, empty)
        for part, raw in chunks(rows):
            chunk = raw.astype(np.float64)
            each = index[part]
            member = membership(each, len(classes), None if factor is None else factor[part])
            weight = member.sum(axis=1)
            mean = (member @ chunk) / np.where(weight > 0, weight, 1)[:, None]
            chunk -= mean[each]
            with np.errstate(over="ignore"):
                chunk *= chunk
            found = found.plus(Spread(classes, weight, mean, member @ chunk))
        return found

    def _finish(self) -> None:
        sums = self._sums_
        largest = float(sums.variances().max())
        self.epsilon_ = self.var_smoothing * (largest if largest > 0 else 1.0)
        weight = np.where(sums.weight > 0, sums.weight, 1)[:, None]
        self.theta_, self.var_ = sums.mean, sums.squares / weight + self.epsilon_
        self.var_[sums.weight == 0] = max(largest, 1.0)  # of no consequence: its prior is 0
        if not np.isfinite(self.var_).all():
            raise ArgumentError("GaussianNaiveBayes: sums of squares overflow")
        if not self.var_.all():
            place = np.argwhere(self.var_ == 0)[0]
            name = plain(self.classes_[place[0]])
            raise ArgumentError(
                f"GaussianNaiveBayes: feature {place[1]} has the variance 0 in class {name!r}\n\n"
                "  Such a feature has no density; var_smoothing "
                "greater than 0 gives it one."
            )

    def _scores(self, method: str, X: Any) -> Array:
        rows = self._rows(method, X, first=False)
        middle = self.class_prior_ @ self.theta_
        mean, precision = self.theta_ - middle, 1 / self.var_
        constant = self.class_log_prior_ - 0.5 * np.log(2 * np.pi * self.var_).sum(axis=1)
        lost = (mean**2 * precision).sum(axis=1).max() * np.finfo(float).eps
        out = np.empty((len(rows), len(self.classes_)))
        linear = np.ascontiguousarray((mean * precision).T)
        square = np.ascontiguousarray(-0.5 * precision.T)
        fixed = constant - 0.5 * (mean**2 * precision).sum(axis=1)
        for part, raw in chunks(rows):
            chunk = raw - middle
            if lost < _CANCELLED:
                out[part] = chunk @ linear
                chunk *= chunk
                out[part] += chunk @ square + fixed
                continue
            for k in range(len(mean)):
                out[part, k] = (chunk - mean[k]) ** 2 @ square[:, k] + constant[k]
        return out
