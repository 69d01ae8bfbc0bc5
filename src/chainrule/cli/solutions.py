"""Models that are found at once: naive Bayes, logistic regression, ridge regression.

The estimators of ``chainrule.classical`` find them; what stays in the run folder is an ordinary
model, so that all else takes it as any other. Trainings in steps need none of this.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.classical import (
    GaussianNaiveBayes,
    LogisticRegression,
    MultinomialNaiveBayes,
    RidgeRegression,
)
from chainrule.classical.gaussian import cross_validated
from chainrule.cli.closed_form import has_tokens
from chainrule.cli.config import Config
from chainrule.data import Dataset
from chainrule.errors import ArgumentError
from chainrule.view import Formula
from chainrule.view.formula import lines

__all__ = ["formulas", "solved"]

_BATCH = 4096
_Array = npt.NDArray[Any]


def solved(config: Config, data: Dataset, model: Any) -> Any:
    """Give the model with the parameters that are best for the training data.

    Raises:  ArgumentError: a class has no example.
    """
    match config.model:
        case "naive-bayes" if has_tokens(data):
            found = _tokens(data)
        case "naive-bayes":
            found = _gaussian(data)
        case "logistic":
            found = _logistic(config, data)
        case _:
            found = _ridge(config, data)
    named = {name: value for path in nn.parameters(model) for name, value in found.items()
             if path.rpartition(".")[2] == name}  # fmt: skip
    paths = {path: named[path.rpartition(".")[2]] for path in nn.parameters(model)}
    return nn.load(model, paths)


def _batches(data: Dataset) -> Iterator[tuple[_Array, _Array]]:
    for inputs, targets in data.batches(_BATCH):
        yield np.asarray(inputs), np.asarray(targets)


def _whole(data: Dataset) -> tuple[_Array, _Array]:
    """All examples as the model takes them."""
    inputs, targets = zip(*_batches(data), strict=True)
    return np.concatenate(inputs), np.concatenate(targets)


def _check_classes(data: Dataset, found: _Array) -> None:
    names = data.classes or ()
    missing = sorted(set(range(len(names))) - set(found.tolist()))
    if missing:
        raise ArgumentError(
            f"{data.name}: the class {names[missing[0]]!r} has no example in the training part"
        )


def _gaussian(data: Dataset) -> dict[str, _Array]:
    # A pixel that hardly varies in a class must not decide alone.
    smoothing = cross_validated(lambda: ((*batch, None) for batch in _batches(data)))
    estimator = GaussianNaiveBayes(var_smoothing=smoothing)
    for inputs, targets in _batches(data):
        estimator.partial_fit(inputs, targets)
    _check_classes(data, estimator.classes_)
    return {
        "mean": estimator.theta_,
        "variance": estimator.var_,
        "log_prior": estimator.class_log_prior_,
    }


def _tokens(data: Dataset) -> dict[str, _Array]:
    """From how often each class has each token; padding is none."""
    from scipy.sparse import csr_array

    size = len((data.preparation or {})["vocabulary"])
    estimator = MultinomialNaiveBayes()
    for tokens, targets in _batches(data):
        rows, _ = np.nonzero(tokens)
        there = tokens[tokens != 0]
        ones = np.ones(len(there))
        # Without the column of padding, whose chance is then no part of the whole.
        counts = csr_array((ones, (rows, there - 1)), shape=(len(tokens), size - 1))
        estimator.partial_fit(counts, targets)
    _check_classes(data, estimator.classes_)
    chances = np.asarray(estimator.feature_log_prob_)
    return {
        "log_chance": np.vstack([np.zeros(len(chances)), chances.T]),
        "log_prior": estimator.class_log_prior_,
    }


def _logistic(config: Config, data: Dataset) -> dict[str, _Array]:
    inputs, targets = _whole(data)
    estimator = LogisticRegression(2 * len(inputs) * config.l2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        estimator.fit(inputs, targets)
    for warning in told:
        sys.stderr.write(f"{warning.message}\n")
    _check_classes(data, estimator.classes_)
    weight, bias = estimator.coef_, estimator.intercept_
    if len(weight) == 1:  # the log odds of the second class
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    return {"weight": weight, "bias": bias}


def _ridge(config: Config, data: Dataset) -> dict[str, _Array]:
    inputs, targets = _whole(data)
    columns = targets.reshape(len(targets), -1)
    estimator = RidgeRegression(len(inputs) * config.l2).fit(inputs, columns)
    return {"weight": np.atleast_2d(estimator.coef_), "bias": np.atleast_1d(estimator.intercept_)}


# ---------------------------------------------------------------- report


def formulas(config: Config, data: Dataset) -> list[Formula]:
    """What was solved, from the docstring of the estimator."""
    kinds: dict[str, type] = {"logistic": LogisticRegression, "ridge": RidgeRegression}
    bayes_kind = MultinomialNaiveBayes if has_tokens(data) else GaussianNaiveBayes
    kind = kinds.get(config.model, bayes_kind)
    return [Formula("Fit", kind.__name__, lines(kind.__doc__))]
