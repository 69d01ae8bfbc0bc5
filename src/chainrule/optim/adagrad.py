"""Adagrad."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

from chainrule import tree
from chainrule.functions.creation import full_like
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.optim.optimizer import Factor, Scalar, State
from chainrule.optim.rule import Formula, UpdateRule, decayed, require
from chainrule.tensors import Tensor

__all__ = ["Adagrad"]


@final
@dataclass(frozen=True)
class Adagrad(UpdateRule):
    """Gradient descent that divides by the root of the sum of all squared gradients so far.

    G ← G + g ⊙ g
    w ← (1 − η λ) w − η g / (√G + ε)

    G starts at ``initial``. Rare features keep long steps; the steps of the others fall as 1/√t by
    themselves. The weight decay λ is decoupled: G does not see it.

    Raises:  ArgumentError: a setting is out of range.
    Cost:    7 operations for each number.
    Source:  duchi2011adaptive, fig. 1, with diagonal matrices and no constraint

    >>> adagrad = Adagrad(0.1)
    >>> w, state = tensor([1.0]), adagrad.init(tensor([1.0]))
    >>> for gradient in (3.0, 4.0):
    ...     w, state = adagrad.update(tensor([gradient]), state, w)
    >>> w
    Tensor([0.82])
    """

    initial: float = 0.0
    eps: float = 1e-10
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(
            "Adagrad", self.learning_rate, initial=(self.initial, 0, math.inf),
            eps=(self.eps, 0, math.inf), weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        return ("sum_of_squares",)

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        sums = tree.map_(lambda leaf: full_like(leaf, self.initial), model)
        return {**super().init(model), "sum_of_squares": sums}

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        eta, kept = Scalar(rate), decayed(rate, self.weight_decay)

        def one(w: Tensor, g: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
            total = add(total, multiply(g, g))
            direction = divide(g, add(sqrt(total), self.eps))
            return subtract(kept(w), multiply(direction, eta.like(w))), total

        return one
