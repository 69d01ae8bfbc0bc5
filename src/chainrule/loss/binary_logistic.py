"""The logistic loss of yes-or-no questions, from the logits."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.functions.activations import softplus
from chainrule.functions.elementwise import add, multiply, negative, subtract
from chainrule.functions.lift import Operand
from chainrule.loss.labels import batch_mean
from chainrule.loss.pairs import pair
from chainrule.tensors import Tensor

__all__ = ["binary_logistic"]


def binary_logistic(logits: Operand, targets: Operand, *, positive_weight: float = 1.0) -> Tensor:
    """Measure how surprising the answers are to sigmoid of the logits; the mean over the batch.

    L = (1/N) Σᵢ Σⱼ p · yᵢⱼ log(1 + exp(−sᵢⱼ)) + (1 − yᵢⱼ) log(1 + exp(sᵢⱼ))
    ∂L/∂S = (σ(S) − Y)/N   for p = 1

    The targets are 0 and 1, or probabilities of 1. Several questions to one example are summed, and
    N counts the first axis, as in ``squared``; a mean over the questions too is this over their
    number. It never overflows and keeps the digits of small losses.

    positive_weight  the factor p of the answers 1, for questions that are seldom answered so

    Shapes:  logits: n ...   targets: n ...   →
    Raises:  ShapeError: the shapes differ. ArgumentError: a target is not between 0 and 1, or the
             weight is negative.
    Source:  cox1958regression

    >>> binary_logistic(tensor([0.0, 1000.0]), tensor([1, 1]))
    Tensor(0.34657359)
    """
    if not positive_weight >= 0:
        raise ArgumentError(
            f"binary_logistic: positive_weight is {positive_weight}; a weight is a number from 0 up"
        )
    s, y = pair("binary_logistic", logits, targets, ("logit", "target"))
    _check_shares(y)
    yes = multiply(y, softplus(negative(s)))
    no = multiply(subtract(1.0, y), softplus(s))
    yes = yes if positive_weight == 1 else multiply(yes, positive_weight)
    return batch_mean(add(yes, no), s.shape[:1])


def _check_shares(targets: Tensor) -> None:
    value = targets._value
    if value is None or not value.size or (value.min() >= 0 and value.max() <= 1):
        return
    wrong = value[~((value >= 0) & (value <= 1))]
    raise ArgumentError(
        f"binary_logistic: there is a target {wrong[0]:g}; each is 0 or 1, or a probability "
        "between them"
    )
