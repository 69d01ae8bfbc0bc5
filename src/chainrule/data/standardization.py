"""Shift and scale inputs by the statistics of the training part."""

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array, Examples, chunks
from chainrule.errors import ArgumentError, DataError
from chainrule.functions.elementwise import divide, subtract
from chainrule.functions.lift import cast
from chainrule.ir.dtype import float32
from chainrule.tensors import Tensor, tensor

__all__ = ["OF_BYTES", "Per", "Standardization", "as_in_a_batch"]

Per: TypeAlias = Literal["feature", "channel", "all"]


@final
@dataclass(frozen=True, eq=False, init=False)
class Standardization:
    """Center and scale every example.

    y = (x − mean) / std

    `mean` and `std` are numbers, or arrays with a value for each feature.

    Units:   mean and std have the unit of x as stored (0 to 255 for uint8 pixels).
    Raises:  ArgumentError: a value that is not finite, or a std that is not positive.

    >>> Standardization(mean=4, std=2)(np.array([[2, 4, 8]], np.uint8))
    array([[-1.,  0.,  2.]], dtype=float32)
    """

    mean: Array
    std: Array

    def __init__(self, mean: Any, std: Any) -> None:
        for name, value in (("mean", mean), ("std", std)):
            array = np.array(value, np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._check()

    def _check(self) -> None:
        details = {"mean": _summary(self.mean), "std": _summary(self.std)}
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all()):
            fact = "mean and std must be finite"
        elif not (self.std > 0).all():
            fact = "std must be greater than 0"
        elif self.mean.ndim and self.std.ndim and self.mean.shape != self.std.shape:
            fact = "mean and std must have the same shape"
        else:
            return
        raise ArgumentError(explanation(f"Standardization: {fact}", details))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example that this fits, or () if it fits any."""
        return tuple(self.mean.shape or self.std.shape)

    def with_shape(self, shape: tuple[int, ...]) -> Self:
        """The same for examples of another shape and the same size."""
        return type(self)(*(v.reshape(shape) if v.ndim else v for v in (self.mean, self.std)))

    def with_axes(self, axes: tuple[int, ...]) -> Self:
        """The same for examples whose axes are put into another order."""
        return type(self)(*(v.transpose(axes) if v.ndim else v for v in (self.mean, self.std)))

    def __call__(self, inputs: Array) -> Array:
        # 32 bits for what they hold exactly; float64, int64 … are centered before they are rounded.
        dtype = np.result_type(inputs.dtype, np.float32)
        result = np.subtract(inputs, self.mean.astype(dtype), dtype=dtype, order="C")
        result /= self.std.astype(dtype)
        return np.asarray(result, np.float32)

    def of_tensor(self, inputs: Tensor) -> Tensor:
        """The same of a Tensor of uint8 or float32, bit for bit: part of a program.

        >>> Standardization(mean=4, std=2).of_tensor(cr.tensor([2, 4, 8], dtype="uint8"))
        Tensor([-1.,  0.,  2.], float32)
        """
        made = cast(inputs, float32)
        if self.mean.any():
            made = subtract(made, tensor(self.mean, dtype=float32))
        return divide(made, tensor(self.std, dtype=float32))

    @classmethod
    def fit(cls, inputs: Examples, per: Per = "feature", channel_axis: int | None = None) -> Self:
        """Measure mean and standard deviation of each feature, of each channel, or of all values.

        A channel is what has one place along `channel_axis`, an axis of an example. A constant
        feature has no scale; its std is taken as 1, so that it becomes 0.

        Raises:  ArgumentError: per is none of "feature", "channel", "all", or there is no channel
                 axis.  DataError: no examples.
        Cost:    one read of the inputs; memory for 2¹⁷ values, whatever their number.
        Source:  chan1983algorithms, eq. 2.1

        >>> fitted = Standardization.fit(np.array([[1., 5.], [3., 5.]]))
        >>> fitted.mean.tolist(), fitted.std.tolist()
        ([2.0, 5.0], [1.0, 1.0])
        """
        axes = _shared_axes(per, len(inputs.shape) - 1, channel_axis)
        if not len(inputs):
            raise DataError("standardize: there are no examples to measure")
        mean, variance = _moments(inputs)
        if axes:
            mean, variance = _pooled(mean, variance, axes)
        if per == "all":
            mean, variance = mean.reshape(()), variance.reshape(())
        else:
            mean, variance = (np.broadcast_to(v, inputs.shape[1:]) for v in (mean, variance))
        return cls(mean, np.where(variance == 0, 1.0, np.sqrt(variance)))


def _shared_axes(per: str, rank: int, channel_axis: int | None) -> tuple[int, ...]:
    """The axes of an example along which all values have the same mean and deviation."""
    if per not in ("feature", "channel", "all"):
        details = {"given": repr(per), "possible": '"feature", "channel", "all"'}
        raise ArgumentError(explanation("standardize: unknown value of per", details))
    if per == "channel":
        if channel_axis is None or not -rank <= channel_axis < rank:
            fact = "standardize: the channels are on no axis of an example"
            details = {"channel_axis": repr(channel_axis), "axes": str(rank)}
            raise ArgumentError(explanation(fact, details))
        return tuple(axis for axis in range(rank) if axis != channel_axis % rank)
    return () if per == "feature" else tuple(range(rank))


def _pooled(mean: Array, variance: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and variance of all features along some axes, each of as many values.

    Their variance is the mean of the variances and the variance of the means. Like the moments,
    they are measured from one of them, so that what is constant has a variance of exactly 0.
    """
    first = mean[tuple(slice(1) if a in axes else slice(None) for a in range(mean.ndim))]
    shift = mean - first
    variance = variance.mean(axes, keepdims=True) + shift.var(axes, keepdims=True)
    return first + shift.mean(axes, keepdims=True), variance


def _moments(inputs: Examples) -> tuple[Array, Array]:
    """Mean and variance over the rows, merged from those of chunks.

    All is measured from the first row, so that a constant feature has a variance of exactly 0,
    and a large mean takes no digits from a small deviation.
    """
    origin, seen = np.asarray(inputs[0], np.float64), 0
    mean, square = np.zeros(inputs.shape[1:]), np.zeros(inputs.shape[1:])
    measure = _bytes_moments if inputs.dtype == np.uint8 else _chunk_moments
    for chunk in chunks(inputs):
        values = inputs[chunk]
        count = len(values)
        center, around = measure(values, origin)
        shift = center - mean
        mean += shift * (count / (seen + count))
        square += around + shift**2 * (seen * count / (seen + count))
        seen += count
    return origin + mean, square / seen


def _chunk_moments(values: Array, origin: Array) -> tuple[Array, Array]:
    """The mean, from the origin, and the sum of the squared deviations from it."""
    deviation = np.subtract(values, origin, dtype=np.float64)
    center = deviation.mean(axis=0)
    deviation -= center
    return center, np.einsum("n...,n...->...", deviation, deviation)


def _bytes_moments(values: Array, origin: Array) -> tuple[Array, Array]:
    """The same for bytes, whose sums are whole numbers: exact, and many times as fast."""
    count = len(values)
    exact: type[np.floating[Any]] = np.float32 if count * 255**2 <= _WHOLE else np.float64
    numbers, ones = values.reshape(count, -1).astype(exact), np.ones(count, exact)
    total = (ones @ numbers).astype(np.int64)
    squares = (ones @ np.square(numbers, out=numbers)).astype(np.int64)
    total, squares = (found.reshape(values.shape[1:]) for found in (total, squares))
    return total / count - origin, (count * squares - total**2) / count


def _summary(values: Array) -> str:
    if values.ndim == 0:
        return f"{float(values):g}"
    return f"{list(values.shape)}, {values.min():g} to {values.max():g}" if values.size else "empty"


OF_BYTES = Standardization(mean=0, std=255)
"""What is done to uint8 inputs that nobody standardized."""

_WHOLE = 2**24  # up to here float32 has every whole number
_AS_IS = Standardization(mean=0, std=1)
_TOKEN_BYTES = 4  # shorter signed integers are quantities, such as the samples of a sound


def as_in_a_batch(inputs: Array, standardization: Standardization | None) -> Array:
    """Stored inputs as a batch has them: float32, unless they are tokens or indices.

    >>> as_in_a_batch(np.array([51, 255], np.uint8), None)
    array([0.2, 1. ], dtype=float32)
    """
    if standardization is not None:
        return standardization(inputs)
    if inputs.dtype.kind == "i" and inputs.dtype.itemsize >= _TOKEN_BYTES:
        return np.array(inputs, inputs.dtype.newbyteorder("="), order="C")
    return (OF_BYTES if inputs.dtype == np.uint8 else _AS_IS)(inputs)
