"""Naive Bayes: Bayes' rule with features that are independent once the class is known.

log p(c | x) = log π_c + Σⱼ log p(xⱼ | c) + constant

What is learned are sums over the examples of a class. They are gathered in chunks, and sums of
parts add up to the sums of the whole, so that training may stream and run in several places.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np

from chainrule.classical import inputs
from chainrule.classical.estimator import Classifier
from chainrule.classical.inputs import Array
from chainrule.errors import ArgumentError
from chainrule.wording import plural

__all__: list[str] = []

Priors = Literal["uniform"] | Array | list[float] | None


@dataclass(frozen=True)
class Sums:
    """What was counted of each class: sorted classes, and the weight of their examples."""

    classes: Array
    weight: Array

    def spread(self, classes: Array) -> Self:
        """The same sums over more classes, of which the further ones have no examples."""
        if len(classes) == len(self.classes):
            return self
        place = np.searchsorted(classes, self.classes)
        wide: dict[str, Array] = {}
        for name, value in vars(self).items():
            if name != "classes":
                wide[name] = np.zeros((len(classes), *value.shape[1:]))
                wide[name][place] = value
        return replace(self, classes=classes, **wide)

    @abstractmethod
    def plus(self, other: Self) -> Self:
        """The sums of both, which have the same classes."""


SumsT = TypeVar("SumsT", bound=Sums)


class NaiveBayes(Classifier, Generic[SumsT]):
    """The base of the naive Bayes classifiers: fitting, streaming, merging, prediction."""

    priors: Priors
    class_count_: Array
    class_prior_: Array
    _sums_: SumsT
    _declared_: bool

    @abstractmethod
    def _gather(self, rows: Any, index: Array, classes: Array, factor: Array | None) -> SumsT:
        """The sums of rows whose classes have these numbers."""

    @abstractmethod
    def _finish(self) -> None:
        """Make the attributes that follow from the sums."""

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise where a parameter cannot be meant."""

    # ------------------------------------------------------------ fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from the rows of X, whose classes are y; what was learned before is forgotten."""
        self._declared_ = False
        return self._learn("fit", X, y, sample_weight, None, first=True)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from more rows, as if they had come with those before.

        ``classes`` in the first call says which there will be; without it, new ones may appear.
        """
        first = "_sums_" not in vars(self)
        if first:
            self._declared_ = classes is not None
        declared = None if classes is None else np.unique(np.asarray(classes))
        if not first and declared is not None and not np.array_equal(declared, self.classes_):
            raise ArgumentError(
                f"{type(self).__name__}.partial_fit: classes are {declared.tolist()}, and before "
                f"they were {self.classes_.tolist()}"
            )
        return self._learn("partial_fit", X, y, sample_weight, declared, first=first)

    def merge(self, other: Self) -> Self:
        """Give the estimator that learned from the rows of both.

        Raises:  ArgumentError: one is not fitted, or they are of different kinds or features.
        """
        owner = f"{type(self).__name__}.merge"
        for each in (self, other):
            each._check_fitted("merge")
        if type(other) is not type(self) or other.n_features_in_ != self.n_features_in_:
            raise ArgumentError(
                f"{owner}: only two of a kind, with the same features, can be merged\n\n"
                f"    self   {self!r}, {plural(self.n_features_in_, 'feature')}\n"
                f"    other  {other!r}, {plural(other.n_features_in_, 'feature')}"
            )
        both = copy(self)
        both._declared_ = self._declared_ and other._declared_
        both._add(other._sums_)
        return both

    def _learn(
        self, method: str, X: Any, y: Any, sample_weight: Any, declared: Array | None, first: bool
    ) -> Self:
        self._check_parameters()
        rows, index, classes, factor = self._examples(method, X, y, sample_weight, first=first)
        sums = self._gather(rows, index, classes, factor)
        if first:
            self.__dict__.pop("_sums_", None)
        if not first and self._declared_:
            declared = self.classes_
        if declared is not None:
            self._check_known(f"{type(self).__name__}.{method}", classes, declared)
            sums = sums.spread(declared)
        self._add(sums)
        return self

    def _check_known(self, owner: str, classes: Array, declared: Array) -> None:
        unknown = classes[~np.isin(classes, declared)]
        if len(unknown):
            raise ArgumentError(
                f"{owner}: y has the class {inputs.plain(unknown[0])!r}, which is none of "
                f"{declared.tolist()}"
            )

    def _add(self, sums: SumsT) -> None:
        before: SumsT | None = vars(self).get("_sums_")
        if before is not None:
            classes = np.union1d(before.classes, sums.classes)
            sums = before.spread(classes).plus(sums.spread(classes))
        self._sums_ = sums
        self.classes_, self.class_count_ = sums.classes, sums.weight
        self.class_prior_ = self._shares(sums.weight)
        self._finish()

    def _shares(self, weight: Array) -> Array:
        """The probability of each class before anything is known."""
        if self.priors is None:
            shares: Array = weight / weight.sum()
            return shares
        if isinstance(self.priors, str):
            return np.full(len(weight), 1 / len(weight))
        given = np.asarray(self.priors, np.float64)
        name = type(self).__name__
        if given.shape != weight.shape:
            raise ArgumentError(
                f"{name}: there are {plural(given.size, 'prior')} and "
                f"{plural(len(weight), 'class')}: "
                f"{self.classes_.tolist()}"
            )
        if not (given >= 0).all() or abs(given.sum() - 1) > 1e-8:
            raise ArgumentError(
                f"{name}: the priors {given.tolist()} are no probabilities, whose sum is 1"
            )
        return given

    def _check_priors(self) -> None:
        if isinstance(self.priors, str) and self.priors != "uniform":
            raise ArgumentError(
                f"{type(self).__name__}: priors is {self.priors!r}, and must be None, 'uniform' or "
                "a probability for each class"
            )

    # ------------------------------------------------------------ prediction

    @property
    def class_log_prior_(self) -> Array:
        """The logarithm of the probability of each class."""
        with np.errstate(divide="ignore"):
            found: Array = np.log(self.class_prior_)
        return found

    def predict_joint_log_proba(self, X: Any) -> Array:
        """Give log p(x, c) for each row and class."""
        return self._scores("predict_joint_log_proba", X)


def membership(index: Array, count: int, factor: Array | None) -> Any:
    """A matrix with a row for each class: the weights of its examples; sparse if there are many."""
    weight = np.ones(len(index)) if factor is None else factor
    if count <= 32:
        dense = np.zeros((count, len(index)))
        dense[index, np.arange(len(index))] = weight
        return dense
    return sparse_membership(index, count, weight)


def sparse_membership(index: Array, count: int, weight: Array) -> Any:
    """The same as a matrix of scipy.sparse."""
    from scipy.sparse import csr_array

    return csr_array((weight, (index, np.arange(len(index)))), shape=(count, len(index)))
