"""Backtracking: shorten the step until it decreases the function enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.optim.line_search import LineSearch, Point, Ray
from chainrule.optim.minimum import require_count

__all__ = ["Backtracking"]


@final
@dataclass(frozen=True)
class Backtracking(LineSearch):
    """Multiply the length by ρ until Armijo's condition holds.

    α ← ρ α   until   f(x + α p) ≤ f(x) + c α ∇f(x)ᵀp

    ρ is ``shrink`` and c ``decrease``. A point where f is not finite is too far. A difference in f
    that rounding hides is no increase. After ``most`` lengths there is none.

    Raises:  ArgumentError: a setting is out of range.
    Source:  armijo1966minimization; nocedal2006numerical, alg. 3.1

    >>> loss = lambda x: (x ** 4).sum()
    >>> Backtracking()(loss, cr.tensor([1.0]), cr.tensor([-4.0])).length
    0.25
    """

    shrink: float = 0.5
    decrease: float = 1e-4
    most: int = 40

    def __post_init__(self) -> None:
        for name in ("shrink", "decrease"):
            if not 0 < getattr(self, name) < 1:
                raise ArgumentError(
                    f"Backtracking: {name}={getattr(self, name)}, which must be between 0 and 1"
                )
        require_count("Backtracking", 1, most=self.most)

    def along(self, ray: Ray, first: float) -> Point | None:
        """Search along a ray that leads down."""
        start, length = ray.start, first
        for _ in range(self.most):
            point = ray.at(length)
            wanted = self.decrease * length * start.slope
            hidden = -wanted <= ray.noise and point.value <= start.value
            if point.is_finite and (point.value <= start.value + wanted or hidden):
                return point
            length *= self.shrink
        return None
