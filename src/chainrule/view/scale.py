"""Axes: where a value lies between two ends, and which round values to mark.

>>> linear([0.13, 0.92]).ticks
(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
>>> logarithmic([0.002, 30.0]).labels
('0.01', '0.1', '1', '10')
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chainrule.algebra.signs import raised
from chainrule.view.figures import number

LARGEST = 1e300  # beyond it the length of an axis overflows
SMALLEST = 1e-280  # below it the steps of an axis underflow


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, both drawable, with marked values and their labels."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    is_logarithmic: bool = False

    def fraction(self, value: float) -> float:
        """Say how far a value lies along the axis, from 0 to 1.

        >>> linear([0.0, 10.0]).fraction(5.0)
        0.5
        """
        if self.is_logarithmic:
            # Differences of logarithms: the ratio of the ends may overflow.
            low, high = math.log(self.low), math.log(self.high)
            return (math.log(value) - low) / (high - low)
        return (value - self.low) / (self.high - self.low)

    def bare(self) -> "Scale":
        """Give the same axis without labels.

        >>> linear([0.0, 1.0], wanted=1).bare().labels
        ('', '')
        """
        return replace(self, labels=("",) * len(self.labels))


def is_drawable(value: float) -> bool:
    """A value has a place on an axis: it is finite, and not near the largest float."""
    return abs(value) <= LARGEST


def linear(values: Sequence[float], percentages: bool = False, wanted: int = 4) -> Scale:
    """Make an axis from the round number below the values to the one above.

    Source:  heckbert1990nice

    >>> linear([0.5, 0.5], percentages=True).labels
    ('45.0%', '47.5%', '50.0%', '52.5%', '55.0%')
    """
    low, high = min(values), max(values)
    if high - low <= max(1e-12 * max(abs(low), abs(high)), SMALLEST):
        margin = abs(low) / 10 if abs(low) > SMALLEST else 1.0
        low, high = low - margin, high + margin
    step = _round_step((high - low) / wanted)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))
    label = _percent_label(step) if percentages else _number_label(step, ticks)
    return Scale(ticks[0], ticks[-1], ticks, tuple(label(tick) for tick in ticks))


def logarithmic(values: Sequence[float]) -> Scale:
    """Make an axis of decades for positive values.

    >>> logarithmic([1e-12, 1e3]).labels
    ('10⁻¹²', '10⁻⁸', '10⁻⁴', '1')
    """
    low, high = math.log10(min(values)), math.log10(max(values))
    exponents = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    shown = exponents[:: math.ceil(len(exponents) / 5)]
    margin = (high - low) / 25
    return Scale(
        10 ** max(low - margin, -307.0),
        10 ** min(high + margin, 308.0),
        tuple(10.0**exponent for exponent in shown),
        tuple(_decade(exponent) for exponent in shown),
        is_logarithmic=True,
    )


def fitting(values: Sequence[float]) -> Scale:
    """Choose the axis: logarithmic when positive values span more than two decades.

    >>> fitting([1e-4, 3.0]).is_logarithmic, fitting([0.1, 3.0]).is_logarithmic
    (True, False)
    """
    smallest, largest = min(values), max(values)
    if smallest > SMALLEST and largest / 100 > smallest:
        return logarithmic(values)
    return linear(values)


def whole_numbers(values: Sequence[float]) -> Scale:
    """Make a tight axis that marks whole numbers, for epochs.

    >>> whole_numbers([1, 2, 3]).ticks, whole_numbers([7.0]).ticks
    ((1.0, 2.0, 3.0), (7.0,))
    """
    low, high = min(values), max(values)
    if low == high:
        return Scale(low - 1, high + 1, (low,), (number(low),))
    step = float(max(1, math.ceil(_round_step((high - low) / 6))))
    first, last = math.ceil(low / step), math.floor(high / step)
    ticks = {index * step for index in range(first, last + 1)}
    # The first epoch is worth a label when the round ones leave room for it.
    ticks |= {low} if all(tick - low > 0.6 * step for tick in ticks) else set()
    shown = tuple(sorted(ticks))
    return Scale(low, high, shown, tuple(f"{tick:,.6g}" for tick in shown))


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    multiples = (1, 2, 2.5, 5, 10)
    return next(m * magnitude for m in multiples if m * magnitude >= 0.85 * rough)


def _percent_label(step: float) -> Callable[[float], str]:
    decimals = _decimals(step * 100)
    return lambda tick: f"{tick * 100:.{decimals}f}%"


def _number_label(step: float, ticks: Sequence[float]) -> Callable[[float], str]:
    largest = max(abs(tick) for tick in ticks)
    for least, unit, name in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if least <= largest < 1e13:
            decimals = _decimals(step / unit)
            return lambda tick: f"{tick / unit:.{decimals}f}{name}" if tick else "0"
    if largest >= 1e13 or largest < 1e-3:
        digits = 1 + _decimals(step / 10.0 ** math.floor(math.log10(largest)))
        return lambda tick: f"{tick:.{digits}g}".replace("e-0", "e-")
    decimals = _decimals(step)
    return lambda tick: f"{tick:,.{decimals}f}"


def _decimals(step: float) -> int:
    """Count the decimals that tell multiples of a step apart."""
    digits = (step * 10.0**decimals for decimals in range(12))
    return next((d for d, x in enumerate(digits) if abs(x - round(x)) < 1e-6 * x), 12)


def _decade(exponent: int) -> str:
    if -3 <= exponent <= 3:
        return f"{10.0**exponent:,.{max(0, -exponent)}f}"
    return "10" + raised(str(exponent))
