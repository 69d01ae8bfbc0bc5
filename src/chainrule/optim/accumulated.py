"""Large batches in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.comparison import equal
from chainrule.functions.creation import zeros_like
from chainrule.functions.elementwise import add, multiply
from chainrule.ir.dtype import int64
from chainrule.optim.optimizer import Factor, Model, State, Wrapper, slot
from chainrule.optim.rule import each
from chainrule.tensors import Tensor, tensor
from chainrule.transform import cond

__all__ = ["Accumulated"]


@final
@dataclass(frozen=True)
class Accumulated(Wrapper):
    """Take a step of another optimizer with the mean gradient of every so many batches.

    s ← s + g;   at every k-th batch: a step with s/k, then s ← 0

    With batches of one size that is a step on all of them as one batch, since the loss is a mean.
    Batches that are left at the end of an epoch wait for the next one. Schedules count the steps,
    not the batches.

    Raises:  ArgumentError: ``every`` is no count from 1.
    Cost:    1 operation and one more gradient in memory.

    >>> from chainrule.optim import SGD
    >>> accumulated = Accumulated(SGD(1.0), every=2)
    >>> w, state = tensor(0.0), accumulated.init(tensor(0.0))
    >>> for gradient in (1.0, 3.0):
    ...     w, state = accumulated.update(tensor(gradient), state, w)
    ...     print(w)
    Tensor(0.)
    Tensor(-2.)
    """

    every: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every != int(self.every) or self.every < 1:
            raise ArgumentError(f"Accumulated: every={self.every}, which must be a count from 1")

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        return {
            **super().init(model),
            "batches": tensor(0, dtype=int64),
            "sum": tree.map_(zeros_like, model),
        }

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Add the gradients; at every k-th batch take a step."""

        def summed(_parameter: Tensor, g: Tensor, total: Tensor) -> tuple[Tensor]:
            return (add(total, g),)

        def step(total: Any, inner: State, model: Any, factor: Factor) -> tuple[Any, ...]:
            mean = tree.map_(lambda s: multiply(s, 1.0 / self.every), total)
            model, inner = self.optimizer.update(mean, inner, model, factor)
            return tree.map_(zeros_like, total), inner, model

        def wait(total: Any, inner: State, model: Any, _factor: Factor) -> tuple[Any, ...]:
            return total, inner, model

        (total,) = each("Accumulated", summed, model, gradients, slot(self, state, "sum"))
        batches = add(slot(self, state, "batches"), 1)
        full = equal(batches, self.every)
        total, inner, model = cond(full, step, wait, total, self.inner(state), model, factor)
        count = multiply(batches, 1 - full.astype(int64))
        return model, {"optimizer": inner, "batches": count, "sum": total}
