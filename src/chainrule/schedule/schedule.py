"""What a schedule is: the learning rate as a function of the step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.functions.elementary import cos
from chainrule.functions.lift import as_tensor, floating
from chainrule.tensors import Tensor

__all__ = ["Schedule"]


class Schedule(ABC):
    """The learning rate as a function of the number of steps taken before.

    An optimizer takes one in place of a number. It computes with Tensors, so it runs inside jit.
    Its repr is the call that makes it.
    """

    @abstractmethod
    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step, a number of type float64."""


def time(schedule: Schedule, step: Tensor | int) -> Tensor:
    """The step as a floating-point number: float64 if it is an integer."""
    return floating(as_tensor(step, type(schedule).__name__))


def half_cosine(first: float, last: float, share: Tensor) -> Tensor:
    """What lies at this share of the way from one number to another, along half a cosine."""
    return last + 0.5 * (first - last) * (1.0 + cos(math.pi * share))


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


def several(schedule: Schedule, name: str, values: object) -> tuple[Any, ...]:
    """The values as a tuple; raises for a single one."""
    if isinstance(values, Iterable):
        return tuple(values)
    kind = type(schedule).__name__
    raise ArgumentError(f"{kind}: {name}={values!r}, which must be several: ({values!r},)")


def require_order(schedule: Schedule, name: str, steps: tuple[int, ...]) -> None:
    """Raise unless steps are greater than 0 and each is greater than the one before."""
    if any(later <= earlier for earlier, later in zip((0, *steps), steps, strict=False)):
        kind = type(schedule).__name__
        raise ArgumentError(
            f"{kind}: {name}={steps}; they must be greater than 0, each greater than the one before"
        )
