"""What a method that minimizes a function by itself gives, and what such methods share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

from chainrule import tree
from chainrule.errors import ArgumentError, NonFiniteError
from chainrule.functions.elementwise import add
from chainrule.functions.lift import as_tensor
from chainrule.functions.linear import vecdot
from chainrule.functions.manipulation import reshape
from chainrule.tensors import Tensor

__all__ = ["Minimum"]


@dataclass(frozen=True)
class Minimum:
    """Where a method ended.

    parameters     the tree of Tensors that it found
    value          the function there
    gradient_norm  the largest absolute element of the gradient there; nan where a method takes none
    steps          how many steps or generations were tried, those not taken included
    converged      whether the gradient is as small as was asked; of a search without gradients,
                   whether it reached the target or can get no better
    history        the function before each step and at the end; of a search, its best so far
    evaluations    how often the function was computed, with derivatives or without
    """

    parameters: Any
    value: float
    gradient_norm: float
    steps: int
    converged: bool
    history: tuple[float, ...]
    evaluations: int


def prepared(name: str, start: Any) -> Any:
    """The start as a tree of floating-point Tensors."""
    made = tree.map_(lambda leaf: as_tensor(leaf, name), start)
    if not tree.flatten(made)[0]:
        raise ArgumentError(f"{name}: the start has no parameters")
    return made


def finite(name: str, value: Tensor) -> float:
    """A value of the function at the start; raises NonFiniteError unless it is a finite number."""
    found = float(value)
    if not math.isfinite(found):
        raise NonFiniteError(f"{name}: the function is {found} at the start")
    return found


def moved(parameters: Any, direction: Any) -> Any:
    """The parameters after a step."""
    return combined(add, parameters, direction)


def combined(function: Callable[..., Tensor], *trees: Any) -> Any:
    """Apply a function to corresponding leaves."""
    columns = [tree.flatten(t)[0] for t in trees]
    made = [function(*row) for row in zip(*columns, strict=True)]
    return tree.unflatten(tree.flatten(trees[0])[1], made)


@final
class Counted:
    """A function that knows how often it was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *operands: Any) -> Any:
        """Call the function."""
        self.calls += 1
        return self.function(*operands)


def noise(value: float) -> float:
    """A decrease that rounding hides."""
    return 1e-12 * max(abs(value), 1e-300)


def require_not_negative(name: str, **settings: float) -> None:
    """Raise for a setting below 0, or that is not a number."""
    for setting, value in settings.items():
        if not value >= 0:
            raise ArgumentError(f"{name}: {setting}={value}, which must not be negative")


def require_count(name: str, least: int, **settings: object) -> None:
    """Raise for a setting that is no count from some number up."""
    for setting, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ArgumentError(f"{name}: {setting}={value}, which must be a count from {least}")


def inner(left: Any, right: Any) -> float:
    """The sum of products of corresponding elements."""
    total = 0.0
    for a, b in zip(tree.flatten(left)[0], tree.flatten(right)[0], strict=True):
        total += float(vecdot(reshape(a, (-1,)), reshape(b, (-1,))))
    return total


def largest(gradient: Any) -> float:
    """The largest absolute element."""
    found = [abs(leaf.numpy()).max(initial=0.0) for leaf in tree.flatten(gradient)[0]]
    return float(max(found))
