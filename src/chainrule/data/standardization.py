"""Shift and scale inputs by the statistics of the training part."""

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array, Examples
from chainrule.errors import ArgumentError, DataError

__all__ = ["Per", "Standardization", "chunks"]

Per: TypeAlias = Literal["feature", "all"]

_CHUNK = 2**17  # elements: 1 MB of float64, which stays in a core's cache


def chunks(examples: Examples) -> list[slice]:
    """Slices that together cover all rows, each of about 2¹⁷ elements.

    >>> chunks(np.zeros((3, 2**16)))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    rows = max(1, _CHUNK // max(1, int(np.prod(examples.shape[1:]))))
    return [slice(start, start + rows) for start in range(0, len(examples), rows)]


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

    def __call__(self, inputs: Array) -> Array:
        # 32 bits for what they hold exactly; float64, int64 … are centered before they are rounded.
        dtype = np.result_type(inputs.dtype, np.float32)
        result = np.subtract(inputs, self.mean.astype(dtype), dtype=dtype, order="C")
        result /= self.std.astype(dtype)
        return np.asarray(result, np.float32)

    @classmethod
    def fit(cls, inputs: Examples, per: Per = "feature") -> Self:
        """Measure mean and standard deviation of each feature, or of all values together.

        A constant feature has no scale; its std is taken as 1, so that it becomes 0.

        Raises:  ArgumentError: per is neither "feature" nor "all".  DataError: no examples.
        Cost:    one read of the inputs; memory for 2¹⁷ values, whatever their number.
        Source:  chan1983algorithms, eq. 2.1

        >>> fitted = Standardization.fit(np.array([[1., 5.], [3., 5.]]))
        >>> fitted.mean.tolist(), fitted.std.tolist()
        ([2.0, 5.0], [1.0, 1.0])
        """
        if per not in ("feature", "all"):
            details = {"given": repr(per), "possible": '"feature", "all"'}
            raise ArgumentError(explanation("standardize: unknown value of per", details))
        if not len(inputs):
            raise DataError("standardize: there are no examples to measure")
        mean, variance = _moments(inputs)
        if per == "all":
            mean, variance = mean.mean(), variance.mean() + mean.var()
        return cls(mean, np.where(variance == 0, 1.0, np.sqrt(variance)))


def _moments(inputs: Examples) -> tuple[Array, Array]:
    """Mean and variance over the rows, merged from those of chunks.

    All is measured from the first row, so that a constant feature has a variance of exactly 0,
    and a large mean takes no digits from a small deviation.
    """
    origin, seen = np.asarray(inputs[0], np.float64), 0
    mean, square = np.zeros(inputs.shape[1:]), np.zeros(inputs.shape[1:])
    for chunk in chunks(inputs):
        values = np.subtract(inputs[chunk], origin, dtype=np.float64)
        count, center = len(values), values.mean(axis=0)
        shift = center - mean
        mean += shift * (count / (seen + count))
        square += ((values - center) ** 2).sum(axis=0) + shift**2 * (seen * count / (seen + count))
        seen += count
    return origin + mean, square / seen


def _summary(values: Array) -> str:
    if values.ndim == 0:
        return f"{float(values):g}"
    return f"{list(values.shape)}, {values.min():g} to {values.max():g}" if values.size else "empty"
