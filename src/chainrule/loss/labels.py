"""What losses ask of scores and labels, and the means that they take.

A label is an integer that names a class, one for each row of scores. A row may count more or less
by the weight of its class, or not at all if its label is the one to ignore.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.comparison import equal, less, less_equal
from chainrule.functions.creation import ones
from chainrule.functions.elementwise import add, divide, multiply, where
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, cast, describe
from chainrule.functions.linear import matmul
from chainrule.functions.logic import logical_and, logical_or
from chainrule.functions.manipulation import expand_dims
from chainrule.functions.reduction import all, sum
from chainrule.ir.dtype import int64
from chainrule.tensors import Tensor, tensor

__all__: list[str] = []

Weights = Operand | Sequence[float] | None


def check_labels(
    name: str,
    score: str,
    scores: Tensor,
    label: str,
    labels: Tensor,
    ignore_index: int | None = None,
) -> None:
    """Raise unless the labels fit the scores. Their range is checked where it is known."""
    shown = f"    {score:<8} {describe(scores)}\n    {label:<8} {describe(labels)}"
    if not scores.ndim or labels.shape != scores.shape[:-1]:
        raise ShapeError(
            f"{name}: {label} of shape {list(labels.shape)} do not fit {score} of shape "
            f"{list(scores.shape)}\n\n{shown}\n\n"
            f"  The last axis of the {score} counts the classes; there is one label for each row "
            f"of {score}."
        )
    if not labels.dtype.is_integer:
        raise DTypeError(
            f"{name}: labels are integers, not {labels.dtype}\n\n{shown}\n\n"
            "  Convert them with .astype(cr.int64)."
        )
    _check_range(name, label, labels, scores.shape[-1], ignore_index)


def _check_range(
    name: str, label: str, labels: Tensor, classes: int, ignore_index: int | None
) -> None:
    value = labels._value
    if value is None:
        return
    if ignore_index is not None:
        value = value[value != ignore_index]
    if not value.size:
        return
    low, high = int(value.min()), int(value.max())
    if low < 0 or high >= classes:
        raise ArgumentError(
            f"{name}: there is no class {low if low < 0 else high}; the {classes} classes are 0 to "
            f"{classes - 1}\n\n    {label:<8} {describe(labels)}, from {low} to {high}"
        )


def with_checked(
    mean: Tensor, labels: Tensor, classes: int, ignored: Tensor | None = None
) -> Tensor:
    """A mean, NaN if one of the labels names no class and no error could say so when it was made.

    Programs raise no error of ours, but what trains with them stops where a loss is NaN.
    """
    if labels._value is not None:
        return mean
    known = cast(labels, int64)
    there = logical_and(less_equal(0, known), less(known, classes))
    there = there if ignored is None else logical_or(there, ignored)
    told = cast(where(all(there), 0.0, math.nan), mean.dtype)
    return add(mean, told)  # the gradient is that of the mean


def weights_of_classes(name: str, weights: Weights, scores: Tensor) -> Tensor | None:
    """The weights of the classes in the dtype of the scores, one for each class, or None."""
    if weights is None:
        return None
    found = tensor(weights, dtype=scores.dtype)
    if not scores.ndim or found.shape != scores.shape[-1:]:
        raise ShapeError(
            f"{name}: class_weights of shape {list(found.shape)} for scores of shape "
            f"{list(scores.shape)}\n\n"
            "  There is one weight for each class, and the last axis of the scores counts them."
        )
    value = found._value
    if value is not None and not (value >= 0).all():
        raise ArgumentError(
            f"{name}: class_weights[{int((~(value >= 0)).argmax())}] is "
            f"{value[~(value >= 0)][0]:g}; a weight is a number from 0 up"
        )
    return found


def batch_mean(terms: Tensor, examples: tuple[int, ...]) -> Tensor:
    """The sum of all terms, divided by the number of examples; NaN if there are none."""
    count = math.prod(examples)
    share: Any = 1.0 / count if count else math.nan
    return multiply(sum(terms), share)


class Counting:
    """How much each row counts: the weight of its class, and 0 where its label is ignored."""

    def __init__(
        self, scores: Tensor, labels: Tensor, weights: Tensor | None, ignore_index: int | None
    ) -> None:
        self.plain = weights is None and ignore_index is None
        self.labels, self.classes, self.dtype = labels, scores.shape[-1], scores.dtype
        self.weights = weights
        self.ignored = None
        if ignore_index is not None:
            self.ignored = equal(cast(labels, int64), ignore_index)

    def cleared(self, scores: Tensor) -> Tensor:
        """The scores with 0 in the rows that are ignored, whatever they hold."""
        if self.ignored is None:
            return scores
        return where(expand_dims(self.ignored, -1), 0.0, scores)

    def mean(self, rows: Tensor) -> Tensor:
        """Σ wᵢ rᵢ / Σ wᵢ over the rows that are not ignored."""
        if self.plain:
            return self._whole(batch_mean(rows, self.labels.shape))
        counts = self._counts()
        weighted = where(equal(counts, 0.0), 0.0, multiply(counts, rows))
        return self._whole(divide(sum(weighted), sum(counts)))

    def mean_of_weighted(self, rows: Tensor) -> Tensor:
        """Σ rᵢ / Σ wᵢ over the rows that are not ignored, where the rows have their weights."""
        if self.plain:
            return self._whole(batch_mean(rows, self.labels.shape))
        return self._whole(divide(sum(self._kept(rows)), sum(self._counts())))

    def _whole(self, mean: Tensor) -> Tensor:
        """A mean, NaN if a label names no class."""
        return with_checked(mean, self.labels, self.classes, self.ignored)

    def _counts(self) -> Tensor:
        if self.weights is None:
            return self._kept(ones(self.labels.shape, dtype=self.dtype))
        chosen = one_hot(self.labels, self.classes, dtype=self.dtype)
        return self._kept(matmul(chosen, self.weights))

    def _kept(self, rows: Tensor) -> Tensor:
        return rows if self.ignored is None else where(self.ignored, 0.0, rows)
