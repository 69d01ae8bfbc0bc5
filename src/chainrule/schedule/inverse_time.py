"""The learning rate that falls as 1/t."""

from dataclasses import dataclass
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import divide
from chainrule.schedule.schedule import Schedule, require_positive, time
from chainrule.tensors import Tensor

__all__ = ["inverse_time"]


@final
@dataclass(frozen=True)
class inverse_time(Schedule):  # noqa: N801 (it is called as a function is)
    """A learning rate that falls as 1/t; after 1/decay steps it is half of what it was.

    η(t) = rate / (1 + decay · t)

    It satisfies the conditions of Robbins and Monro, Σ η(t) = ∞ and Σ η(t)² < ∞: the steps reach
    any distance, and the noise of the mini-batches averages out. So stochastic gradient descent
    converges to the minimum of a strongly convex loss.

    Raises:  ArgumentError: the rate is not greater than 0, or the decay is negative.
    Source:  robbins1951stochastic, eq. 6 and 27

    >>> inverse_time(0.5, decay=0.25)(4)
    Tensor(0.25)
    """

    rate: float
    decay: float

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate)
        if not self.decay >= 0:
            raise ArgumentError(f"inverse_time: decay={self.decay}, which must not be negative")

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        return divide(float(self.rate), time(self, step) * float(self.decay) + 1.0)
