"""Sums over the first axes: rows that lie together are added one after another.

NumPy's add.reduce calls its loop once for each row, which takes 5 times as long as the additions of
a row of ten numbers. Its einsum has one loop for all rows and adds them in the same order, so the
bits are the same; it takes a microsecond more to begin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

_LOOPS: Final = np._core.multiarray  # type: ignore[attr-defined]
einsum: Final[Callable[..., np.ndarray]] = getattr(_LOOPS, "c_einsum", np.einsum)
"""NumPy's own loops; its function takes 0.7 µs before it calls them."""

_MANY: Final = 8192
"""Numbers from which on the time to begin does not count."""

_add: Final[Callable[..., Any]] = np.add.reduce


def lie_as_rows(x: np.ndarray, axes: int) -> bool:
    """Whether there are many rows, each no longer than there are rows, after so many axes."""
    shape = x.shape
    if x.size < _MANY or len(shape) <= axes or x.dtype.char not in "fd":
        return False
    width = shape[-1] if axes == len(shape) - 1 else math.prod(shape[axes:])
    return width * width <= x.size and shape[-1] > 1 and x.flags.c_contiguous


def sum_of_rows(x: np.ndarray, axes: int) -> np.ndarray:
    """The sum over so many first axes of numbers that lie as rows."""
    if axes == 1 and x.ndim == 2:
        return einsum("ij->j", x)
    flat = x.reshape(-1, math.prod(x.shape[axes:]))
    return sum_of_rows(flat, 1).reshape(x.shape[axes:])


def sum_along(
    x: np.ndarray, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    """What add.reduce makes of the same arguments, of many short rows in less time."""
    if axis == 0 and dtype is out is None and not keepdims and lie_as_rows(x, 1):
        return sum_of_rows(x, 1)
    return _add(x, axis, dtype, out, keepdims)
