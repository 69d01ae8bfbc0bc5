"""The learning-rate range test: how the loss changes as the learning rate rises."""

import math
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError, NonFiniteError
from chainrule.loss import cross_entropy
from chainrule.optim import Adam
from chainrule.schedule import Schedule, exponential
from chainrule.train import loop
from chainrule.train.evaluation import Loss
from chainrule.train.fit import as_dataset
from chainrule.train.progress import restorer
from chainrule.train.task import Task, begin
from chainrule.wording import plural

__all__ = ["HIGH", "LOW", "STEPS", "RateCurve", "find_learning_rate", "rate_curve", "rising_rates"]

_Floats = npt.NDArray[np.float64]
LOW, HIGH = 1e-6, 10.0  # rates to try
STEPS = 100
SMOOTHING = 0.9
_DIVERGED = 4.0  # times the lowest loss: the test ends there
_HEAD = 5  # steps before which neither the average nor the loss means much
_FEWEST = 3  # steps that make a curve


@final
@dataclass(frozen=True, eq=False)
class RateCurve:
    """The losses of steps with rising learning rates: arrays to draw over a logarithmic axis.

    rates, losses  of each step
    smoothed       the losses' exponential moving average, without bias at its beginning
    """

    rates: _Floats
    losses: _Floats
    smoothed: _Floats

    @property
    def lowest(self) -> float:
        """The rate with the lowest smoothed loss: training is about to diverge there."""
        return float(self.rates[self._lowest()])

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest by the logarithm of the rate."""
        end = self._lowest() + 1
        if end < _FEWEST:
            return self.lowest
        slopes = np.gradient(self.smoothed[:end], np.log(self.rates[:end]))
        first = min(_HEAD, end - 2)
        return float(self.rates[first + np.argmin(slopes[first:])])

    @property
    def suggestion(self) -> float | None:
        """A rate to train with: where the loss falls fastest, but a tenth of the lowest at most.

        None if the smoothed loss falls at no rate.
        """
        if self._lowest() == self._first():
            return None
        return min(self.steepest, self.lowest / 10)

    def _first(self) -> int:
        return min(_HEAD, len(self.smoothed) - 1)

    def _lowest(self) -> int:
        first = self._first()
        return first + int(np.argmin(self.smoothed[first:]))

    def __repr__(self) -> str:
        rate = self.suggestion
        return (
            f"RateCurve({plural(len(self.rates), 'step')} from {self.rates[0]:.3g} to "
            f"{self.rates[-1]:.3g}: "
            f"{'no suggestion' if rate is None else f'suggestion {rate:.2g}'})"
        )


def find_learning_rate(
    model: Any,
    data: Any,
    *,
    loss: Loss = cross_entropy,
    optimizer: Callable[[Schedule], Any] = Adam,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    batch: int = 128,
    seed: int = 0,
    smoothing: float = SMOOTHING,
) -> RateCurve:
    """Train for some steps with a learning rate that rises from one to the next; give the losses.

    ηₜ = low · (high/low)^(t/(T − 1))   for t = 0 … T − 1

    The model is not changed, nor are its State cells. The test ends when the smoothed loss is four
    times its lowest value, or a step is not finite.

    optimizer  makes an optimizer of a schedule: a class such as ``cr.optim.Adam``, or
               ``lambda rate: cr.optim.SGD(rate, momentum=0.9)``
    smoothing  the weight of the past in the moving average of the loss

    Raises:  ArgumentError: a setting that cannot be meant, or already the first step diverges.
    Source:  smith2017cyclical, sec. 3.3

    >>> with cr.nn.seed(0):
    ...     model = cr.nn.mlp((64, 32, 10))
    >>> curve = find_learning_rate(model, cr.data.digits()[0])
    >>> 1e-4 < curve.suggestion < 0.1
    True
    """
    if not 0 < low < high < float("inf"):
        raise ArgumentError(f"find_learning_rate: low={low} and high={high}; 0 < low < high")
    if steps < 10:
        raise ArgumentError(f"find_learning_rate: steps={steps}; at least 10")
    if not 0 <= smoothing < 1:
        raise ArgumentError(f"find_learning_rate: smoothing={smoothing}; from 0 to below 1")
    rising = rising_rates(low, high, steps)
    task = Task(
        as_dataset(data, "data"), loss, optimizer(rising), 1, batch, seed, steps_per_epoch=steps
    )
    try:
        return rate_curve(task, model, rising, smoothing)
    except NonFiniteError as error:
        raise ArgumentError(
            f"find_learning_rate: the first steps diverge already, from the rate {low:g} on\n\n"
            "  Begin lower: low=1e-10, say."
        ) from error


def rising_rates(low: float, high: float, steps: int) -> exponential:
    """Give the schedule of the test: from low to high, each step by the same factor.

    >>> [f"{rising_rates(0.01, 1.0, 3)(t).item():.2f}" for t in range(3)]
    ['0.01', '0.10', '1.00']
    """
    return exponential(low, high / low, steps - 1)


def rate_curve(
    task: Task, model: Any, rising: exponential, smoothing: float = SMOOTHING
) -> RateCurve:
    """Take the steps of a task whose optimizer has rising rates, until the loss explodes.

    The model is not changed, nor are its State cells.

    Raises:  NonFiniteError: one of the first steps is not finite, so there is no curve.
    """
    put_back = restorer(model)
    try:
        losses, smoothed = _losses(task, model, smoothing)
    finally:
        put_back()
    rates = rising.rate * rising.factor ** (np.arange(len(losses)) / rising.steps)
    return RateCurve(rates, np.array(losses), np.array(smoothed))


def _losses(task: Task, model: Any, smoothing: float) -> tuple[list[float], list[float]]:
    """The losses as they come, and as a moving average without bias at its beginning."""
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    with closing(_finite_losses(task, model)) as found:
        for loss in found:
            losses.append(loss)
            average = smoothing * average + (1 - smoothing) * loss
            smoothed.append(average / (1 - smoothing ** len(losses)))
            if smoothed[-1] > _DIVERGED * min(smoothed[_HEAD:], default=math.inf):
                break
    return losses, smoothed


def _finite_losses(task: Task, model: Any) -> Generator[float, None, None]:
    """The loss of each step up to the first that is not finite, which is none of the first few."""
    count = 0
    with closing(loop.steps(task, begin(task, model))) as going:
        try:
            for progress in going:
                assert progress.loss is not None
                count += 1
                yield progress.loss
        except NonFiniteError:
            if count < _FEWEST:
                raise
