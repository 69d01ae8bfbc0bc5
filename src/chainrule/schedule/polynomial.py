"""The learning rate that falls as a power of the steps that are left."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.elementary import pow
from chainrule.functions.elementwise import clip
from chainrule.schedule.schedule import Schedule, require_positive, require_share, time
from chainrule.tensors import Tensor

__all__ = ["polynomial"]


@final
@dataclass(frozen=True)
class polynomial(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that falls as a power of the share of steps left: by default, a line.

    η(t) = floor + (rate − floor) · (1 − min(t, steps)/steps)^power

    Raises:  ArgumentError: the rate, the steps or the power is not greater than 0, or the floor
             is not between 0 and the rate.

    >>> schedule = polynomial(0.1, steps=100)
    >>> [f"{schedule(t).item():.3f}" for t in (0, 50, 100, 200)]
    ['0.100', '0.050', '0.000', '0.000']
    """

    rate: float
    steps: int
    power: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, steps=self.steps, power=self.power)
        require_share(self, "floor", self.floor, 0.0, self.rate)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        left = 1.0 - clip(time(self, step) / self.steps, 0.0, 1.0)
        share = left if self.power == 1 else pow(left, float(self.power))
        return self.floor + (self.rate - self.floor) * share
