"""Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.optim.moments import adaptive
from chainrule.optim.optimizer import Factor
from chainrule.optim.rule import Formula, UpdateRule, require
from chainrule.tensors import Tensor

__all__ = ["Adam"]


@final
@dataclass(frozen=True)
class Adam(UpdateRule):
    """Gradient descent with a step size of its own for each parameter, from two moments.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g ⊙ g
    α ← η √(1 − β₂ᵗ) / (1 − β₁ᵗ),   ε̂ ← ε √(1 − β₂ᵗ)
    w ← w − α m / (√v + ε̂)

    t counts the steps from 1; m and v start at 0. This is Algorithm 1 of the paper with the
    corrections of the bias drawn into two numbers, as at the end of its section 2; ε̂ makes the
    result equal, not only nearly so.

    Raises:  ArgumentError: a setting is out of range.
    Cost:    12 operations for each number.
    Source:  kingma2015adam, alg. 1

    >>> adam = Adam(0.1)
    >>> w = tensor([1.0, 1.0])
    >>> w, state = adam.update(tensor([300.0, -0.2]), adam.init(w), w)
    >>> w
    Tensor([0.9, 1.1])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        require(
            "Adam", self.learning_rate, beta1=(self.beta1, 0, 1), beta2=(self.beta2, 0, 1),
            eps=(self.eps, 0, math.inf),
        )  # fmt: skip

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        return ("first_moment", "second_moment")

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        return adaptive(self.beta1, self.beta2, self.eps, 0.0, rate, step)
