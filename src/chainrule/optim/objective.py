"""The function that a method minimizes, as one of a vector: counted, and watched in a race."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError, NonFiniteError, RecordingError, ShapeError
from chainrule.functions.lift import describe
from chainrule.optim.minimum import largest
from chainrule.optim.vector import Layout, Vector
from chainrule.tensors import Tensor, tensor
from chainrule.transform import jit, value_and_grad, vmap

__all__: list[str] = []

Loss = Callable[[Any], Any]


class Watcher(Protocol):
    """Who is told what a method does."""

    def evaluated(self, parameters: Any, value: float) -> None:
        """Hear of a computed value."""

    def moved(self, parameters: Any, value: float) -> None:
        """Hear of a point that the method went to."""


@final
class Watched:
    """A loss whose evaluations are told to a watcher.

    The methods of this package take the loss out, compile it, and tell of their evaluations
    themselves. Any other function may call it: then it tells, unless it is being compiled.
    """

    def __init__(self, loss: Loss, watcher: Watcher) -> None:
        self.loss, self.watcher = loss, watcher

    def __call__(self, parameters: Any) -> Any:
        """Compute the loss, and tell."""
        value = self.loss(parameters)
        try:
            number = float(value.detach() if isinstance(value, Tensor) else value)
        except RecordingError:  # inside jit or vmap there is no value yet
            return value
        self.watcher.evaluated(parameters, number)
        return value


@final
class Objective:
    """A loss of a tree of parameters, as a function of one vector.

    ``compiled`` records the loss once and runs the recording; without it the loss is called for
    each value, as one must be that branches on values.
    """

    def __init__(
        self, name: str, loss: Loss, start: Any, *, compiled: bool = False, batched: bool = False
    ) -> None:
        self.name, self.layout, self.evaluations = name, Layout(name, start), 0
        self.watcher = loss.watcher if isinstance(loss, Watched) else None
        plain = loss.loss if isinstance(loss, Watched) else loss
        self._value = plain
        self._slope = jit(value_and_grad(plain)) if compiled else value_and_grad(plain)
        self._batch = jit(vmap(plain)) if batched else None

    def value(self, vector: Vector) -> float:
        """The loss at a point."""
        parameters = self.layout.parameters(vector)
        return self._told(parameters, _number(self.name, self._value(parameters)))

    def values(self, vectors: npt.NDArray[np.float64]) -> Vector:
        """The losses at several points; what is not finite is as bad as can be."""
        if self._batch is None:
            found = np.array([self.value(vector) for vector in vectors])
        else:
            made = self._batch(self.layout.stacked(vectors))
            if made.shape != (len(vectors),):
                _number(self.name, tensor(made.numpy()[0]))
            found = np.asarray(made.numpy(), np.float64)
            for vector, value in zip(vectors, found.tolist(), strict=True):
                self._told(self.layout.parameters(vector) if self.watcher else None, value)
        return np.where(np.isfinite(found), found, np.inf)

    def slope(self, vector: Vector) -> tuple[float, Vector]:
        """The loss and its gradient at a point."""
        value, gradient = self.slope_at(self.layout.parameters(vector))
        return value, self.layout.vector(gradient)

    def slope_at(self, parameters: Any) -> tuple[float, Any]:
        """The loss at a tree of parameters, and its gradient as such a tree."""
        value, gradient = self._slope(parameters)
        return self._told(parameters, float(value)), gradient

    def started(self) -> tuple[float, Vector]:
        """The loss and its gradient at the start.

        Raises:  NonFiniteError: they are not finite.
        """
        start = self.layout.parameters(self.layout.start)
        value, gradient = self.started_from(start)
        return value, self.layout.vector(gradient)

    def started_from(self, start: Any) -> tuple[float, Any]:
        """The loss and its gradient at the start, as trees.

        Raises:  NonFiniteError: they are not finite.
        """
        value, gradient = self.slope_at(start)
        self._require_finite(value)
        if not math.isfinite(largest(gradient)):
            raise NonFiniteError(f"{self.name}: the gradient is not finite at the start")
        self.went_to(start, value)
        return value, gradient

    def started_at(self) -> float:
        """The loss at the start.

        Raises:  NonFiniteError: it is not finite.
        """
        value = self.value(self.layout.start)
        self._require_finite(value)
        self.went(self.layout.start, value)
        return value

    def _require_finite(self, value: float) -> None:
        if not math.isfinite(value):
            raise NonFiniteError(f"{self.name}: the function is {value} at the start")

    def went(self, vector: Vector, value: float) -> None:
        """Tell that the method went to a point."""
        if self.watcher is not None:
            self.went_to(self.layout.parameters(vector), value)

    def went_to(self, parameters: Any, value: float) -> None:
        """Tell that the method went to a tree of parameters."""
        if self.watcher is not None:
            self.watcher.moved(parameters, value)

    def _told(self, parameters: Any, value: float) -> float:
        self.evaluations += 1
        if self.watcher is not None:
            self.watcher.evaluated(parameters, value)
        return value


def _number(name: str, value: Any) -> float:
    """What the loss gave, which must be one number."""
    if isinstance(value, Tensor):
        if value.shape != ():
            raise ShapeError(f"{name}: the function gives {describe(value)}, not one number")
        return float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise ArgumentError(f"{name}: the function gives a {kind}, not one number") from None
