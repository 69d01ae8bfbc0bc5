"""Dropout."""

from __future__ import annotations

from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions import random
from chainrule.functions.lift import Operand, as_tensor
from chainrule.nn.keys import key_for
from chainrule.nn.modes import is_evaluation
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.transform.state import State

__all__ = ["Dropout"]


@final
class Dropout(Module):
    """Drop each number with probability ``rate`` while training, and scale up the others.

    y = m ⊙ x / (1 − rate),   m independent, 0 with probability rate, else 1

    The mean stays, so that evaluation (``with nn.evaluation():``) is the identity. The key lies in
    a State cell, ``state``: each call takes a part of it, and a failed step gives it back.

    Raises:  ArgumentError: the rate is not in [0, 1), or there is no key.
    Source:  srivastava2014dropout, sec. 4 and 10

    >>> dropout = Dropout(0.5, key=cr.random.key(1))
    >>> dropout(cr.ones(8))
    Tensor([2., 2., 2., 0., 2., 2., 2., 2.])
    """

    rate: float
    state: State

    def __init__(self, rate: float, *, key: Tensor | None = None) -> None:
        if not 0 <= rate < 1:
            raise ArgumentError(f"Dropout: rate={rate}, which must be at least 0 and less than 1")
        self.rate = float(rate)
        self.state = State(key_for("Dropout", key), across="first")

    def __call__(self, x: Operand, /) -> Tensor:
        """Drop numbers, unless the model is evaluated."""
        given = as_tensor(x, "Dropout")
        if is_evaluation() or not self.rate:
            return given
        keys = random.split(self.state.value)
        self.state.value = keys[0]
        return random.dropout(given, self.rate, keys[1])

    def describe(self) -> str:
        """Give the kind of this layer with its rate."""
        return f"Dropout({self.rate:g})"
