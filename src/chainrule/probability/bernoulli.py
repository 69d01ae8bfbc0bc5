"""The Bernoulli distribution: one of two."""

from __future__ import annotations

from typing import ClassVar, Self, final

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.functions.activations import sigmoid, softplus
from chainrule.functions.comparison import equal, isinf, isnan
from chainrule.functions.elementary import log, log1p
from chainrule.functions.elementwise import where
from chainrule.functions.lift import Operand, as_tensor, cast
from chainrule.functions.random import bernoulli
from chainrule.ir.dtype import int64
from chainrule.probability.blocks import in_blocks
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    BINARY,
    LOGIT,
    SHARE,
    Parameter,
    average,
    data,
    narrowed,
    parameter,
    require,
    shares,
)
from chainrule.tensors import Tensor

__all__ = ["Bernoulli"]


@final
class Bernoulli(Distribution):
    """The Bernoulli distribution: 1 with probability p = σ(s), else 0; s is the logit.

    p(1) = σ(s),   p(0) = σ(−s),   s = log p − log(1 − p)
    E x = p,   Var x = p (1 − p),   H = −p log p − (1 − p) log(1 − p)
    fit: p = mean of x

    It is made of logits, or of probabilities (``Bernoulli(probability=0.3)``), where 0 and 1 are
    logits −∞ and ∞. Draws have no derivative.

    Raises:  ArgumentError: a probability is none; a logit is NaN; both or none are given; data
             are not 0 and 1, or there are none.

    >>> Bernoulli(probability=0.25).density(tensor([0, 1, 2]))
    Tensor([0.75, 0.25, 0.  ])
    """

    discrete: ClassVar[bool] = True
    logits: Tensor

    def __init__(
        self, logits: Parameter | None = None, *, probability: Parameter | None = None
    ) -> None:
        if (logits is None) == (probability is None):
            raise ArgumentError("Bernoulli: give either logits or probability=…")
        if probability is not None:
            chance = parameter(probability, "Bernoulli")
            require("Bernoulli", SHARE, probability=chance)
            self.logits = log(chance) - log1p(-chance)
            return
        assert logits is not None
        self.logits = parameter(logits, "Bernoulli")
        require("Bernoulli", LOGIT, logits=self.logits)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self.logits.shape

    @property
    def probability(self) -> Tensor:
        """The probability of 1, σ(s)."""
        return sigmoid(self.logits)

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give log σ(s) at 1, log σ(−s) at 0, −∞ elsewhere."""
        given = as_tensor(x, "Bernoulli.log_density")
        one, zero = equal(given, 1), equal(given, 0)
        value = where(one, -softplus(-self.logits), -softplus(self.logits))
        return where(isnan(given), float("nan"), where(one | zero, value, -np.inf))

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x."""
        given = as_tensor(x, "Bernoulli.cdf")
        value = where(given < 0, 0.0, where(given < 1, sigmoid(-self.logits), 1.0))
        return where(isnan(given), float("nan"), value)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw 0 and 1."""
        return cast(bernoulli(key, self.probability, self._drawn(shape)), int64)

    def mean(self) -> Tensor:
        """Give p."""
        return self.probability

    def variance(self) -> Tensor:
        """Give p (1 − p)."""
        return self.probability * sigmoid(-self.logits)

    def entropy(self) -> Tensor:
        """Give −p log p − (1 − p) log(1 − p); 0 where p is 0 or 1."""
        sure = isinf(self.logits)
        s = where(sure, 0.0, self.logits)
        return where(sure, 0.0, sigmoid(s) * softplus(-s) + sigmoid(-s) * softplus(s))

    @classmethod
    def fit(cls, x: Operand, *, weights: Parameter | None = None) -> Self:
        """Give the Bernoulli distribution under which the rows of x are most likely."""
        rows = data("Bernoulli.fit", BINARY, x)
        found = average(shares("Bernoulli.fit", rows, weights), rows)
        return cls(probability=narrowed(rows, found)[0])
