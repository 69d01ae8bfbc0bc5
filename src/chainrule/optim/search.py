"""What methods share that search without gradients: draws, the best so far, and when to end."""

from __future__ import annotations

import math
import operator
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError
from chainrule.functions import random
from chainrule.optim.minimum import Minimum
from chainrule.optim.objective import Loss, Objective
from chainrule.optim.vector import Vector

__all__: list[str] = []

Points = npt.NDArray[np.float64]


@final
class Search:
    """A search from a start: its objective, its random numbers, and the best point so far."""

    def __init__(
        self, name: str, loss: Loss, start: Any, spread: Any, seed: int, target: float | None,
        batched: bool,
    ) -> None:  # fmt: skip
        if target is not None and math.isnan(target):
            raise ArgumentError(f"{name}: target=nan, which is no number")
        self.objective = Objective(name, loss, start, batched=batched)
        self.layout = self.objective.layout
        self.spread = self.layout.spread(name, spread)
        self.target = target
        self.key = random.key(_seed(name, seed))
        self.best: Vector = self.layout.start
        self.value = self.objective.started_at()
        self.history = [self.value]

    @property
    def is_done(self) -> bool:
        """Whether the target is reached."""
        return self.target is not None and self.value <= self.target

    def uniform(self, step: int, purpose: int, shape: tuple[int, ...]) -> Points:
        """Numbers from 0 to 1, for a purpose of a step."""
        return random.uniform(self._key(step, purpose), shape).numpy()

    def normal(self, step: int, purpose: int, shape: tuple[int, ...]) -> Points:
        """Normal numbers, for a purpose of a step."""
        return random.normal(self._key(step, purpose), shape).numpy()

    def _key(self, step: int, purpose: int) -> Any:
        return random.fold_in(random.fold_in(self.key, step), purpose)

    def evaluate(self, points: Points) -> Vector:
        """The losses at points; the best so far is kept."""
        values = self.objective.values(points)
        place = int(np.argmin(values))
        if values[place] < self.value:
            self.best, self.value = points[place].copy(), float(values[place])
            self.objective.went(self.best, self.value)
        return values

    def record(self) -> None:
        """Note the best so far at the end of a step."""
        self.history.append(self.value)

    def minimum(self, steps: int, converged: bool) -> Minimum:
        """Give what was found."""
        return Minimum(
            self.layout.parameters(self.best), self.value, math.nan, steps,
            converged or self.is_done, tuple(self.history), self.objective.evaluations,
        )  # fmt: skip


def _seed(name: str, seed: int) -> int:
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 1 << 128:
        raise ArgumentError(f"{name}: seed={seed!r}, which must be a count from 0")
    return number
