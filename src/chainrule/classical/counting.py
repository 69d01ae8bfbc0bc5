"""Naive Bayes for counts and for features that are there or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.inputs import Array
from chainrule.classical.naive_bayes import (
    NaiveBayes,
    Priors,
    Sums,
    membership,
    sparse_membership,
)
from chainrule.errors import ArgumentError

__all__ = ["BernoulliNaiveBayes", "MultinomialNaiveBayes"]


@final
@dataclass(frozen=True)
class Counts(Sums):
    """The sum of each feature over the examples of each class."""

    features: Array

    def plus(self, other: Self) -> Self:
        """Both."""
        weight, features = self.weight + other.weight, self.features + other.features
        return type(self)(self.classes, weight, features)


def counted(
    rows: Any, index: Array, classes: Array, factor: Array | None, read: Callable[[Any], Any]
) -> Counts:
    """Sum what is read of the rows of each class."""
    weight = np.bincount(index, factor, len(classes)).astype(np.float64)
    if inputs.is_sparse(rows):
        each = np.ones(len(index)) if factor is None else factor
        found = (sparse_membership(index, len(classes), each) @ read(rows)).toarray()
        return Counts(classes, weight, found.astype(np.float64))
    features = np.zeros((len(classes), rows.shape[1]))
    for part, raw in inputs.chunks(rows):
        own = None if factor is None else factor[part]
        features += membership(index[part], len(classes), own) @ read(raw).astype(np.float64)
    return Counts(classes, weight, features)


@final
class MultinomialNaiveBayes(NaiveBayes[Counts]):
    """Naive Bayes for counts, as of the words of a text: each one is drawn by its class.

    log p(x, c) = log π_c + Σⱼ xⱼ log θ_cj + constant,   θ_cj = (N_cj + α) / Σⱼ (N_cj + α)

    N_cj is how often feature j was counted in class c, and ``alpha`` how often each one is taken to
    have been seen beforehand. π_c is the share of class c, unless ``priors`` are given: "uniform",
    or a probability for each class. Matrices of scipy.sparse are taken as they are, and fractions
    such as tf-idf too.

    After fitting, feature_count_ holds N, feature_log_prob_ holds log θ, class_count_ the weight of
    the examples and class_prior_ π; classes_ are sorted. Training streams: ``partial_fit`` in
    parts, and ``merge`` of estimators fitted to parts, give the same numbers.

    Raises:  ArgumentError: a parameter cannot be meant; a count is negative or not finite.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Cost:    2 operations for each count that is not 0, and each class.
    Source:  mccallum1998comparison, eq. 6

    >>> words, film = [[3, 0, 1], [0, 2, 1]], ["good", "bad"]
    >>> model = MultinomialNaiveBayes().fit(words, film)
    >>> model.predict_proba([[1, 0, 0]]).round(3).tolist()
    [[0.226, 0.774]]
    """

    sparse: ClassVar[bool] = True
    not_negative: ClassVar[bool] = True
    blunt: ClassVar[bool] = True
    feature_count_: Array
    feature_log_prob_: Array

    def __init__(self, alpha: float = 1.0, *, priors: Priors = None) -> None:
        self.alpha = alpha
        self.priors = priors

    def _check_parameters(self) -> None:
        self._check_priors()
        self._require("be greater than 0", alpha=self.alpha)

    def _gather(self, rows: Any, index: Array, classes: Array, factor: Array | None) -> Counts:
        least = rows.data if inputs.is_sparse(rows) else rows
        if least.size and (smallest := least.min()) < 0:
            raise ArgumentError(
                "MultinomialNaiveBayes: Negative values in data: the smallest is "
                f"{smallest:g}\n\n{inputs.describe('X', rows)}\n\n"
                "  What is counted is 0 or greater."
            )
        return counted(rows, index, classes, factor, lambda chunk: chunk)

    def _finish(self) -> None:
        self.feature_count_ = self._sums_.features
        smoothed = self.feature_count_ + self.alpha
        self.feature_log_prob_ = np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True))

    def _scores(self, method: str, X: Any) -> Array:
        rows = self._rows(method, X, first=False)
        return scored(rows, self.feature_log_prob_, self.class_log_prior_, lambda chunk: chunk)


@final
class BernoulliNaiveBayes(NaiveBayes[Counts]):
    """Naive Bayes for features that are there or not: within a class, each has a probability.

    log p(x, c) = log π_c + Σⱼ (xⱼ log p_cj + (1 − xⱼ) log(1 − p_cj)),
    p_cj = (N_cj + α) / (N_c + 2α)

    xⱼ is 1 where X exceeds ``binarize``, else 0; with None X has to hold 0 and 1. N_cj is how many
    examples of class c have feature j. Other than with counts, what is missing speaks too.
    ``alpha`` and ``priors`` are those of ``MultinomialNaiveBayes``, and so are attributes,
    streaming and sparse matrices.

    Raises:  ArgumentError: a parameter cannot be meant; data are not finite, or not 0 and 1 with
             binarize=None; a sparse X with a negative threshold, above which 0 would lie.
             ShapeError: X is no matrix, or y and sample_weight do not have a number for each row.
    Source:  mccallum1998comparison, eq. 3

    >>> model = BernoulliNaiveBayes().fit([[1, 0], [1, 1], [0, 1]], [True, True, False])
    >>> model.predict([[1, 1], [0, 1]]).tolist()
    [True, False]
    """

    sparse: ClassVar[bool] = True
    feature_count_: Array
    feature_log_prob_: Array

    def __init__(
        self, alpha: float = 1.0, *, binarize: float | None = 0.0, priors: Priors = None
    ) -> None:
        self.alpha = alpha
        self.binarize = binarize
        self.priors = priors

    def _check_parameters(self) -> None:
        self._check_priors()
        self._require("be greater than 0", alpha=self.alpha)

    def _bits(self, chunk: Any) -> Any:
        if self.binarize is None:
            values = chunk.data if inputs.is_sparse(chunk) else chunk
            if not ((values == 0) | (values == 1)).all():
                raise ArgumentError(
                    "BernoulliNaiveBayes: X holds other numbers than 0 and 1\n\n"
                    "  binarize=0.0 makes those greater than 0 to 1."
                )
            return chunk
        if inputs.is_sparse(chunk) and self.binarize < 0:
            raise ArgumentError(
                f"BernoulliNaiveBayes: binarize is {self.binarize}, below the zeros of a sparse X"
            )
        return (chunk > self.binarize).astype(np.float64)

    def _gather(self, rows: Any, index: Array, classes: Array, factor: Array | None) -> Counts:
        return counted(rows, index, classes, factor, self._bits)

    def _finish(self) -> None:
        self.feature_count_ = self._sums_.features
        total = self._sums_.weight[:, None] + 2 * self.alpha
        self.feature_log_prob_ = np.log(self.feature_count_ + self.alpha) - np.log(total)

    def _scores(self, method: str, X: Any) -> Array:
        rows = self._rows(method, X, first=False)
        total = self._sums_.weight[:, None] + 2 * self.alpha
        absent = np.log(total - self.feature_count_ - self.alpha) - np.log(total)
        constant = self.class_log_prior_ + absent.sum(axis=1)
        return scored(rows, self.feature_log_prob_ - absent, constant, self._bits)


def scored(rows: Any, log_chance: Array, constant: Array, read: Callable[[Any], Any]) -> Array:
    """Σⱼ xⱼ log θ_cj + constant_c for every row and class."""
    out = np.empty((rows.shape[0], len(constant)))
    turned = np.ascontiguousarray(log_chance.T)
    for part, raw in inputs.chunks(rows):
        out[part] = read(raw) @ turned + constant
    return out
