"""The constant learning rate."""

from dataclasses import dataclass
from typing import final

from chainrule.functions.creation import full_like
from chainrule.schedule.schedule import Schedule, require_positive, time
from chainrule.tensors import Tensor

__all__ = ["constant"]


@final
@dataclass(frozen=True)
class constant(Schedule):  # noqa: N801 (it is called as a function is)
    """The same learning rate at every step.

    η(t) = rate

    Raises:  ArgumentError: the rate is not greater than 0.

    >>> constant(0.1)(7)
    Tensor(0.1)
    """

    rate: float

    def __post_init__(self) -> None:
        require_positive(self, rate=self.rate)

    def __call__(self, step: Tensor | int, /) -> Tensor:
        """Give the learning rate of a step."""
        return full_like(time(self, step), float(self.rate))
