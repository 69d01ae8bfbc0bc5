"""Nonlinear conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Literal, final, get_args

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.optim.descent import Directions, descend_along, unit_length
from chainrule.optim.line_search import LineSearch, Point, Ray
from chainrule.optim.minimum import Minimum
from chainrule.optim.objective import Loss
from chainrule.optim.strong_wolfe import StrongWolfe
from chainrule.optim.vector import Vector

__all__ = ["conjugate_gradient"]

_WOLFE: Final = StrongWolfe(c2=0.1)

Conjugacy = Literal["polak-ribiere", "hager-zhang"]
_SMALLEST = 0.01  # η of hager2005new


def conjugate_gradient(
    loss: Loss, start: Any, *, steps: int = 10_000, tolerance: float = 1e-8,
    conjugacy: Conjugacy = "polak-ribiere", line_search: LineSearch = _WOLFE,
    compiled: bool = True,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by nonlinear conjugate gradients.

    x ← x + α p,   p ← −g′ + β p
    β = max(0, yᵀg′ / gᵀg)                                            "polak-ribiere"
    β = max((y − 2 p yᵀy / pᵀy)ᵀ g′ / pᵀy, −1 / (‖p‖ min(0.01, ‖g‖)))      "hager-zhang"

    g and g′ are the gradients before and after a step, and y = g′ − g. A direction that does not
    lead down is replaced by −g. The line search tries first by how much the last step would have
    decreased f along this slope, α gᵀp / g′ᵀp′, and at the start min(1, 1 / Σ|g|). It has converged
    if no element of g is larger than the tolerance.

    With ``compiled`` the loss is recorded once; a loss that branches on values needs
    ``compiled=False``.

    Raises:  NonFiniteError: f or its gradient is not finite at the start.
             ArgumentError: a setting is out of range.
    Cost:    a value and gradient for each length that is tried; 6 vectors of memory.
    Source:  polak1969note; nocedal2006numerical, eq. 5.45 and sec. 3.5; hager2005new

    >>> rosenbrock = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> found = conjugate_gradient(rosenbrock, cr.tensor([-1.2, 1.0]))
    >>> found.converged, [round(v, 6) for v in found.parameters.tolist()]
    (True, [1.0, 1.0])
    """
    if conjugacy not in get_args(Conjugacy):
        choices = " or ".join(f'"{name}"' for name in get_args(Conjugacy))
        raise ArgumentError(f"conjugate_gradient: conjugacy is {choices}, not {conjugacy!r}")
    beta = polak_ribiere if conjugacy == "polak-ribiere" else hager_zhang
    directions = _Conjugate(beta)
    return descend_along(
        "conjugate_gradient", directions, loss, start, line_search, steps, tolerance, compiled
    )


def polak_ribiere(before: Vector, after: Vector, direction: Vector) -> float:
    """β⁺ = max(0, yᵀg′ / gᵀg)."""
    del direction
    return max(0.0, float((after - before) @ after) / float(before @ before))


def hager_zhang(before: Vector, after: Vector, direction: Vector) -> float:
    """β of Hager and Zhang, with its lower bound."""
    y = after - before
    along = float(direction @ y)
    if along == 0:
        return 0.0
    beta = float((y - (2 * float(y @ y) / along) * direction) @ after) / along
    size = float(np.linalg.norm(direction)) * min(_SMALLEST, float(np.linalg.norm(before)))
    return max(beta, -1 / size) if size > 0 else beta


@final
class _Conjugate(Directions):
    """The last direction, and the gradient and the step from which it led."""

    def __init__(self, beta: Callable[[Vector, Vector, Vector], float]) -> None:
        self.beta = beta
        self.last: tuple[Vector, Vector] | None = None
        self.decrease = math.nan

    def direction(self, gradient: Vector) -> Vector:
        if self.last is None:
            return -gradient
        before, direction = self.last
        made: Vector = self.beta(before, gradient, direction) * direction - gradient
        return made

    def first(self, ray: Ray) -> float:
        if self.last is None:
            return unit_length(ray.start.gradient)
        return self.decrease / ray.start.slope

    def learn(self, before: Point, after: Point, ray: Ray) -> None:
        self.last = (before.gradient, ray.direction)
        self.decrease = after.length * before.slope

    def forget(self) -> bool:
        known, self.last = self.last is not None, None
        return known
