"""The learning rate that falls along half a cosine."""

from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import clip, where
from chainrule.schedule.schedule import Schedule, half_cosine, require_positive, require_share, time
from chainrule.tensors import Tensor

__all__ = ["cosine"]


@final
@dataclass(frozen=True)
class cosine(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that falls along half a cosine, perhaps after a linear warm-up.

    η(t) = rate · (t + 1) / (warmup + 1)                                  for t < warmup
    η(t) = floor + ½ (rate − floor) (1 + cos π (t − warmup)/(steps − warmup))   up to steps
    η(t) = floor                                                          after that

    Raises:  ArgumentError: the rate or the steps are not greater than 0, the floor is not between
             0 and the rate, or the warm-up is not shorter than the steps.
    Source:  loshchilov2017sgdr, eq. 5

    >>> schedule = cosine(0.1, steps=100)
    >>> [f"{schedule(t).item():.3f}" for t in (0, 50, 100, 200)]
    ['0.100', '0.050', '0.000', '0.000']
    """

    rate: float
    steps: int
    warmup: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, steps=self.steps)
        require_share(self, "floor", self.floor, 0.0, self.rate)
        if not 0 <= self.warmup < self.steps:
            raise ArgumentError(
                f"cosine: warmup={self.warmup} and steps={self.steps}; the warm-up must be shorter "
                "than all steps"
            )

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        t = time(self, step)
        share = clip((t - self.warmup) / (self.steps - self.warmup), 0.0, 1.0)
        falling = half_cosine(self.rate, self.floor, share)
        if not self.warmup:
            return falling
        return where(t < self.warmup, self.rate * (t + 1.0) / (self.warmup + 1.0), falling)
