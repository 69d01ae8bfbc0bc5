"""What a schedule is: the learning rate as a function of the step."""

from __future__ import annotations

from abc import ABC, abstractmethod

from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor

__all__ = ["Schedule"]


class Schedule(ABC):
    """The learning rate as a function of the number of steps taken before.

    An optimizer takes one in place of a number. It computes with Tensors, so it runs inside jit.
    """

    @abstractmethod
    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step, a number of type float64."""


def require_positive(schedule: Schedule, **settings: float) -> None:
    """Raise for a setting that is not greater than 0."""
    for name, value in settings.items():
        if not value > 0:
            kind = type(schedule).__name__
            raise ArgumentError(f"{kind}: {name}={value}, which must be greater than 0")


def require_share(schedule: Schedule, name: str, value: float, low: float, high: float) -> None:
    """Raise for a setting outside of an interval."""
    if not low <= value <= high:
        kind = type(schedule).__name__
        raise ArgumentError(f"{kind}: {name}={value}, which must be {low:g} to {high:g}")
