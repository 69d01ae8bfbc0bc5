"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.optim.optimizer import Model, Optimizer, Scalar, State, each, first_state, require
from chainrule.tensors import Tensor

__all__ = ["SGD"]


@final
@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, perhaps with momentum μ and weight decay λ.

    g ← ∇L(w) + λ w
    w ← w − η g               without momentum
    v ← μ v + g,  w ← w − η v           with momentum
    v ← μ v + g,  w ← w − η (g + μ v)   with Nesterov's

    v starts at 0. Weight decay acts on all parameters.

    Raises:  ArgumentError: a setting is out of range, or Nesterov's momentum is 0.
    Cost:    2 operations for each number; 4 with momentum, 6 with Nesterov's; 2 more with decay.
    Source:  robbins1951stochastic; rumelhart1986learning, eq. 9; nesterov1983method;
             sutskever2013importance, eq. 3–4

    >>> sgd = SGD(0.1, momentum=0.9)
    >>> w = tensor([1.0])
    >>> sgd.update(tensor([2.0]), sgd.init(w), w)
    (Tensor([0.8]), {'step': Tensor(1), 'velocity': Tensor([2.])})
    """

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(
            "SGD", self.learning_rate, momentum=(self.momentum, 0, 1),
            weight_decay=(self.weight_decay, 0, math.inf),
        )  # fmt: skip
        if self.nesterov and not self.momentum:
            raise ArgumentError("SGD: nesterov=True needs a momentum, such as momentum=0.9")

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        return first_state(model, *["velocity"] * bool(self.momentum))

    def update(self, gradients: Any, state: State, model: Model) -> tuple[Model, State]:
        """Take a step: give the new model and the new state."""
        rate = Scalar(self.rate(state["step"]))
        mu, decay = self.momentum, self.weight_decay

        def decayed(w: Tensor, g: Tensor) -> Tensor:
            return add(g, multiply(w, decay)) if decay else g

        def plain(w: Tensor, g: Tensor) -> tuple[Tensor]:
            return (subtract(w, multiply(decayed(w, g), rate.like(w))),)

        def with_momentum(w: Tensor, g: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            g = decayed(w, g)
            v = add(multiply(v, mu), g)
            direction = add(g, multiply(v, mu)) if self.nesterov else v
            return subtract(w, multiply(direction, rate.like(w))), v

        after: State = {"step": add(state["step"], 1)}
        if mu:
            slots = state["velocity"]
            model, after["velocity"] = each("SGD", with_momentum, model, gradients, slots)
        else:
            (model,) = each("SGD", plain, model, gradients)
        return model, after
