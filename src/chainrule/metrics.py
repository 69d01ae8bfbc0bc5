"""How right predictions are: for labels, for probabilities, for quantities. Functions of arrays."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError, ShapeError
from chainrule.wording import plural

__all__ = [
    "Calibration",
    "ClassFigures",
    "calibration",
    "confusion_matrix",
    "mean_absolute_error",
    "precision_recall_f1",
    "r_squared",
    "root_mean_squared_error",
    "top_k_accuracy",
]

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]


# ---------------------------------------------------------------- labels


def confusion_matrix(labels: Any, predictions: Any, classes: int) -> npt.NDArray[np.int64]:
    """Count for each class (row) how often each class (column) was predicted.

    A label below 0 stands for a position that does not count.

    Shapes:  labels: ...   predictions: ...   →   k k   for classes=k
    Raises:  ShapeError: the shapes differ. ArgumentError: a number that names no class.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    true, found = _alike("confusion_matrix", "labels", labels, "predictions", predictions)
    counted = true >= 0
    true, found = true[counted], found[counted]
    for name, numbers in (("labels", true), ("predictions", found)):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
            raise ArgumentError(
                f"confusion_matrix: {name} are numbers from {numbers.min()} to {numbers.max()}; "
                f"the {classes} classes are 0 to {classes - 1}"
            )
    counts = np.bincount(true * classes + found, minlength=classes * classes)
    return counts.reshape(classes, classes)


@final
@dataclass(frozen=True, eq=False)
class ClassFigures:
    """Precision, recall and F1 of each class, in the order of the labels, and their means.

    support  the number of examples of each class
    """

    precision: _Floats
    recall: _Floats
    f1: _Floats
    support: npt.NDArray[np.int64]

    @property
    def macro(self) -> dict[str, float]:
        """The means over the classes: a rare class counts as much as a frequent one."""
        return {name: float(values.mean()) for name, values in self._columns()}

    @property
    def weighted(self) -> dict[str, float]:
        """The means over the examples: each class counts by its support."""
        total = max(int(self.support.sum()), 1)
        return {name: float(values @ self.support / total) for name, values in self._columns()}

    def _columns(self) -> tuple[tuple[str, _Floats], ...]:
        return ("precision", self.precision), ("recall", self.recall), ("f1", self.f1)


def precision_recall_f1(confusion: Any) -> ClassFigures:
    """Give for each class how far its predictions are right, and how many of it were found.

    precision = Cₖₖ / Σᵢ Cᵢₖ,   recall = Cₖₖ / Σⱼ Cₖⱼ,   F1 = 2 Cₖₖ / (Σᵢ Cᵢₖ + Σⱼ Cₖⱼ)

    Where nothing is to be divided by (a class that was never predicted, or does not occur) they
    are 0. C is a confusion matrix: rows are true classes, columns predicted ones.

    Raises:  ShapeError: the matrix is not square.

    >>> figures = precision_recall_f1([[3, 1], [0, 4]])
    >>> figures.precision, figures.recall, figures.weighted["recall"]
    (array([1. , 0.8]), array([0.75, 1.  ]), 0.875)
    """
    counts = np.asarray(confusion)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError(
            f"precision_recall_f1: a confusion matrix is square, not {list(counts.shape)}"
        )
    right, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return ClassFigures(
        _share(right, predicted),
        _share(right, support),
        _share(2 * right, support + predicted),
        support.astype(np.int64),
    )


def _share(part: _Array, whole: _Array) -> _Floats:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def top_k_accuracy(labels: Any, scores: Any, k: int = 5) -> float:
    """Give the share of examples whose class is among the k with the highest scores.

    Of equal scores those of lower classes come first, as in argmax, so that k = 1 is the accuracy.
    The last axis of the scores counts the classes; a label below 0 does not count.

    Raises:  ShapeError: there is not one label for each row of scores.
             ArgumentError: k is not between 1 and the number of classes.

    >>> scores = np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]])
    >>> top_k_accuracy([2, 0], scores, k=1), top_k_accuracy([2, 0], scores, k=2)
    (0.0, 0.5)
    """
    true, values = np.asarray(labels), np.asarray(scores)
    if not values.ndim or true.shape != values.shape[:-1]:
        raise ShapeError(
            f"top_k_accuracy: labels of shape {list(true.shape)} do not fit scores of shape "
            f"{list(values.shape)}\n\n  There is one label for each row of scores."
        )
    classes = values.shape[-1]
    if not 1 <= k <= classes:
        raise ArgumentError(f"top_k_accuracy: k is {k}; there are {plural(classes, 'class')}")
    counted = true >= 0
    true, values = true[counted], values[counted]
    own = np.take_along_axis(values, true[:, None], axis=1)
    before = (values > own) | ((values == own) & (np.arange(classes) < true[:, None]))
    ranked = (before.sum(axis=1) < k) & ~np.isnan(own[:, 0])
    return float(ranked.mean()) if len(true) else float("nan")


# ---------------------------------------------------------------- probabilities


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """How far the confidence of predictions is their accuracy, in bins of equal width.

    edges         where the bins begin and end, from 0 to 1: one more than there are bins
    confidence    the mean confidence of each bin's predictions; NaN in an empty bin
    accuracy      the share of each bin's predictions that are right; NaN in an empty bin
    count         the number of predictions in each bin
    """

    edges: _Floats
    confidence: _Floats
    accuracy: _Floats
    count: npt.NDArray[np.int64]

    @property
    def expected_error(self) -> float:
        """The expected calibration error: Σ count/n · |accuracy − confidence|."""
        return float(np.nansum(self.count * self._gaps()) / max(int(self.count.sum()), 1))

    @property
    def largest_error(self) -> float:
        """The maximum calibration error: that of the worst bin."""
        gaps = self._gaps()[self.count > 0]
        return float(gaps.max()) if len(gaps) else 0.0

    def _gaps(self) -> _Floats:
        return np.abs(self.accuracy - self.confidence)

    def __repr__(self) -> str:
        bins = plural(len(self.count), "bin")
        return f"Calibration({bins}: expected error {self.expected_error:.4f})"


def calibration(right: Any, confidences: Any, bins: int = 15) -> Calibration:
    """Compare the confidence of predictions with how often they are right.

    Bin m holds the predictions with a confidence in ((m − 1)/bins, m/bins]; the first also 0.

    right        whether each prediction is right
    confidences  the probability that the model gave it

    Raises:  ShapeError: the shapes differ. ArgumentError: a confidence that is no probability, or
             no bins.
    Source:  guo2017calibration, eq. 2–4

    >>> found = calibration([True, False, True, True], [0.6, 0.7, 0.9, 1.0], bins=2)
    >>> found.count, round(found.expected_error, 3)
    (array([0, 4]), 0.05)
    """
    hits, sure = _alike("calibration", "right", right, "confidences", confidences)
    if bins < 1:
        raise ArgumentError(f"calibration: bins is {bins}; there must be at least 1")
    hits, sure = hits.reshape(-1).astype(bool), sure.reshape(-1).astype(np.float64)
    if sure.size and not (sure.min() >= 0 and sure.max() <= 1 + 1e-6):
        raise ArgumentError(
            f"calibration: confidences are numbers from {sure.min():g} to {sure.max():g}; "
            "probabilities lie between 0 and 1"
        )
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], sure)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, sure, bins) / count
        accuracy = np.bincount(place, hits, bins) / count
    return Calibration(edges, confidence, accuracy, count)


# ---------------------------------------------------------------- quantities


def mean_absolute_error(targets: Any, predictions: Any) -> float:
    """Give the mean magnitude of the errors, in the targets' unit.

    MAE = 1/n · Σᵢ |yᵢ − ŷᵢ|

    Raises:  ShapeError: the shapes differ, or there are no examples.

    >>> mean_absolute_error([1.0, 2.0], [1.5, 1.0])
    0.75
    """
    return float(np.mean(np.abs(_errors("mean_absolute_error", targets, predictions))))


def root_mean_squared_error(targets: Any, predictions: Any) -> float:
    """Give the root of the mean squared error, in the targets' unit; for several, their mean.

    RMSE = √(1/n · Σᵢ (yᵢ − ŷᵢ)²)

    Raises:  ShapeError: the shapes differ, or there are no examples.

    >>> root_mean_squared_error([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    errors = _errors("root_mean_squared_error", targets, predictions)
    return float(np.mean(np.sqrt(np.mean(errors * errors, axis=0))))


def r_squared(targets: Any, predictions: Any) -> float:
    """Give the share of the targets' variance that the predictions explain; for several, the mean.

    R² = 1 − Σᵢ (yᵢ − ŷᵢ)² / Σᵢ (yᵢ − ȳ)²

    1 is perfect, 0 as good as predicting the mean, and it may be negative. Where the targets do
    not vary it is 1 without errors, else 0.

    Raises:  ShapeError: the shapes differ, or there are no examples.

    >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    errors = _errors("r_squared", targets, predictions)
    true = np.asarray(targets, np.float64).reshape(len(errors), -1)
    left = np.sum(errors * errors, axis=0)
    whole = np.sum((true - true.mean(axis=0)) ** 2, axis=0)
    varied = whole > 0
    explained = 1.0 - np.divide(left, whole, out=np.where(left > 0, 1.0, 0.0), where=varied)
    return float(np.mean(explained))


def _errors(name: str, targets: Any, predictions: Any) -> _Floats:
    """The errors, a column for each quantity."""
    true, found = _alike(name, "targets", targets, "predictions", predictions)
    if not true.size:
        raise ShapeError(f"{name}: there are no examples")
    return np.asarray(true, np.float64).reshape(len(true), -1) - np.asarray(
        found, np.float64
    ).reshape(len(true), -1)


def _alike(name: str, first: str, a: Any, second: str, b: Any) -> tuple[_Array, _Array]:
    left, right = np.asarray(a), np.asarray(b)
    if left.shape != right.shape:
        raise ShapeError(
            f"{name}: {first} of shape {list(left.shape)} and {second} of shape "
            f"{list(right.shape)}; they must be equal"
        )
    return left, right
