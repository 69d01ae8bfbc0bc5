"""Densities of many numbers, in blocks that stay in a processor's cache.

A density is some ten operations, each of which reads and writes all numbers. Where nothing is
recorded, they run on one block after another; of numbers the results are the same bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from chainrule import tree
from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.manipulation import reshape
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []

_BLOCK: Final = 2**15  # numbers

Owner = TypeVar("Owner")
Density = Callable[[Owner, Operand], Tensor]


def in_blocks(log_density: Density[Owner]) -> Density[Owner]:
    """Let a distribution in one place compute many densities block by block."""

    @functools.wraps(log_density)
    def method(self: Owner, x: Operand) -> Tensor:
        owner: Any = self
        if getattr(x, "size", 0) < 2 * _BLOCK or owner.shape or not _is_plain(owner, x):
            return log_density(self, x)
        given = as_tensor(x, f"{type(self).__name__}.log_density")
        event = given.shape[given.ndim - owner.event_axes :]
        if event != owner.mean().shape:  # it says what is wrong, or broadcasts
            return log_density(self, x)
        draws = reshape(given, (-1, *event))
        step = max(1, _BLOCK // max(1, math.prod(event)))
        first = log_density(self, draws[:step])
        out = np.empty(draws.shape[0], first.dtype.numpy)
        out[:step] = first.numpy()
        for k in range(step, len(out), step):
            out[k : k + step] = log_density(self, draws[k : k + step]).numpy()
        return of_value(out.reshape(given.shape[: given.ndim - len(event)]))

    return method


def _is_plain(owner: Any, x: Operand) -> bool:
    """Whether neither the numbers nor a parameter is being recorded."""
    values = [*tree.flatten(owner)[0], x]
    return not any(isinstance(v, Tensor) and v._recording is not None for v in values)


def surely_none(condition: Tensor) -> bool:
    """Whether it is known that a condition holds nowhere, which spares its case."""
    value = condition._value
    return value is not None and condition._recording is None and not value.any()
