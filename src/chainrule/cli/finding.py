"""``find-rate``: rising learning rates, one step each, and the loss that they lead to."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from chainrule.cli.closed_form import is_closed
from chainrule.cli.optimization import make_optimizer
from chainrule.cli.parts import make_task
from chainrule.cli.session import made
from chainrule.train.finder import HIGH, LOW, STEPS, RateCurve, rate_curve, rising_rates

__all__ = ["plot", "tell"]

_WIDTH, _HEIGHT = 60, 12  # of the plot, in characters


def tell(given: Mapping[str, Any], count: int | None, as_json: bool) -> str:
    """Try rates, and write what came out: a plot and a suggestion.

    Raises:  UsageError: settings that cannot be meant. DataError: broken files.
             NonFiniteError: one of the first steps is not finite.
    """
    curve = _tried(given, count or STEPS)
    rate = curve.suggestion
    if as_json:
        pairs = zip(curve.rates.tolist(), curve.losses.tolist(), strict=True)
        rows = [{"rate": tried, "loss": loss} for tried, loss in pairs]
        return json.dumps({"suggestion": rate, "trials": rows}, indent=2)
    if rate is None:
        return f"{plot(curve)}\n\nthe loss did not fall at any rate: no suggestion"
    return f"{plot(curve, rate)}\n\nsuggestion: --lr {rate:.2g}"


def _tried(given: Mapping[str, Any], count: int) -> RateCurve:
    config, parts, model = made(given)
    if is_closed(config.model):
        raise click.UsageError(f"--model: {config.model} is found at once and has no learning rate")
    rising = rising_rates(LOW, HIGH, count)
    config = replace(config, epochs=1, steps_per_epoch=count, schedule="constant", warmup=0)
    config = replace(config, accumulate=1, average=None)
    task = replace(
        make_task(config, parts), optimizer=make_optimizer(config, rising), validation=None
    )
    return rate_curve(task, model, rising)


def plot(curve: RateCurve, marked: float | None = None) -> str:
    """Draw the smoothed loss over the rate, in characters."""
    values = curve.smoothed.tolist()
    low, high = min(values), min(max(values), 2 * values[0] if values[0] > 0 else max(values))
    span = (high - low) or 1.0
    first, last = (math.log10(curve.rates[k]) for k in (0, -1))
    cells = [[" "] * _WIDTH for _ in range(_HEIGHT)]
    for rate, value in zip(curve.rates, values, strict=True):
        row = round((high - min(value, high)) / span * (_HEIGHT - 1))
        cells[row][_column(rate, first, last)] = "•"
    lines = [f"{_label(high, low, row):>9} │{''.join(line)}" for row, line in enumerate(cells)]
    lines.append(f"{'':>9} └{'─' * _WIDTH}")
    lines.append(f"{'':>11}{f'{curve.rates[0]:.0e}':<{_WIDTH - 6}}{f'{curve.rates[-1]:.0e}':>6}")
    if marked is not None:
        lines.insert(-1, f"{'':>11}{' ' * _column(marked, first, last)}↑")
    return "\n".join(line.rstrip() for line in lines)


def _column(rate: float, first: float, last: float) -> int:
    return round((math.log10(rate) - first) / ((last - first) or 1.0) * (_WIDTH - 1))


def _label(high: float, low: float, row: int) -> str:
    if row not in (0, _HEIGHT - 1):
        return "loss" if row == _HEIGHT // 2 else ""
    return f"{high if row == 0 else low:.4g}"
