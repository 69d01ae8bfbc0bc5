"""The learning rate that falls along half a cosine again and again."""

from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.comparison import greater_equal
from chainrule.functions.elementwise import remainder, where
from chainrule.functions.manipulation import expand_dims
from chainrule.functions.reduction import max
from chainrule.schedule.schedule import Schedule, half_cosine, require_positive, require_share, time
from chainrule.tensors import Tensor, tensor

__all__ = ["cosine_restarts"]

_FARTHEST = 2**53  # beyond it, float64 does not hold every step


@final
@dataclass(frozen=True)
class cosine_restarts(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that falls along half a cosine, jumps back up, and falls again.

    η(t) = floor + ½ (rate − floor) (1 + cos π (t − Rᵢ)/Tᵢ)     for Rᵢ ≤ t < Rᵢ + Tᵢ = Rᵢ₊₁
    T₀ = period,   Tᵢ₊₁ = growth · Tᵢ,   R₀ = 0

    Raises:  ArgumentError: the rate or the period is not greater than 0, the growth is no integer
             from 1 up, or the floor is not between 0 and the rate.
    Source:  loshchilov2017sgdr, eq. 5

    >>> schedule = cosine_restarts(0.1, period=10, growth=2)
    >>> [f"{schedule(t).item():.3f}" for t in (0, 5, 10, 20, 30)]
    ['0.100', '0.050', '0.100', '0.050', '0.100']
    """

    rate: float
    period: int
    growth: int = 1
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate, period=self.period)
        require_share(self, "floor", self.floor, 0.0, self.rate)
        if self.growth < 1 or int(self.growth) != self.growth:
            raise ArgumentError(
                f"cosine_restarts: growth={self.growth}, which must be an integer from 1 up"
            )

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        return half_cosine(self.rate, self.floor, self._share(time(self, step)))

    def _share(self, t: Tensor) -> Tensor:
        """The share of its period that has passed; no logarithm, which rounds at the restarts."""
        if self.growth == 1:
            return remainder(t, float(self.period)) / self.period
        restarts, periods = [0], [self.period]
        while restarts[-1] < _FARTHEST:
            restarts.append(restarts[-1] + periods[-1])
            periods.append(periods[-1] * self.growth)
        starts, lengths = (tensor(steps, dtype=t.dtype) for steps in (restarts, periods))
        reached = greater_equal(expand_dims(t, -1), starts)
        last = max(where(reached, starts, 0.0), axis=-1)
        return (t - last) / max(where(reached, lengths, self.period * 1.0), axis=-1)
