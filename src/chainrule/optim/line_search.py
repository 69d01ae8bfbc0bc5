"""Line searches: how far to go in a direction."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.optim.objective import Loss, Objective
from chainrule.optim.vector import Layout, Vector

__all__ = ["LineSearch", "LineStep"]


@final
@dataclass(frozen=True)
class Point:
    """The loss at a length along a ray: φ(α) = f(x + α p) and φ′(α) = ∇f(x + α p)ᵀ p."""

    length: float
    vector: Vector
    value: float
    gradient: Vector
    slope: float

    @property
    def is_finite(self) -> bool:
        """Whether the loss and its derivative are numbers."""
        return math.isfinite(self.value) and math.isfinite(self.slope)


@final
class Ray:
    """The loss from a point in a direction."""

    def __init__(self, objective: Objective, origin: Point, direction: Vector) -> None:
        self.objective, self.direction = objective, direction
        slope = float(origin.gradient @ direction)
        self.start = Point(0.0, origin.vector, origin.value, origin.gradient, slope)

    @property
    def noise(self) -> float:
        """A difference of the loss that rounding hides."""
        return self.objective.layout.resolution * max(abs(self.start.value), 1e-300)

    def at(self, length: float) -> Point:
        """The loss, its gradient and its slope at this length."""
        vector = self.start.vector + length * self.direction
        value, gradient = self.objective.slope(vector)
        with np.errstate(invalid="ignore", over="ignore"):
            slope = float(gradient @ self.direction)
        return Point(length, vector, value, gradient, slope)


@final
@dataclass(frozen=True)
class LineStep:
    """What a line search found.

    length       α
    parameters   x + α p
    value        the function there
    slope        its derivative along p there
    evaluations  how often the function was computed
    """

    length: float
    parameters: Any
    value: float
    slope: float
    evaluations: int


class LineSearch(ABC):
    """The base of line searches: settings, and a call that searches from a point in a direction.

    >>> from chainrule.optim import StrongWolfe
    >>> loss = lambda x: ((x - 3) ** 2).sum()
    >>> found = StrongWolfe(c2=0.1)(loss, cr.tensor([0.0]), cr.tensor([1.0]))
    >>> found.length, found.parameters
    (3.0, Tensor([3.]))
    """

    def __call__(
        self, loss: Loss, parameters: Any, direction: Any, *, first: float = 1.0
    ) -> LineStep | None:
        """Search; ``first`` is tried first. None if no length gives the decrease that is asked.

        Raises:  ArgumentError: the direction does not lead down.
                 NonFiniteError: the function or its gradient is not finite at the start.
        """
        name = type(self).__name__
        if not (first > 0 and math.isfinite(first)):
            raise ArgumentError(f"{name}: first={first}, which must be greater than 0")
        objective = Objective(name, loss, parameters)
        along = Layout(name, direction)
        if along.structure != objective.layout.structure or along.shapes != objective.layout.shapes:
            raise ArgumentError(f"{name}: the direction is not a tree like the parameters")
        value, gradient = objective.started()
        origin = Point(0.0, objective.layout.start, value, gradient, 0.0)
        ray = Ray(objective, origin, along.start)
        if not ray.start.slope < 0:
            raise ArgumentError(
                f"{name}: the direction does not lead down; the slope along it is "
                f"{ray.start.slope:g}"
            )
        found = self.along(ray, first)
        if found is None:
            return None
        made = objective.layout.parameters(found.vector)
        return LineStep(found.length, made, found.value, found.slope, objective.evaluations)

    @abstractmethod
    def along(self, ray: Ray, first: float) -> Point | None:
        """Search along a ray that leads down."""
