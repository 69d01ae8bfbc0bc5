"""What losses ask of scores and labels: integers, one for each row of scores, that name a class."""

from __future__ import annotations

import math
from typing import Any

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.elementwise import multiply
from chainrule.functions.lift import describe
from chainrule.functions.reduction import sum
from chainrule.tensors import Tensor

__all__: list[str] = []


def check_labels(name: str, score: str, scores: Tensor, label: str, labels: Tensor) -> None:
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
    _check_range(name, label, labels, scores.shape[-1])


def _check_range(name: str, label: str, labels: Tensor, classes: int) -> None:
    value = labels._value
    if value is None or not value.size:
        return
    low, high = int(value.min()), int(value.max())
    if low < 0 or high >= classes:
        raise ArgumentError(
            f"{name}: there is no class {low if low < 0 else high}; the {classes} classes are 0 to "
            f"{classes - 1}\n\n    {label:<8} {describe(labels)}, from {low} to {high}"
        )


def batch_mean(terms: Tensor, examples: tuple[int, ...]) -> Tensor:
    """The sum of all terms, divided by the number of examples; NaN if there are none."""
    count = math.prod(examples)
    share: Any = 1.0 / count if count else math.nan
    return multiply(sum(terms), share)
