"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.optim.optimizer import Factor, Scalar
from chainrule.optim.rule import Formula, UpdateRule, decayed, require
from chainrule.tensors import Tensor

__all__ = ["SGD"]


@final
@dataclass(frozen=True)
class SGD(UpdateRule):
    """Stochastic gradient descent, perhaps with momentum μ and weight decay λ.

    g ← ∇L(w) + λ w
    w ← w − η g               without momentum
    v ← μ v + g,  w ← w − η v           with momentum
    v ← μ v + g,  w ← w − η (g + μ v)   with Nesterov's

    v starts at 0. With ``decoupled`` the velocity does not see the decay: g ← ∇L(w), and each step
    ends with − η λ w; without momentum that is the same. Weight decay acts on all parameters.

    Raises:  ArgumentError: a setting is out of range, or Nesterov's momentum is 0.
    Cost:    2 operations for each number; 4 with momentum, 6 with Nesterov's; 2 more with decay.
    Source:  robbins1951stochastic; rumelhart1986learning, eq. 9; nesterov1983method;
             sutskever2013importance, eq. 3–4; loshchilov2019decoupled, alg. 1

    >>> sgd = SGD(0.1, momentum=0.9)
    >>> w = tensor([1.0])
    >>> sgd.update(tensor([2.0]), sgd.init(w), w)
    (Tensor([0.8]), {'step': Tensor(1), 'velocity': Tensor([2.])})
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        require(
            "SGD", self.learning_rate, momentum=(self.momentum, 0, 1),
            weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip
        if self.nesterov and not self.momentum:
            raise ArgumentError("SGD: nesterov=True needs a momentum, such as momentum=0.9")

    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""
        return ("velocity",) if self.momentum else ()

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""
        eta, mu = Scalar(rate), self.momentum
        coupled = 0.0 if self.decoupled else self.weight_decay
        kept = decayed(rate, self.weight_decay if self.decoupled else 0.0)

        def one(w: Tensor, g: Tensor, *slots: Tensor) -> tuple[Tensor, ...]:
            g = add(g, multiply(w, coupled)) if coupled else g
            if not mu:
                return (subtract(kept(w), multiply(g, eta.like(w))),)
            (v,) = slots
            v = add(multiply(v, mu), g)
            direction = add(g, multiply(v, mu)) if self.nesterov else v
            return subtract(kept(w), multiply(direction, eta.like(w))), v

        return one
