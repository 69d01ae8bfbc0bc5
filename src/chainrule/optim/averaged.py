"""The average of the weights over the last steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.elementary import pow
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.functions.lift import cast
from chainrule.ir.dtype import float64, int64
from chainrule.optim.optimizer import Factor, Model, Scalar, State, Wrapper, slot
from chainrule.optim.rule import each
from chainrule.tensors import Tensor, tensor

__all__ = ["Averaged"]


@final
@dataclass(frozen=True)
class Averaged(Wrapper):
    """Keep the exponential moving average of the weights; that is the model to evaluate and keep.

    a ← a + (1 − β)/(1 − βᵗ) · (w − a)   after step t, with β the decay

    So a = (1 − β)/(1 − βᵗ) Σᵢ βᵗ⁻ⁱ wᵢ over the steps i = 1 … t: the weights of the steps sum to 1,
    and the initial model has none. It looks back about 1/(1 − β) steps. Training goes on from w;
    statistics in State cells, such as those of batch normalization, are not averaged.

    Raises:  ArgumentError: the decay is out of range.
    Cost:    3 operations for each number, and one more model in memory.
    Source:  polyak1992acceleration; kingma2015adam, sec. 7.2

    >>> from chainrule.optim import SGD
    >>> averaged = Averaged(SGD(1.0), decay=0.5)
    >>> w, state = tensor(0.0), averaged.init(tensor(0.0))
    >>> for _ in range(2):
    ...     w, state = averaged.update(tensor(-3.0), state, w)
    >>> w, averaged.evaluated(state, w)
    (Tensor(6.), Tensor(5.))
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.decay < 1:
            raise ArgumentError(
                f"Averaged: decay={self.decay}, which must be at least 0 and less than 1"
            )

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        own = {"step": tensor(0, dtype=int64), "average": tree.map_(tensor, model)}
        return {**super().init(model), **own}

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step and move the average."""
        model, inner = self.optimizer.update(gradients, self.inner(state), model, factor)
        step = add(slot(self, state, "step"), 1)
        rest = subtract(1.0, pow(self.decay, cast(step, float64)))
        share = Scalar(divide(1.0 - self.decay, rest))

        def moved(w: Tensor, a: Tensor) -> tuple[Tensor]:
            return (add(a, multiply(subtract(w, a), share.like(a))),)

        (average,) = each("Averaged", moved, model, slot(self, state, "average"))
        return model, {"optimizer": inner, "step": step, "average": average}

    def evaluated(self, state: State, model: Model) -> Model:
        """Give the average of the weights."""
        average: Model = slot(self, state, "average")
        return average
