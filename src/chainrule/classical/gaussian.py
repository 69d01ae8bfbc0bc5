"""Naive Bayes with features that are normally distributed within each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, Literal, Self, final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.inputs import Array, plain
from chainrule.classical.naive_bayes import NaiveBayes, Priors, Sums, membership
from chainrule.errors import ArgumentError

__all__ = ["GaussianNaiveBayes"]

_FOLDS: Final = 5
_GRID: Final = (1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
Batches = Callable[[], Iterable[tuple[Array, Array, Array | None]]]
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
    the largest variance of a feature over all rows is added to every σ². Features that hardly vary
    in a class, as pixels at the border, then do not decide alone; "cv" takes that of nine factors
    from 10⁻⁹ to 1 with which most rows are told right in five-fold cross-validation, which ``fit``
    can do but ``partial_fit`` cannot. π_c is the share of class c, unless ``priors`` are given:
    "uniform", or a probability for each class.

    After fitting, theta_ holds μ, var_ holds σ², epsilon_ what was added to it, var_smoothing_ the
    factor, class_count_ the weight of the examples and class_prior_ π; classes_ are sorted.
    Training streams: ``partial_fit`` in parts, and ``merge`` of estimators fitted to parts, give
    the same numbers.

    Raises:  ArgumentError: a parameter cannot be meant; data are not finite; a variance is 0.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Cost:    4·n·d operations times the number of classes to fit and to predict, by matrix products;
             "cv" predicts every row nine times.
    Source:  chan1983algorithms, eq. 2.1; bishop2006pattern, sec. 4.2

    >>> X, y = [[0.0], [2.0], [10.0], [14.0]], ["low", "low", "high", "high"]
    >>> model = GaussianNaiveBayes().fit(X, y)
    >>> model.theta_.tolist(), model.predict([[3.0]]).tolist()
    ([[12.0], [1.0]], ['low'])
    """

    theta_: Array
    var_: Array
    epsilon_: float
    var_smoothing_: float

    def __init__(
        self, *, priors: Priors = None, var_smoothing: float | Literal["cv"] = 1e-9
    ) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from the rows of X, whose classes are y; what was learned before is forgotten."""
        self._check_parameters()
        if self.var_smoothing == "cv":
            owner = "GaussianNaiveBayes.fit"
            rows = self._rows("fit", X, first=True)
            given = inputs.labels(owner, y, rows.shape[0])
            factor = inputs.weights(owner, sample_weight, rows.shape[0])
            priors = None if isinstance(self.priors, list | np.ndarray) else self.priors
            self.var_smoothing_ = cross_validated(lambda: [(rows, given, factor)], priors)
        return super().fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, as if they had come with those before.

        ``classes`` in the first call says which there will be; without it, new ones may appear.
        """
        if self.var_smoothing == "cv":
            raise ArgumentError(
                "GaussianNaiveBayes.partial_fit: var_smoothing is 'cv', which needs all rows at "
                "once\n\n  fit takes them."
            )
        return super().partial_fit(X, y, classes, sample_weight)

    def _check_parameters(self) -> None:
        self._check_priors()
        if self.var_smoothing != "cv":
            self._require("be 0 or greater", var_smoothing=self.var_smoothing)

    def _gather(self, rows: Any, index: Array, classes: Array, factor: Array | None) -> Spread:
        empty = np.zeros((len(classes), rows.shape[1]))
        found = Spread(classes, np.zeros(len(classes)), empty, empty)
        for part, raw in inputs.chunks(rows):
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
        if self.var_smoothing != "cv":
            self.var_smoothing_ = self.var_smoothing
        self.epsilon_ = self.var_smoothing_ * (largest if largest > 0 else 1.0)
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
        for part, raw in inputs.chunks(rows):
            chunk = raw - middle
            if lost < _CANCELLED:
                out[part] = chunk @ linear
                chunk *= chunk
                out[part] += chunk @ square + fixed
                continue
            for k in range(len(mean)):
                out[part, k] = (chunk - mean[k]) ** 2 @ square[:, k] + constant[k]
        return out


# ---------------------------------------------------------------- cross-validation


def cross_validated(batches: Batches, priors: Literal["uniform"] | None = None) -> float:
    """Give the smoothing with which most held-out examples are told right; of equals the least.

    The rows of each class go to five folds in turn. ``batches`` gives rows, classes and weights,
    twice the same: sums of the folds are gathered, then each fold is tried on those of the others.
    """
    folds = [GaussianNaiveBayes(priors=priors) for _ in range(_FOLDS)]
    for f, rows, classes, factor in _in_folds(batches()):
        folds[f].partial_fit(rows, classes, sample_weight=factor)
    hits = np.zeros(len(_GRID))
    found = {f: fold for f, fold in enumerate(folds) if "classes_" in vars(fold)}
    if len(found) < 2:
        return _GRID[0]
    tried = {f: _each(reduce(_merged, [o for g, o in found.items() if g != f])) for f in found}
    for f, rows, classes, factor in _in_folds(batches()):
        for k, model in enumerate(tried[f]):
            right = model.predict(rows) == classes
            hits[k] += right.sum() if factor is None else factor[right].sum()
    return _GRID[int(hits.argmax())]


def _merged(a: GaussianNaiveBayes, b: GaussianNaiveBayes) -> GaussianNaiveBayes:
    return a.merge(b)


def _each(model: GaussianNaiveBayes) -> list[GaussianNaiveBayes]:
    """The model with each of the factors."""
    made = []
    for value in _GRID:
        other = copy(model)
        other.var_smoothing = value
        other._finish()
        made.append(other)
    return made


def _in_folds(
    batches: Iterable[tuple[Array, Array, Array | None]],
) -> Iterable[tuple[int, Array, Array, Array | None]]:
    """The number of a fold, and its rows, classes and weights of a batch."""
    seen: dict[Any, int] = {}
    for rows, classes, factor in batches:
        fold = np.empty(len(classes), int)
        for label in np.unique(classes):
            own = classes == label
            first = seen.setdefault(plain(label), len(seen))  # small classes begin apart
            fold[own] = (first + np.arange(own.sum())) % _FOLDS
            seen[plain(label)] = first + int(own.sum())
        for f in range(_FOLDS):
            chosen = fold == f
            weight = None if factor is None else factor[chosen]
            if chosen.any() and (weight is None or weight.any()):
                yield f, rows[chosen], classes[chosen], weight
