"""Networks of quantities learn them in deviations from their mean, and give them in their unit."""

from __future__ import annotations

from typing import final

import numpy as np

from chainrule.data import Dataset
from chainrule.functions.elementwise import add, multiply
from chainrule.functions.lift import Operand
from chainrule.nn import Module
from chainrule.tensors import tensor
from chainrule.transform.state import State
from chainrule.wording import plural

__all__ = ["Units"]


@final
class Units(Module):
    """Bring what a network gives into the unit of the targets.

    y = center + scale · z

    With a price of some 100,000 the last layer would have to learn a bias of that size, in steps of
    the learning rate. Center and scale are no parameters; they are stored with them.
    """

    center: State
    scale: State

    def __init__(self, data: Dataset) -> None:
        targets = np.asarray(data.targets[:], np.float64)
        deviation = targets.std(axis=0) if len(targets) else np.ones(targets.shape[1:])
        center = targets.mean(axis=0) if len(targets) else np.zeros(targets.shape[1:])
        self.center = State(tensor(center, dtype="float32"))
        self.scale = State(tensor(np.where(deviation > 0, deviation, 1.0), dtype="float32"))

    def describe(self) -> str:
        """Say center and scale as a table of layers shows them."""
        if self.center.value.ndim:
            return f"Units({plural(self.center.value.size, 'target')})"
        return f"Units({self.center.value.item():.4g} ± {self.scale.value.item():.4g})"

    def __call__(self, z: Operand, /) -> Operand:
        """Scale, then shift."""
        return add(self.center.value, multiply(self.scale.value, z))
