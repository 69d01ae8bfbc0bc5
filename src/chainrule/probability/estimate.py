"""Expectations by Monte Carlo, with their standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from chainrule.errors import ArgumentError
from chainrule.functions.comparison import isinf
from chainrule.functions.creation import zeros_like
from chainrule.functions.deviations import var
from chainrule.functions.elementwise import where
from chainrule.functions.lift import Operand
from chainrule.functions.random import key as make_key
from chainrule.functions.reduction import mean
from chainrule.probability.distribution import Distribution
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["SAMPLES", "Estimate", "exact", "expectation"]

SAMPLES: Final = 10_000


class Estimate(NamedTuple):
    """A number and how far off it may be: one standard error, 0 where it is exact."""

    value: Tensor
    standard_error: Tensor


def exact(value: Tensor) -> Estimate:
    """A number that is known in closed form."""
    return Estimate(value, zeros_like(value))


def expectation(
    p: Distribution,
    f: Callable[[Tensor], Tensor],
    *,
    key: Operand | None = None,
    samples: int = SAMPLES,
) -> Estimate:
    """Average a function over draws of a distribution.

    E f(x) ≈ m = (1/n) Σᵢ f(xᵢ),   standard error √(Var f / n)

    The key is that of seed 0 if none is given, so the same call gives the same number. Derivatives
    flow through the draws where those have them. Where m is infinite, so is the expectation, and
    the error counts as 0.

    Raises:  ArgumentError: there are fewer than two samples.

    >>> from chainrule.probability import Normal
    >>> m, error = expectation(Normal(1.0, 2.0), lambda x: x * x)
    >>> abs(m - 5) < 4 * error
    Tensor(True)
    """
    if samples < 2:
        count = plural(samples, "sample")
        raise ArgumentError(f"expectation: of {count} there is no standard error; of two there is")
    values = f(p.sample(make_key(0) if key is None else key, (samples,)))
    average = mean(values, axis=0)
    infinite = isinf(average)
    spread = var(where(infinite, 0.0, values), axis=0, correction=1)
    return Estimate(average, where(infinite, 0.0, spread / samples) ** 0.5)
