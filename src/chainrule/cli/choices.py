"""Checks of option values. A misspelt value is told which one is the nearest."""

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import click

from chainrule.cli.config import MODEL

__all__ = ["count", "model_name", "number", "one_of", "place"]

Check = Callable[[click.Context, click.Parameter, Any], Any]


def one_of(names: Sequence[str]) -> Check:
    """Make a check that takes one of some names."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> str | None:
        if value is None or value in names:
            return None if value is None else str(value)
        near = get_close_matches(value.lower(), names, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
        raise click.BadParameter(f"there is no {value!r}\n\n  {remedy}", context, parameter)

    return check


def model_name(context: click.Context, parameter: click.Parameter, value: Any) -> str | None:
    """Take ``linear``, or ``mlp:`` with the sizes of the hidden layers."""
    if value is None or MODEL.fullmatch(value):
        return None if value is None else str(value)
    near = get_close_matches(value.partition(":")[0].lower(), ("linear", "mlp"), n=1)
    remedy = (
        f"Did you mean {'linear' if near[0] == 'linear' else 'mlp:512,512'}?"
        if near
        else "There are: linear, and mlp with the sizes of its hidden layers, mlp:512,512."
    )
    raise click.BadParameter(f"there is no model {value!r}\n\n  {remedy}", context, parameter)


def number(low: float = 0.0, high: float = float("inf"), above: bool = False) -> Check:
    """Make a check that takes a number from ``low``, or above it, to less than ``high``."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> float | None:
        if value is None:
            return None
        try:
            found = float(value)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not a number", context, parameter) from None
        if not math.isfinite(found):
            raise click.BadParameter(f"{value} is not a finite number", context, parameter)
        if (low < found if above else low <= found) and found < high:
            return found
        range_ = f"greater than {low:g}" if above else f"{low:g} or more"
        if high < float("inf"):
            range_ += f" and less than {high:g}"
        raise click.BadParameter(f"{value} is not {range_}", context, parameter)

    return check


def count(low: int, high: int | None = None) -> Check:
    """Make a check that takes a whole number from ``low``, up to ``high`` if there is an end."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> int | None:
        if value is None:
            return None
        try:
            found = int(value)
        except ValueError:
            raise click.BadParameter(
                f"{value!r} is not a whole number", context, parameter
            ) from None
        if low <= found and (high is None or found <= high):
            return found
        range_ = f"{low} or more" if high is None else f"from {low} to {high}"
        raise click.BadParameter(f"{value} is not {range_}", context, parameter)

    return check


def place(context: click.Context, parameter: click.Parameter, value: Any) -> str | None:
    """Take a name or a path. An empty one is an unset shell variable, and never this folder."""
    if value == "":
        raise click.BadParameter("nothing is given", context, parameter)
    return None if value is None else str(value)
