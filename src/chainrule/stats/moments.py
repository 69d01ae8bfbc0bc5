"""Moments of data that do not fit in memory: gathered in chunks, merged in any grouping."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import reduce
from typing import Any, Self, final

from chainrule.errors import ShapeError
from chainrule.functions.comparison import equal, isfinite, isinf
from chainrule.functions.creation import full, zeros
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import maximum, minimum, where
from chainrule.functions.lift import Operand, as_tensor, cast, describe
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.functions.reduction import max, min, sum
from chainrule.ir.dtype import float64
from chainrule.nn.module import Module
from chainrule.stats.sample import NanPolicy, over, sample_of
from chainrule.tensors import Tensor

__all__ = ["Comoments", "Moments"]


def _share(part: Tensor, total: Tensor) -> Tensor:
    """part / total, and 0 where there is nothing."""
    nothing = equal(total, 0.0)
    return where(nothing, 0.0, part / where(nothing, 1.0, total))


def _moved(average: Tensor, other: Tensor, delta: Tensor, share: Tensor) -> Tensor:
    """m + δ n₂/n, the mean of both; where m is infinite so is that, unless the other is −m."""
    stays = isinf(average) & (isfinite(other) | equal(other, average))
    return where(stays, average, average + delta * share)


class _Accumulator(Module, ABC, init=False):
    """The base: what is known of the rows that were seen, and merges with what others saw."""

    count: Tensor
    average: Tensor

    @classmethod
    @abstractmethod
    def of(
        cls, x: Operand, *, weights: Operand | None = None, nan: NanPolicy = "propagate"
    ) -> Self:
        """Gather the moments of a chunk of rows."""

    @classmethod
    @abstractmethod
    def empty(cls) -> Self:
        """Give the moments of no rows."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """Give the moments of the rows of both."""

    def __add__(self, other: Self) -> Self:
        return self.merge(other)

    @classmethod
    def of_chunks(cls, chunks: Iterable[Any], *, nan: NanPolicy = "propagate") -> Self:
        """Gather the moments of all rows of an iterable of chunks, which are read one by one.

        >>> Moments.of_chunks([tensor([0.0, 1.0]), tensor([2.0, 3.0])]).mean()
        Tensor(1.5)
        >>> Comoments.of_chunks([cr.eye(2), cr.ones((1, 2))]).count
        Tensor(3.)
        """
        parts = (cls.of(chunk, nan=nan) for chunk in chunks)
        first = next(parts, None)
        if first is None:
            return cls.empty()
        return reduce(lambda done, part: done.merge(part), parts, first)

    def mean(self) -> Tensor:
        """Give the mean of each feature; NaN where nothing was counted."""
        return where(equal(self.count, 0.0), float("nan"), self.average)

    def _joined(self, other: _Accumulator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The count and the mean of both, how far apart their means are, and the other's share."""
        if self.average.shape != other.average.shape:
            first, second = list(self.average.shape), list(other.average.shape)
            raise ShapeError(
                f"{type(self).__name__}.merge: features of shape {first} and of shape {second} "
                "are not the same"
            )
        n = self.count + other.count
        share, delta = _share(other.count, n), other.average - self.average
        delta = where(equal(self.count, 0.0) | equal(other.count, 0.0), 0.0, delta)
        moved = _moved(self.average, other.average, delta, share)
        average = where(equal(self.count, 0.0), other.average, moved)
        return n, average, delta, share

    @classmethod
    def _made(cls, *parts: Tensor) -> Self:
        made = object.__new__(cls)
        for name, part in zip(cls._branches, parts, strict=True):
            setattr(made, name, part)
        return made


@final
class Moments(_Accumulator, init=False):
    """Count, mean, central moments and extremes of each feature; an accumulator that merges.

    n = n₁ + n₂,   δ = m₂ − m₁,   m = m₁ + δ n₂/n,   M₂ = M₂′ + M₂″ + δ² n₁ n₂/n   and so on

    ``Moments.of(rows)`` describes a chunk along its first axis, ``a.merge(b)`` (or ``a + b``) both
    together, in any grouping up to rounding; ``Moments.of_chunks`` goes over an iterable, such as
    slices of a memory-mapped array. All numbers are float64. A weight counts a row as often; NaN is
    handled as in :func:`mean`, for each feature by itself.

    Raises:  ShapeError: chunks of different features are merged, or a chunk has no axis.
    Cost:    one pass over a chunk, in a few temporaries of its size.
    Source:  chan1983algorithms; pebay2008formulas

    >>> a, b = Moments.of(tensor([1.0, 2.0])), Moments.of(tensor([6.0]))
    >>> both = a.merge(b)
    >>> both.mean(), both.variance(correction=1)
    (Tensor(3.), Tensor(7.))
    """

    second: Tensor
    third: Tensor
    fourth: Tensor
    minimum: Tensor
    maximum: Tensor

    @classmethod
    def of(
        cls, x: Operand, *, weights: Operand | None = None, nan: NanPolicy = "propagate"
    ) -> Self:
        """Gather the moments of a chunk: its first axis counts rows, the others are features."""
        chunk = cast(as_tensor(x, "Moments.of"), float64)
        if not chunk.ndim:
            raise ShapeError(
                f"Moments.of: a chunk has an axis of rows\n\n    x   {describe(chunk)}"
            )
        if not chunk.shape[0]:
            return cls.empty(chunk.shape[1:])
        sample = sample_of("Moments.of", chunk, 0, weights, nan)
        weight = sample.weights
        count = (
            full(chunk.shape[1:], float(chunk.shape[0])) if weight is None else sum(weight, axis=0)
        )

        def total(terms: Tensor) -> Tensor:
            return sum(terms if weight is None else weight * terms, axis=0)

        average = _share(total(sample.x), count)
        distance = sample.x - average
        square = distance * distance
        powers = (total(square), total(square * distance), total(square * square))
        low = high = sample.x
        if weight is not None:
            low, high = (where(weight > 0, sample.x, end) for end in (float("inf"), -float("inf")))
        return cls._made(count, average, *powers, min(low, axis=0), max(high, axis=0))

    @classmethod
    def empty(cls, shape: tuple[int, ...] = ()) -> Self:
        """Give the moments of no rows with features of this shape: what merging starts from."""
        none = zeros(shape)
        ends = full(shape, float("inf")), full(shape, -float("inf"))
        return cls._made(none, none, none, none, none, *ends)

    def merge(self, other: Self) -> Self:
        """Give the moments of the rows of both."""
        n, average, delta, b = self._joined(other)
        a = 1 - b  # n₁/n, beside n₂/n
        second = self.second + other.second + delta**2 * (a * other.count)
        third = (
            self.third + other.third + delta**3 * (a * other.count) * (a - b)
            + 3 * delta * (a * other.second - b * self.second)
        )  # fmt: skip
        fourth = (
            self.fourth + other.fourth + delta**4 * (a * other.count) * (a * a - a * b + b * b)
            + 6 * delta**2 * (a * a * other.second + b * b * self.second)
            + 4 * delta * (a * other.third - b * self.third)
        )  # fmt: skip
        low, high = minimum(self.minimum, other.minimum), maximum(self.maximum, other.maximum)
        return self._made(n, average, second, third, fourth, low, high)

    def variance(self, *, correction: float) -> Tensor:
        """Give M₂ / (n − correction); NaN where n does not exceed the correction."""
        alike = equal(self.minimum, self.maximum) & isfinite(self.minimum)
        second = where(alike, 0.0, self.second)  # without what rounding left
        return over(second, self.count - correction)

    def standard_deviation(self, *, correction: float) -> Tensor:
        """Give the square root of the variance."""
        return sqrt(self.variance(correction=correction))

    def skewness(self) -> Tensor:
        """Give √n M₃ / M₂^(3/2); NaN where nothing varies."""
        return self._where_varied(sqrt(self.count) * self.third / self.second**1.5)

    def kurtosis(self) -> Tensor:
        """Give n M₄ / M₂² − 3; NaN where nothing varies."""
        return self._where_varied(self.count * self.fourth / self.second**2 - 3)

    def _where_varied(self, value: Tensor) -> Tensor:
        """NaN where the extremes are the same: then the other moments are what rounding left."""
        return where(equal(self.minimum, self.maximum), float("nan"), value)


@final
class Comoments(_Accumulator, init=False):
    """Count, means and sums of products of features; an accumulator that merges.

    C = C′ + C″ + δ δᵀ n₁ n₂/n,   δ = m₂ − m₁

    It is to :func:`covariance` what :class:`Moments` is to :func:`variance`. Rows with a NaN are
    left out if nan="omit".

    Raises:  ShapeError: a chunk is no matrix, or chunks of different features are merged.
    Cost:    2·n·d² operations for a chunk of n rows.
    Source:  chan1983algorithms

    >>> rows = tensor([[1.0, 2.0], [3.0, 6.0]])
    >>> Comoments.of(rows[:1]).merge(Comoments.of(rows[1:])).covariance(correction=1)
    Tensor([[2., 4.],
            [4., 8.]])
    """

    products: Tensor

    @classmethod
    def of(
        cls, x: Operand, *, weights: Operand | None = None, nan: NanPolicy = "propagate"
    ) -> Self:
        """Gather the moments of a chunk of rows."""
        chunk = cast(as_tensor(x, "Comoments.of"), float64)
        if chunk.ndim != 2:
            raise ShapeError(
                f"Comoments.of: a chunk has rows and columns, two axes\n\n    x   {describe(chunk)}"
            )
        if not chunk.shape[0]:
            return cls.empty(chunk.shape[1])
        if weights is not None and as_tensor(weights, "Comoments.of").shape != chunk.shape[:1]:
            raise ShapeError(
                "Comoments.of: there is not one weight for each row\n\n"
                f"    x         {describe(chunk)}\n"
                f"    weights   {describe(as_tensor(weights, 'Comoments.of'))}"
            )
        sample = sample_of("Comoments.of", chunk, 0, weights, nan)
        column = full((chunk.shape[0], 1), 1.0)
        if sample.weights is not None:
            column = min(sample.weights, axis=1, keepdims=True)
        count = sum(column)
        average = _share(sum(column * sample.x, axis=0), count)
        centered = sample.x - average
        return cls._made(count, average, matmul(matrix_transpose(centered), column * centered))

    @classmethod
    def empty(cls, features: int = 0) -> Self:
        """Give the moments of no rows with so many features."""
        return cls._made(zeros(()), zeros(features), zeros((features, features)))

    def merge(self, other: Self) -> Self:
        """Give the moments of the rows of both."""
        n, average, delta, share = self._joined(other)
        spread = delta[:, None] * delta[None, :] * (self.count * share)
        return self._made(n, average, self.products + other.products + spread)

    def covariance(self, *, correction: float) -> Tensor:
        """Give C / (n − correction); NaN where n does not exceed the correction."""
        return over(self.products, self.count - correction)
