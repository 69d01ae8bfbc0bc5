"""The learning rate that falls when training gets no better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import multiply
from chainrule.ir.dtype import float64, int64
from chainrule.optim.optimizer import Factor, Model, State, Wrapper, slot
from chainrule.tensors import tensor

__all__ = ["ReduceOnPlateau"]


@final
@dataclass(frozen=True)
class ReduceOnPlateau(Wrapper):
    """Multiply the learning rate by a factor when the observed figure has not fallen for a while.

    A figure is better if it is below best − threshold · |best|. After more than ``patience``
    observations in a row that are not: scale ← max(factor · scale, floor), and the next
    ``cooldown`` observations do not count. Each step's learning rate is scale · η, where η is that
    of the wrapped optimizer, a schedule's too; the scale starts at 1.

    ``observe`` is called once an epoch, with the validation loss if there is one. A figure that is
    not a number is not better.

    Raises:  ArgumentError: a setting is out of range.

    >>> from chainrule.optim import SGD
    >>> optimizer = ReduceOnPlateau(SGD(1.0), factor=0.5, patience=1)
    >>> state = optimizer.init(tensor(0.0))
    >>> for loss in (3.0, 2.0, 2.1, 2.2):
    ...     state = optimizer.observe(state, loss)
    ...     print(optimizer.current_rate(state))
    1.0
    1.0
    1.0
    0.5
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.factor < 1:
            raise ArgumentError(
                f"ReduceOnPlateau: factor={self.factor}, which must be between 0 and 1"
            )
        if not 0 <= self.floor <= 1:
            raise ArgumentError(f"ReduceOnPlateau: floor={self.floor}, which must be 0 to 1")
        for name in ("patience", "threshold", "cooldown"):
            if not getattr(self, name) >= 0:
                raise ArgumentError(
                    f"ReduceOnPlateau: {name}={getattr(self, name)}, which must be at least 0"
                )

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        counts = {n: tensor(0, dtype=int64) for n in ("observed", "waited", "cooling")}
        numbers = {"scale": tensor(1.0, dtype=float64), "best": tensor(0.0, dtype=float64)}
        return {**super().init(model), **counts, **numbers}

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step with the learning rate that is left."""
        scaled = multiply(slot(self, state, "scale"), factor)
        model, inner = self.optimizer.update(gradients, self.inner(state), model, scaled)
        return model, {**state, "optimizer": inner}

    def observe(self, state: State, figure: float) -> State:
        """Compare a figure with the best one, and perhaps reduce the learning rate."""
        state = super().observe(state, figure)
        best, scale = float(state["best"]), float(state["scale"])
        waited, cooling = int(state["waited"]), int(state["cooling"])
        first = not int(state["observed"])
        if math.isfinite(figure) and (first or figure < best - self.threshold * abs(best)):
            best, waited, first = float(figure), 0, False
        else:
            waited += 1
        if cooling:
            cooling, waited = cooling - 1, 0
        if waited > self.patience:
            scale, cooling, waited = max(self.factor * scale, self.floor), self.cooldown, 0
        counts = {"observed": int(not first), "waited": waited, "cooling": cooling}
        return {
            **state,
            **{name: tensor(count, dtype=int64) for name, count in counts.items()},
            "scale": tensor(scale, dtype=float64),
            "best": tensor(best, dtype=float64),
        }

    def current_rate(self, state: State) -> float:
        """Give the learning rate of the last step, or of the first, times the scale."""
        return float(state["scale"]) * super().current_rate(state)
