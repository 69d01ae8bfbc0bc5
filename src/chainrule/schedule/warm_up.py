"""The learning rate that rises along a line and then stays."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.elementwise import clip, multiply
from chainrule.schedule.schedule import Schedule, require_positive, require_share, time
from chainrule.tensors import Tensor

__all__ = ["warm_up"]


@final
@dataclass(frozen=True)
class warm_up(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that rises along a line for so many steps, and then stays.

    η(t) = rate · (start + (1 − start) · min(t, steps)/steps)

    Without ``start`` the line begins one step below its first point, as in ``cosine``: start is
    1/(steps + 1), so that η(t) = rate · (t + 1)/(steps + 1). To warm up another schedule, multiply
    it with a warm-up to 1, or let it follow one in a chain.

    Raises:  ArgumentError: the rate or the steps are not greater than 0, or start is no share.
    Source:  goyal2017accurate, sec. 2.2

    >>> schedule = cr.schedule.product((warm_up(1.0, steps=3), cr.schedule.constant(0.4)))
    >>> [f"{schedule(t).item():.1f}" for t in (0, 1, 2, 3, 4)]
    ['0.1', '0.2', '0.3', '0.4', '0.4']
    """

    rate: float
    steps: int
    start: float | None = None

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, steps=self.steps)
        if self.start is not None:
            require_share(self, "start", self.start, 0.0, 1.0)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        first = 1.0 / (self.steps + 1) if self.start is None else float(self.start)
        share = clip(time(self, step) / self.steps, 0.0, 1.0)
        return multiply(float(self.rate), first + (1.0 - first) * share)
