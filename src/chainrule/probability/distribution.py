"""What a distribution is: an immutable tree of parameters, with a density, draws and moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from chainrule.functions.axes import shape_of
from chainrule.functions.elementary import exp, sqrt
from chainrule.functions.lift import Operand
from chainrule.nn.module import Module
from chainrule.tensors import Tensor

__all__ = ["Distribution"]

Sizes = int | Sequence[int]


class Distribution(Module, ABC):
    """The base of distributions.

    Parameters broadcast to one shape, that of the distribution: one distribution for each place.
    Numbers x broadcast with it. Parameters are checked where they are known; while ``jit``,
    ``grad`` or ``vmap`` records they are not. A distribution is a tree of its parameters: it goes
    through every transform, may be a field of a model, and its gradient is one of its kind.

    log_density(x)      log p(x): of a probability where draws are discrete; −∞ outside the support
    sample(key, shape)  draws of shape (*shape, *shape of the distribution)
    mean(), variance()  moments; entropy() is −E log p(x), in nats
    fit(x)              the distribution under which the rows of x are most likely

    event_axes   how many axes of x one draw has
    discrete     whether draws are whole numbers
    """

    event_axes: ClassVar[int] = 0
    discrete: ClassVar[bool] = False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters: there is one distribution for each place."""

    @abstractmethod
    def log_density(self, x: Operand) -> Tensor:
        """Give log p(x), for each draw in x."""

    @abstractmethod
    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw this many, for each place of the distribution."""

    @abstractmethod
    def mean(self) -> Tensor:
        """Give E x."""

    @abstractmethod
    def variance(self) -> Tensor:
        """Give E (x − E x)²."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Give −E log p(x)."""

    def density(self, x: Operand) -> Tensor:
        """Give p(x), of which ``log_density`` is the safe form."""
        return exp(self.log_density(x))

    def standard_deviation(self) -> Tensor:
        """Give the square root of the variance."""
        return sqrt(self.variance())

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in (*self._branches, *self._settings)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        """Give the parameters to pickle and copy, without the programs that were made of them."""
        held = self.__dict__
        return {name: held[name] for name in (*self._branches, *self._settings) if name in held}

    def _draw_shape(self) -> tuple[int, ...]:
        """The shape of one draw from every place."""
        return self.mean().shape if self.event_axes else self.shape

    def _drawn(self, shape: Sizes) -> tuple[int, ...]:
        """The shape of draws, without the axes of one."""
        return (*shape_of(f"{type(self).__name__}.sample", shape), *self.shape)
