"""What every estimator here is: checked parameters, checked input, a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.inputs import Array
from chainrule.decomposition.rows import names_of, require_names
from chainrule.errors import ArgumentError, ShapeError
from chainrule.estimators import Parametrized

__all__: list[str] = []

_RULES = {
    "be 0 or greater": lambda v: v >= 0,
    "be greater than 0": lambda v: v > 0,
    "lie between 0 and 1, exclusive": lambda v: 0 < v < 1,
}


class Estimator(Parametrized, ABC):
    """The base of estimators here, which learn to predict."""

    sparse: ClassVar[bool] = False  # whether matrices of scipy.sparse are taken
    several: ClassVar[bool] = False  # whether y may have several columns
    not_negative: ClassVar[bool] = False  # whether X must be

    n_features_in_: int
    feature_names_in_: Array

    def _require(self, rule: str, **given: Any) -> None:
        """Raise at the first parameter that is no number of this kind."""
        for name, value in given.items():
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not np.isfinite(value) or not _RULES[rule](value):
                raise ArgumentError(f"{type(self).__name__}: {name} is {value!r}, and must {rule}")

    # ------------------------------------------------------------ scikit-learn

    @abstractmethod
    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn what is taken and given."""

    def _tags(self, kind: str, **more: Any) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=kind,
            target_tags=TargetTags(required=True, multi_output=self.several),
            input_tags=InputTags(sparse=self.sparse, positive_only=self.not_negative),
            **more,
        )

    # ------------------------------------------------------------ input

    def _rows(self, method: str, X: Any, *, first: bool) -> Any:
        """A checked matrix, of as many features as before unless it is the first."""
        owner = f"{type(self).__name__}.{method}"
        if not first:
            self._check_fitted(method)
        found = inputs.matrix(owner, X, sparse=self.sparse)
        names = names_of(X)
        if first:
            self.n_features_in_ = int(found.shape[1])
            self.__dict__.pop("feature_names_in_", None)
            if names is not None:
                self.feature_names_in_ = names
            return found
        self._check_names(owner, names)
        if found.shape[1] != self.n_features_in_:
            name = type(self).__name__
            raise ShapeError(
                f"{owner}: X has {found.shape[1]} features, but {name} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return found

    def _check_names(self, owner: str, names: Array | None) -> None:
        require_names(owner, getattr(self, "feature_names_in_", None), names)


class Regressor(Estimator):
    """The base of what predicts numbers."""

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags

        return self._tags("regressor", regressor_tags=RegressorTags())

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Predict the targets of rows."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give the share of the variance that the predictions explain.

        R² = 1 − Σᵢ wᵢ (yᵢ − ŷᵢ)² / Σᵢ wᵢ (yᵢ − ȳ)², the mean over the outputs; of targets that do
        not vary it is 1 if they are met, else 0.
        """
        owner = f"{type(self).__name__}.score"
        predicted = self.predict(X)
        true = inputs.numbers(owner, y, len(predicted), several=True).reshape(predicted.shape)
        factor = inputs.weights(owner, sample_weight, len(true))
        left = np.average((true - predicted) ** 2, axis=0, weights=factor)
        mean = np.average(true, axis=0, weights=factor)
        spread = np.average((true - mean) ** 2, axis=0, weights=factor)
        varies = spread > 0
        parts = np.where(varies, 1 - left / np.where(varies, spread, 1), left == 0)
        return float(np.mean(parts))


class Classifier(Estimator):
    """The base of what predicts one of several classes."""

    blunt: ClassVar[bool] = False  # whether numbers other than its own kind are told apart badly

    classes_: Array

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        return self._tags("classifier", classifier_tags=ClassifierTags(poor_score=self.blunt))

    def _examples(
        self, method: str, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> tuple[Any, Array, Array, Array | None]:
        """Rows that count, the place of each one's class among the sorted ones, these, weights."""
        owner = f"{type(self).__name__}.{method}"
        rows = self._rows(method, X, first=first)
        given = inputs.labels(owner, y, rows.shape[0])
        factor = inputs.weights(owner, sample_weight, rows.shape[0])
        if factor is not None and not factor.all():
            counts = factor > 0
            rows, given, factor = rows[counts], given[counts], factor[counts]
        classes, index = np.unique(given, return_inverse=True)
        return rows, index, classes, factor

    @abstractmethod
    def _scores(self, method: str, X: Any) -> Array:
        """Logarithms of what is proportional to the probabilities of a row's classes."""

    def predict(self, X: Any) -> Array:
        """Give the most probable class of each row."""
        best = self._scores("predict", X).argmax(axis=1)
        found: Array = self.classes_[best]
        return found

    def predict_log_proba(self, X: Any) -> Array:
        """Give the logarithm of the probability of each class, in the order of classes_."""
        return _log_normalized(self._scores("predict_log_proba", X))

    def predict_proba(self, X: Any) -> Array:
        """Give the probability of each class, in the order of classes_."""
        chances: Array = np.exp(self.predict_log_proba(X))
        return chances

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give the share of rows whose class is predicted."""
        owner = f"{type(self).__name__}.score"
        predicted = self.predict(X)
        true = inputs.labels(owner, y, len(predicted))
        factor = inputs.weights(owner, sample_weight, len(true))
        return float(np.average(predicted == true, weights=factor))


def _log_normalized(scores: Array) -> Array:
    """Subtract the logarithm of the sum of exponentials of each row."""
    top = scores.max(axis=1, keepdims=True)
    shifted = scores - np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        normalized: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalized
