"""The learning rate that rises once and falls once."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.elementwise import clip, where
from chainrule.schedule.schedule import Schedule, half_cosine, require_positive, require_share, time
from chainrule.tensors import Tensor

__all__ = ["one_cycle"]


@final
@dataclass(frozen=True)
class one_cycle(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that rises to a large value and then falls to nearly nothing.

    half(a, b, s) = b + ½ (a − b) (1 + cos π s),   T = steps − 1,   R = warmup · steps − 1
    η(t) = half(rate / divisor, rate, t / R)                                     for t ≤ R
    η(t) = half(rate, rate / (divisor · final_divisor), (t − R) / (T − R))       for R < t ≤ T

    After the last step it stays where it is. The paper's two lines are half cosines here, as in
    fast.ai and PyTorch; momentum does not cycle.

    Raises:  ArgumentError: a setting is not greater than 0, or the warm-up is no share.
    Source:  smith2019super, sec. 3

    >>> schedule = one_cycle(0.1, steps=100)
    >>> [f"{schedule(t).item():.6f}" for t in (0, 29, 99)]
    ['0.004000', '0.100000', '0.000000']
    """

    rate: float
    steps: int
    warmup: float = 0.3
    divisor: float = 25.0
    final_divisor: float = 1e4

    def __post_init__(self) -> None:
        require_positive(
            self, rate=self.rate, steps=self.steps, divisor=self.divisor,
            final_divisor=self.final_divisor,
        )  # fmt: skip
        require_share(self, "warmup", self.warmup, 0.0, 1.0)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        t = time(self, step)
        last, peak = self.steps - 1.0, max(self.warmup * self.steps - 1.0, 0.0)
        start = self.rate / self.divisor
        rising = half_cosine(start, self.rate, clip(t / (peak or 1.0), 0.0, 1.0))
        share = clip((t - peak) / ((last - peak) or 1.0), 0.0, 1.0)
        falling = half_cosine(self.rate, start / self.final_divisor, share)
        return where(t < peak, rising, falling)
