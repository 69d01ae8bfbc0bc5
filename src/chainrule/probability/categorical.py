"""The categorical distribution: one of k classes."""

from __future__ import annotations

from typing import ClassVar, Final, Self, final

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.comparison import equal, isnan
from chainrule.functions.creation import arange
from chainrule.functions.elementary import log, xlogy
from chainrule.functions.elementwise import clip, floor, where
from chainrule.functions.embedding import one_hot
from chainrule.functions.indexing import take_along_axis
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    broadcast,
    broadcast_shape,
    cast,
    describe,
    known_array,
)
from chainrule.functions.random import categorical
from chainrule.functions.reduction import max, sum
from chainrule.functions.softmax import log_softmax, softmax
from chainrule.ir.dtype import int64
from chainrule.probability.blocks import in_blocks
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.parameters import (
    COUNT,
    LOGIT,
    SHARE,
    Condition,
    Parameter,
    average,
    data,
    narrowed,
    parameter,
    require,
    shares,
)
from chainrule.tensors import Tensor, of_value

__all__ = ["Categorical"]


@final
class Categorical(Distribution):
    """The categorical distribution of a class k = 0, …, K − 1, with probabilities softmax(s).

    p(k) = exp(sₖ) / Σⱼ exp(sⱼ)
    H = −Σₖ pₖ log pₖ,   the mean and the variance are those of the class as a number
    fit: pₖ = the share of x that is k

    It is made of logits, or of probabilities (``Categorical(probabilities=[0.2, 0.8])``), which
    are divided by their sum. The last axis counts the classes. Draws have no derivative.

    Raises:  ArgumentError: a probability is none, or all are 0; a logit is NaN; both or none are
             given; data are no classes, or there are none.
             ShapeError: there is no axis of classes.

    >>> Categorical(probabilities=[0.25, 0.75]).density(tensor([0, 1, 2]))
    Tensor([0.25, 0.75, 0.  ])
    """

    discrete: ClassVar[bool] = True
    logits: Tensor

    def __init__(
        self, logits: Parameter | None = None, *, probabilities: Parameter | None = None
    ) -> None:
        self.logits = class_logits("Categorical", logits, probabilities)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters, without the axis of classes."""
        return self.logits.shape[:-1]

    @property
    def probabilities(self) -> Tensor:
        """The probability of each class, softmax(s)."""
        return softmax(self.logits)

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give log pₖ for each class k in x, and −∞ for what is no class."""
        given = as_tensor(x, "Categorical.log_density")
        last = self.logits.shape[-1] - 1
        known = equal(given, clip(floor(given), 0, last))
        index = cast(where(known, given, 0), int64)
        shape = broadcast_shape(index.shape, self.shape)
        logs = broadcast(log_softmax(self.logits), (*shape, last + 1))
        value = take_along_axis(logs, broadcast(index, shape)[..., None])[..., 0]
        return where(isnan(given), float("nan"), where(known, value, -np.inf))

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of a class of at most x."""
        classes = arange(self.logits.shape[-1])
        given = as_tensor(x, "Categorical.cdf")
        total = sum(where(classes <= given[..., None], self.probabilities, 0.0), axis=-1)
        return where(isnan(given), float("nan"), total)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw classes."""
        return categorical(key, self.logits, shape=self._drawn(shape))

    def mean(self) -> Tensor:
        """Give Σₖ k pₖ."""
        return sum(self._classes() * self.probabilities, axis=-1)

    def variance(self) -> Tensor:
        """Give Σₖ (k − mean)² pₖ."""
        distance = self._classes() - self.mean()[..., None]
        return sum(distance**2 * self.probabilities, axis=-1)

    def _classes(self) -> Tensor:
        return cast(arange(self.logits.shape[-1]), self.logits.dtype)

    def entropy(self) -> Tensor:
        """Give −Σₖ pₖ log pₖ."""
        return -sum(xlogy(self.probabilities, self.probabilities), axis=-1)

    @classmethod
    def fit(
        cls, x: Operand, *, classes: int | None = None, weights: Parameter | None = None
    ) -> Self:
        """Give the categorical distribution under which the rows of x are most likely.

        ``classes`` says how many there are; otherwise the largest one in the data is the last.
        """
        rows = data("Categorical.fit", COUNT, x)
        if classes is not None and not _is_count(classes):
            raise ArgumentError(f"Categorical.fit: classes={classes!r}, which is no number of them")
        if classes is None:
            classes = int(rows._known().max()) + 1
        words = f"be less than {classes}, the number of classes"
        require("Categorical.fit", Condition(words, lambda v: v < classes), x=rows)
        found = _shares_of_classes(rows, shares("Categorical.fit", rows, weights), classes)
        return cls(probabilities=narrowed(rows, found)[0])


_POSSIBLE: Final = Condition("be greater than −∞", lambda v: v > -np.inf)


def _is_count(classes: object) -> bool:
    return isinstance(classes, int | np.integer) and bool(classes > 0)


def _shares_of_classes(rows: Tensor, share: Tensor, classes: int) -> Tensor:
    """How much the rows of each class count: without a number for each row and class, if known."""
    value, factors = known_array(rows), known_array(share)
    if value is None or factors is None:
        return average(share, one_hot(cast(rows, int64), classes, dtype=rows.dtype))
    flat = value.reshape(len(value), -1).astype(np.int64)
    places = flat + classes * np.arange(flat.shape[1])
    factors = np.broadcast_to(factors[:, None], flat.shape)
    found = np.bincount(places.ravel(), factors.ravel(), classes * flat.shape[1])
    return of_value(found.reshape(*rows.shape[1:], classes))


def class_logits(owner: str, logits: Parameter | None, probabilities: Parameter | None) -> Tensor:
    """Logits of classes along the last axis, given so or as probabilities."""
    if (logits is None) == (probabilities is None):
        raise ArgumentError(f"{owner}: give either logits or probabilities=…")
    name = "logits" if probabilities is None else "probabilities"
    given = parameter(logits if probabilities is None else probabilities, owner)  # type: ignore[arg-type]
    if not given.ndim or not given.shape[-1]:
        raise ShapeError(
            f"{owner}: the last axis of the {name} counts the classes, of which there is one at "
            f"least\n\n    {name}   {describe(given)}"
        )
    if probabilities is None:
        require(owner, LOGIT, logits=given)
        require(owner, _POSSIBLE, **{"max(logits)": max(given, axis=-1)})
        return given
    require(owner, SHARE, probabilities=given)
    total = sum(given, axis=-1, keepdims=True)
    require(owner, Condition("be greater than 0", lambda v: v > 0), **{"sum(probabilities)": total})
    return log(given / total)
