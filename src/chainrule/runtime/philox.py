"""The value of Random: words of Philox4x64-10 [salmon2011parallel], through NumPy's generator."""

from __future__ import annotations

import math

import numpy as np

from chainrule.ir.dtype import DType
from chainrule.ir.primitives import Shape


def random_bits(key: np.ndarray, counter: np.ndarray, shape: Shape, dtype: DType) -> np.ndarray:
    """Random bits of this shape for each key of a stack (..., 2) and its counter (...)."""
    words = -(-math.prod(shape) * dtype.bits // 64)
    pairs = zip(key.reshape(-1, 2), counter.reshape(-1), strict=True)
    rows = [_words(k, int(c), words) for k, c in pairs]
    bits = np.stack(rows) if rows else np.empty((0, words), np.uint64)
    typed = bits.astype("<u8", copy=False).view(dtype.numpy.newbyteorder("<"))
    typed = typed[:, : math.prod(shape)].astype(dtype.numpy, copy=False)
    return typed.reshape(key.shape[:-1] + shape)


def _words(key: np.ndarray, counter: int, count: int) -> np.ndarray:
    generator = np.random.Philox(key=key, counter=np.array([0, 0, 0, counter], np.uint64))
    return generator.random_raw(count)
