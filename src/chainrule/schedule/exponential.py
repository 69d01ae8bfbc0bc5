"""The learning rate that falls by the same factor at every step."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.elementary import pow
from chainrule.functions.elementwise import multiply
from chainrule.schedule.schedule import Schedule, require_positive, time
from chainrule.tensors import Tensor

__all__ = ["exponential"]


@final
@dataclass(frozen=True)
class exponential(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that falls exponentially: by a factor in so many steps.

    η(t) = rate · factor^(t / steps)

    Raises:  ArgumentError: a setting is not greater than 0.

    >>> schedule = exponential(0.1, factor=0.5, steps=10)
    >>> [f"{schedule(t).item():.3f}" for t in (0, 10, 20)]
    ['0.100', '0.050', '0.025']
    """

    rate: float
    factor: float
    steps: int = 1

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, factor=self.factor, steps=self.steps)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        share = time(self, step) / self.steps
        return multiply(float(self.rate), pow(float(self.factor), share))
