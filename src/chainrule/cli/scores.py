"""Naive Bayes as models that give a score to each class, as every classifier here does."""

from __future__ import annotations

import math
from typing import final

from chainrule.functions.creation import zeros
from chainrule.functions.elementary import log
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.functions.indexing import take
from chainrule.functions.lift import Operand, as_tensor, cast
from chainrule.functions.manipulation import expand_dims, reshape
from chainrule.functions.reduction import sum as sum_
from chainrule.ir.dtype import float64
from chainrule.nn import Module
from chainrule.tensors import Tensor

__all__ = ["GaussianScores", "TokenScores"]


@final
class GaussianScores(Module):
    """The joint log density of numbers and each class, for features independent in a class.

    s_c(x) = log π_c − ½ Σⱼ (log 2πσ²_cj + (xⱼ − μ_cj)²/σ²_cj)

    softmax(s) is the probability of the classes. In float64: a feature that is nearly constant has
    a variance near 0.
    """

    mean: Tensor
    variance: Tensor
    log_prior: Tensor

    def __init__(self, features: int, classes: int) -> None:
        self.mean = zeros((classes, features), dtype=float64)
        self.variance = add(zeros((classes, features), dtype=float64), 1.0)
        self.log_prior = zeros(classes, dtype=float64)

    def __call__(self, x: Operand, /) -> Tensor:
        """Give a score for each class."""
        given = cast(as_tensor(x, "GaussianScores"), float64)
        apart = subtract(expand_dims(given, axis=-2), self.mean)
        terms = add(divide(multiply(apart, apart), self.variance), _log_scale(self.variance))
        return add(multiply(sum_(terms, axis=-1), -0.5), self.log_prior)


def _log_scale(variance: Tensor) -> Tensor:
    """log 2πσ²."""
    return log(multiply(variance, 2 * math.pi))


@final
class TokenScores(Module):
    """The joint log probability of a row of tokens and each class, for tokens drawn independently.

    s_c(x) = log π_c + Σₜ log θ_c,xₜ   over the tokens that are not padding, which is 0

    softmax(s) is the probability of the classes.
    """

    log_chance: Tensor
    log_prior: Tensor

    def __init__(self, vocabulary: int, classes: int) -> None:
        self.log_chance = zeros((vocabulary, classes), dtype=float64)
        self.log_prior = zeros(classes, dtype=float64)

    def __call__(self, tokens: Operand, /) -> Tensor:
        """Give a score for each class."""
        given = as_tensor(tokens, "TokenScores")
        rows = take(self.log_chance, reshape(given, (-1,)), axis=0)  # that of padding is 0
        terms = reshape(rows, (*given.shape, self.log_prior.shape[0]))
        return add(sum_(terms, axis=-2), self.log_prior)
