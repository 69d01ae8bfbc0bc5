"""Lion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.functions.elementwise import add, multiply, sign, subtract
from chainrule.optim.optimizer import Factor, Scalar
from chainrule.optim.rule import Formula, UpdateRule, decayed, require
from chainrule.tensors import Tensor

__all__ = ["Lion"]


@final
@dataclass(frozen=True)
class Lion(UpdateRule):
    """Steps of one size in every coordinate, by the sign of a moment that looks ahead.

    c = β₁ m + (1 − β₁) g
    w ← w − η (sign c + λ w)
    m ← β₂ m + (1 − β₂) g

    m starts at 0; the sign of 0 is 0. It remembers half of what Adam does. Since every coordinate
    moves by η, the paper takes a learning rate 3 to 10 times smaller than AdamW's, and a weight
    decay λ larger by as much.

    Raises:  ArgumentError: a setting is out of range.
    Cost:    8 operations for each number; 2 more with decay.
    Source:  chen2023symbolic, alg. 2

    >>> lion = Lion(0.01)
    >>> w = tensor([1.0, 1.0])
    >>> w, state = lion.update(tensor([300.0, -0.2]), lion.init(w), w)
    >>> w
    Tensor([0.99, 1.01])
    """

    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(
            "Lion", self.learning_rate, beta1=(self.beta1, 0, 1), beta2=(self.beta2, 0, 1),
            weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        return ("moment",)

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        eta, kept = Scalar(rate), decayed(rate, self.weight_decay)

        def one(w: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
            ahead = add(multiply(m, self.beta1), multiply(g, 1.0 - self.beta1))
            m = add(multiply(m, self.beta2), multiply(g, 1.0 - self.beta2))
            return subtract(kept(w), multiply(sign(ahead), eta.like(w))), m

        return one
