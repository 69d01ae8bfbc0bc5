"""Schedules made of schedules: one after the other, or one times the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.comparison import greater_equal
from chainrule.functions.creation import ones_like
from chainrule.functions.elementwise import maximum, multiply, where
from chainrule.schedule.schedule import Schedule, require_order, require_positive, several, time
from chainrule.tensors import Tensor

__all__ = ["chain", "product"]


@final
@dataclass(frozen=True)
class chain(Schedule):  # noqa: N801 (it is called as a function is)
    """One schedule after the other; each counts the steps from the boundary where it begins.

    η(t) = ηᵢ(t − bᵢ)   for bᵢ ≤ t < bᵢ₊₁,   b₀ = 0

    Raises:  ArgumentError: there are no schedules, there is not one boundary between each two, or
             the boundaries do not grow.

    >>> rising, falling = cr.schedule.warm_up(0.4, steps=3), cr.schedule.cosine(0.4, steps=100)
    >>> schedule = chain((rising, falling), boundaries=(3,))
    >>> [f"{schedule(t).item():.1f}" for t in (0, 1, 2, 3, 53, 103)]
    ['0.1', '0.2', '0.3', '0.4', '0.2', '0.0']
    """

    schedules: Sequence[Schedule]
    boundaries: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", several(self, "schedules", self.schedules))
        object.__setattr__(self, "boundaries", several(self, "boundaries", self.boundaries))
        if len(self.schedules) != len(self.boundaries) + 1:
            raise ArgumentError(
                f"chain: boundaries={self.boundaries} for schedules in number "
                f"{len(self.schedules)}; there must be one boundary between each two"
            )
        for part in self.schedules:
            if not callable(part):
                raise ArgumentError(
                    f"chain: {part!r} is no schedule; a number would be constant({part!r})"
                )
        require_order(self, "boundaries", several(self, "boundaries", self.boundaries))

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        t = time(self, step)
        rate = self.schedules[0](t)
        for boundary, schedule in zip(self.boundaries, self.schedules[1:], strict=True):
            own = maximum(t - float(boundary), 0.0)  # it is not asked about steps before its first
            rate = where(greater_equal(t, float(boundary)), schedule(own), rate)
        return rate


@final
@dataclass(frozen=True)
class product(Schedule):  # noqa: N801 (it is called as a function is)
    """The product of schedules and numbers, each at the same step.

    η(t) = Πᵢ ηᵢ(t)

    Raises:  ArgumentError: there are no factors, or a number is not greater than 0.

    >>> product((cr.schedule.exponential(0.1, factor=0.5), 3.0))(1)
    Tensor(0.15)
    """

    factors: Sequence[Schedule | float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", several(self, "factors", self.factors))
        if not self.factors:
            raise ArgumentError("product: there are no factors")
        numbers = {f"factors[{k}]": f for k, f in enumerate(self.factors) if not callable(f)}
        require_positive(self, **numbers)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        t = time(self, step)
        parts = [f(t) if callable(f) else float(f) for f in self.factors]
        return reduce(multiply, parts, ones_like(t))
