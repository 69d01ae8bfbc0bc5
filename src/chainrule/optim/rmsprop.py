"""RMSProp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.functions.activations import relu
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.optim.optimizer import Factor, Scalar
from chainrule.optim.rule import Formula, UpdateRule, decayed, require
from chainrule.tensors import Tensor

__all__ = ["RMSProp"]


@final
@dataclass(frozen=True)
class RMSProp(UpdateRule):
    """Gradient descent that divides by a running root mean square of each gradient.

    v ← ρ v + (1 − ρ) g ⊙ g
    d ← g / (√v + ε)                                          w ← (1 − η λ) w − η d
    a ← ρ a + (1 − ρ) g,   d ← g / (√max(v − a ⊙ a, 0) + ε)   if centered: their deviation
    b ← μ b + d,   w ← (1 − η λ) w − η b                      with momentum

    v, a and b start at 0, so the first steps are long: 1/√(1 − ρ) times η. The weight decay λ is
    decoupled: the averages do not see it. ε stands outside of the root, as in PyTorch.

    Raises:  ArgumentError: a setting is out of range.
    Cost:    8 operations for each number; 5 more centered, 2 more with momentum.
    Source:  tieleman2012lecture, p. 29; graves2013generating, eq. 38–41

    >>> rmsprop = RMSProp(0.1, decay=0.75)
    >>> w = tensor([1.0, 1.0])
    >>> w, state = rmsprop.update(tensor([300.0, -2.0]), rmsprop.init(w), w)
    >>> w
    Tensor([0.8, 1.2])
    """

    decay: float = 0.99
    momentum: float = 0.0
    centered: bool = False
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(
            "RMSProp", self.learning_rate, decay=(self.decay, 0, 1), momentum=(self.momentum, 0, 1),
            eps=(self.eps, 0, math.inf), weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        mean = ("mean",) if self.centered else ()
        velocity = ("velocity",) if self.momentum else ()
        return ("mean_square", *mean, *velocity)

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        eta, rho, kept = Scalar(rate), self.decay, decayed(rate, self.weight_decay)

        def running(average: Tensor, value: Tensor) -> Tensor:
            return add(multiply(average, rho), multiply(value, 1.0 - rho))

        def one(w: Tensor, g: Tensor, v: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
            slots = [running(v, multiply(g, g))]
            spread = slots[0]
            if self.centered:
                slots.append(running(rest[0], g))
                spread = relu(subtract(spread, multiply(slots[1], slots[1])))
            step = divide(g, add(sqrt(spread), self.eps))
            if self.momentum:
                step = add(multiply(rest[-1], self.momentum), step)
                slots.append(step)
            return subtract(kept(w), multiply(step, eta.like(w))), *slots

        return one
