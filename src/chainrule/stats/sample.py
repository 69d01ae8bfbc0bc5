"""What every statistic asks of a sample: its elements along some axes, their weights, and NaN."""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.comparison import equal, isnan
from chainrule.functions.creation import ones_like
from chainrule.functions.elementwise import where
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    broadcast,
    cast,
    describe,
    floating,
    known_array,
)
from chainrule.functions.manipulation import reshape
from chainrule.functions.reduction import some
from chainrule.ir.dtype import float64
from chainrule.tensors import Tensor

__all__: list[str] = []

NanPolicy = Literal["propagate", "omit", "raise"]


class Sample(NamedTuple):
    """Floating elements, the axes along which they are a sample, and their weights if they differ.

    Elements of weight 0 are finite, so that they cannot make a sum NaN. ``shared`` are the weights
    where there is one for each place along the only axis.
    """

    x: Tensor
    axes: tuple[int, ...]
    weights: Tensor | None
    shared: Tensor | None = None


def sample_of(name: str, x: Operand, axis: Axes, weights: Operand | None, nan: NanPolicy) -> Sample:
    """Check a sample and its weights; leave out what is NaN if that is the policy."""
    tensor = floating(as_tensor(x, name))
    axes = some(name, tensor, axes_of(name, axis, tensor))
    given = (None, None) if weights is None else _weights(name, weights, tensor, axes)
    if given[0] is not None:
        tensor = _counted(tensor, given[0])
    if nan == "propagate":
        return Sample(tensor, axes, *given)
    if nan == "raise":
        _refuse_nan(name, tensor)
        return Sample(tensor, axes, *given)
    if nan != "omit":
        raise ArgumentError(f"{name}: nan={nan!r} is none of 'propagate', 'omit' and 'raise'")
    if tensor._value is not None and not np.isnan(tensor._value).any():
        return Sample(tensor, axes, *given)
    missing, factors = isnan(tensor), given[0]
    factors = where(missing, 0.0, ones_like(tensor) if factors is None else factors)
    return Sample(where(missing, 0.0, tensor), axes, factors)


def over(total: Tensor, freedom: Tensor) -> Tensor:
    """total / freedom where there is some freedom, else NaN; derivatives see no division by 0."""
    enough = freedom > 0
    return where(enough, total / where(enough, freedom, 1.0), float("nan"))


def _counted(x: Tensor, weights: Tensor) -> Tensor:
    """The elements, with 0 in place of those known to count 0 times: 0 · ∞ is no number."""
    known = known_array(weights)
    return x if known is None or known.all() else where(weights > 0, x, 0.0)


def widened(sample: Sample) -> Sample:
    """The sample in float64, whose powers neither overflow nor vanish where those of float32 do."""
    x, axes, weights, shared = sample
    if x.dtype is float64:
        return sample
    return Sample(
        cast(x, float64),
        axes,
        None if weights is None else cast(weights, float64),
        None if shared is None else cast(shared, float64),
    )


MANY: Final = 4096
"""Products of float32 that are added one by one before a sum loses more than some last bits."""


def steady(sample: Sample) -> Sample:
    """The sample in float64 where products of many elements are added, else as it is.

    A million of them in float32, one by one, are off by some thousandths: far more than the
    deviation of numbers that lie together a long way from 0. Plain sums are taken in blocks.
    """
    shape = sample.x.shape
    few = math.prod([shape[a] for a in sample.axes]) <= MANY
    return sample if few else widened(sample)


ORDINARY: Final = 1e60
"""Fourth powers of numbers up to this one, and of its reciprocal, have all their digits."""


def unit_of(largest: Tensor) -> Tensor:
    """In what unit numbers up to this one have powers that neither overflow nor vanish."""
    ordinary = (largest > 1 / ORDINARY) & (largest < ORDINARY)
    return where(ordinary | equal(largest, 0.0), 1.0, largest)


def _refuse_nan(name: str, tensor: Tensor) -> None:
    if tensor._value is None or not (count := int(np.isnan(tensor._value).sum())):
        return
    first = np.unravel_index(int(np.isnan(tensor._value).argmax()), tensor.shape)
    raise ArgumentError(
        f"{name}: {count} of {tensor.size} elements are NaN, first that at "
        f"{[int(i) for i in first]}\n\n    x   {describe(tensor)}\n\n"
        '  nan="omit" leaves them out, nan="propagate" makes the result NaN.'
    )


def _weights(
    name: str, weights: Operand, x: Tensor, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """One weight for each element, and those for each place along the only axis if given so."""
    given = cast(as_tensor(weights, name), x.dtype)
    if given._value is not None and not bool(np.all(given._value >= 0)):
        raise ArgumentError(
            f"{name}: a weight is negative or NaN\n\n    weights   {describe(given)}\n\n"
            "  A weight says how often an element counts."
        )
    if given.shape == x.shape:
        return given, given if x.ndim == 1 else None
    if len(axes) == 1 and given.shape == (x.shape[axes[0]],):
        aligned = tuple(n if a == axes[0] else 1 for a, n in enumerate(x.shape))
        return broadcast(reshape(given, aligned), x.shape), given
    raise ShapeError(
        f"{name}: weights of shape {list(given.shape)} do not fit x along "
        f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}\n\n"
        f"    x         {describe(x)}\n    weights   {describe(given)}\n\n"
        "  There is a weight for each element, or one for each place along a single axis."
    )
