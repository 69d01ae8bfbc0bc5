"""Which figure says how good a training is, and what is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, final

from chainrule.errors import ArgumentError

__all__ = ["Monitor"]

_FALLING = ("loss", "error", "perplexity")


@final
@dataclass(frozen=True)
class Monitor:
    """A figure of the records, and whether a larger one is better.

    name     of the figure; None: validation_loss, or loss where nothing is held out
    largest  whether more is better; None: unless the name ends with loss, error or perplexity

    >>> monitor = Monitor("validation_accuracy")
    >>> monitor.of({"epoch": 1, "validation_accuracy": 0.75}), monitor.is_better(0.75, than=0.5)
    (0.75, True)
    """

    name: str | None = None
    largest: bool | None = None

    def named(self, record: Mapping[str, Any]) -> str:
        """The name of the figure, as far as a record has to decide it."""
        if self.name is not None:
            return self.name
        return "validation_loss" if "validation_loss" in record else "loss"

    def of(self, record: Mapping[str, Any]) -> float:
        """The figure of a record; NaN if it was not finite.

        Raises:  ArgumentError: the records have no such figure; those that they have are listed.
        """
        name = self.named(record)
        figure = record.get(name)
        if figure is None and name in record:  # as JSON has it
            return float("nan")
        if not isinstance(figure, int | float):
            known = ", ".join(key for key, value in record.items() if isinstance(value, float))
            raise ArgumentError(
                f"fit: the records of this training have no figure {name!r}\n\n"
                f"    there are  {known}"
            )
        return float(figure)

    def is_better(self, figure: float, than: float | None, by: float = 0.0) -> bool:
        """Whether a figure is finite and better than another one by more than ``by``; NaN never is.

        >>> Monitor("loss").is_better(0.5, than=None), Monitor("loss").is_better(0.5, 0.6, by=0.2)
        (True, False)
        """
        if not isfinite(figure):
            return False
        if than is None:
            return True
        return figure > than + by if self._rises() else figure < than - by

    def _rises(self) -> bool:
        if self.largest is not None:
            return self.largest
        return not (self.name or "loss").endswith(_FALLING)
