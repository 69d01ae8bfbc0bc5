"""Learning rates that fall at certain steps and stay as they are in between."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.comparison import greater_equal
from chainrule.functions.creation import full_like
from chainrule.functions.elementary import pow
from chainrule.functions.elementwise import floor, multiply, where
from chainrule.schedule.schedule import Schedule, require_order, require_positive, several, time
from chainrule.tensors import Tensor

__all__ = ["milestones", "step"]


@final
@dataclass(frozen=True)
class step(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that is multiplied by a factor after every so many steps.

    η(t) = rate · factor^⌊t / every⌋

    Raises:  ArgumentError: a setting is not greater than 0.

    >>> schedule = step(0.1, every=30)
    >>> [f"{schedule(t).item():.3f}" for t in (0, 29, 30, 60)]
    ['0.100', '0.100', '0.010', '0.001']
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, every=self.every, factor=self.factor)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        falls = floor(time(self, step) / self.every)
        return multiply(float(self.rate), pow(float(self.factor), falls))


@final
@dataclass(frozen=True)
class milestones(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that is multiplied by a factor at each of the steps given.

    η(t) = rate · factor^(how many of the steps are at most t)

    Raises:  ArgumentError: the rate or the factor is not greater than 0, or the steps do not grow.
    Source:  he2016deep, sec. 4.2

    >>> schedule = milestones(0.1, (50, 75))
    >>> [f"{schedule(t).item():.3f}" for t in (0, 49, 50, 75)]
    ['0.100', '0.100', '0.010', '0.001']
    """

    rate: float
    steps: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", several(self, "steps", self.steps))
        require_positive(self, rate=self.rate, factor=self.factor)
        require_order(self, "steps", self.steps)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        t = time(self, step)
        rate = full_like(t, float(self.rate))
        for number, reached in enumerate(self.steps, 1):
            rate = where(greater_equal(t, float(reached)), self.rate * self.factor**number, rate)
        return rate
