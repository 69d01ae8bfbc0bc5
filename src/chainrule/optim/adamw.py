"""Adam with decoupled weight decay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.optim.moments import adaptive
from chainrule.optim.optimizer import Factor
from chainrule.optim.rule import Formula, UpdateRule, require
from chainrule.tensors import Tensor

__all__ = ["AdamW"]


@final
@dataclass(frozen=True)
class AdamW(UpdateRule):
    """Adam with weight decay λ that the moments do not see.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g ⊙ g
    α ← η √(1 − β₂ᵗ) / (1 − β₁ᵗ),   ε̂ ← ε √(1 − β₂ᵗ)
    w ← (1 − η λ) w − α m / (√v + ε̂)

    t counts the steps from 1; m and v start at 0. As in PyTorch, η scales the decay, which the
    paper scales by the schedule's factor alone; it acts on all parameters.

    Raises:  ArgumentError: a setting is out of range.
    Cost:    13 operations for each number.
    Source:  loshchilov2019decoupled, alg. 2

    >>> adamw = AdamW(0.1, weight_decay=0.5)
    >>> w = tensor([1.0])
    >>> w, state = adamw.update(tensor([0.0]), adamw.init(w), w)
    >>> w
    Tensor([0.95])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        require(
            "AdamW", self.learning_rate, beta1=(self.beta1, 0, 1), beta2=(self.beta2, 0, 1),
            eps=(self.eps, 0, math.inf), weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        return ("first_moment", "second_moment")

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        return adaptive(self.beta1, self.beta2, self.eps, self.weight_decay, rate, step)
