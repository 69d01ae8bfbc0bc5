"""What methods share that go down along directions by a line search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.optim.line_search import LineSearch, Point, Ray
from chainrule.optim.minimum import Minimum, require_count, require_not_negative
from chainrule.optim.objective import Loss, Objective
from chainrule.optim.vector import Vector

__all__: list[str] = []


class Directions(ABC):
    """Where to go from each point, by what was seen at those before."""

    @abstractmethod
    def direction(self, gradient: Vector) -> Vector:
        """The next direction."""

    @abstractmethod
    def first(self, ray: Ray) -> float:
        """The length to try first."""

    @abstractmethod
    def learn(self, before: Point, after: Point, ray: Ray) -> None:
        """See the step that was taken."""

    @abstractmethod
    def forget(self) -> bool:
        """Start afresh; False if nothing was known."""


def descend_along(
    name: str,
    directions: Directions,
    loss: Loss,
    start: Any,
    line_search: LineSearch,
    steps: int,
    tolerance: float,
    compiled: bool,
) -> Minimum:
    """Go down along directions until the gradient is small, the steps are used, or all fails."""
    require_count(name, 0, steps=steps)
    require_not_negative(name, tolerance=tolerance)
    if not isinstance(line_search, LineSearch):
        raise ArgumentError(
            f"{name}: line_search={line_search!r}, which must be a line search, as StrongWolfe() is"
        )
    objective = Objective(name, loss, start, compiled=compiled)
    value, gradient = objective.started()
    point = Point(0.0, objective.layout.start, value, gradient, 0.0)
    history, tried = [value], 0
    while tried < steps and largest(point.gradient) > tolerance:
        ray = Ray(objective, point, directions.direction(point.gradient))
        if not ray.start.slope < 0:
            directions.forget()
            ray = Ray(objective, point, -point.gradient)
        tried += 1
        found = line_search.along(ray, directions.first(ray))
        if found is None or np.array_equal(found.vector, point.vector):
            if directions.forget():
                continue
            break
        directions.learn(ray.start, found, ray)
        point = found
        history.append(point.value)
        objective.went(point.vector, point.value)
    norm = largest(point.gradient)
    made = objective.layout.parameters(point.vector)
    return Minimum(
        made, point.value, norm, tried, norm <= tolerance, tuple(history), objective.evaluations
    )


def largest(gradient: Vector) -> float:
    """The largest absolute element."""
    return float(np.abs(gradient).max(initial=0.0))


def unit_length(gradient: Vector) -> float:
    """The length of a first step along −g: none longer than 1 in the sum of its elements."""
    return min(1.0, 1.0 / float(np.abs(gradient).sum()))
