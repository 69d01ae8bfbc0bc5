"""The value of Random: words of Philox4x64-10 [salmon2011parallel], through NumPy's generator.

Making a generator takes 10 µs. For a few words from each of many keys, as augmentation draws them
for the images of a batch, the ten rounds run over all keys at once instead.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from chainrule.ir.dtype import DType
from chainrule.ir.primitives import Shape

_MULTIPLIERS: Final = np.array([[[0xD2E7470EE14C6C93]], [[0xCA5A826395121157]]], np.uint64)
_BUMPS: Final = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], np.uint64)
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)
_HIGH_HALVES, _LOW_HALVES = _MULTIPLIERS >> _HALF, _MULTIPLIERS & _LOW
_ROUNDS: Final = 10
_FEW_WORDS, _MANY_KEYS = 64, 12  # where one way overtakes the other


def random_bits(
    key: np.ndarray,
    counter: np.ndarray,
    shape: Shape,
    dtype: DType,
    skipped: np.ndarray | None = None,
) -> np.ndarray:
    """Random bits of this shape for each key of a stack (..., 2) and its counter (...).

    skipped   how many blocks of four words to leave out first, for each key
    """
    words = -(-math.prod(shape) * dtype.bits // 64)
    keys, counters = key.reshape(-1, 2), counter.reshape(-1)
    if words <= _FEW_WORDS and len(keys) >= _MANY_KEYS and skipped is None:
        bits = _words_of_all(keys, counters, words)
    else:
        starts = np.zeros_like(counters) if skipped is None else skipped.reshape(-1)
        each = zip(keys, counters, starts, strict=True)
        rows = [_words(k, int(c), int(start), words) for k, c, start in each]
        bits = np.stack(rows) if rows else np.empty((0, words), np.uint64)
    typed = bits.astype("<u8", copy=False).view(dtype.numpy.newbyteorder("<"))
    typed = typed[:, : math.prod(shape)].astype(dtype.numpy, copy=False)
    return typed.reshape(key.shape[:-1] + shape)


def _words(key: np.ndarray, counter: int, start: int, count: int) -> np.ndarray:
    generator = np.random.Philox(key=key, counter=np.array([start, 0, 0, counter], np.uint64))
    return generator.random_raw(count)


def _words_of_all(keys: np.ndarray, counters: np.ndarray, count: int) -> np.ndarray:
    """The first words of each key: blocks of four, numbered from 1 as NumPy's generator does."""
    blocks = -(-count // 4)
    even = np.zeros((2, len(keys), blocks), np.uint64)  # the words 0 and 2 of each counter
    odd = np.zeros_like(even)  # the words 1 and 3
    even[0] = np.arange(1, blocks + 1, dtype=np.uint64)
    odd[1] = counters[:, None]
    key = keys.T[:, :, None].copy()
    for _ in range(_ROUNDS):
        high, low = _product(even)
        even, odd = high[::-1] ^ odd ^ key, low[::-1]
        key += _BUMPS[:, None, None]
    words = np.stack([even[0], odd[0], even[1], odd[1]], axis=-1)
    return words.reshape(len(keys), -1)[:, :count]


def _product(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The high and the low word of the multipliers times x, from products of half words."""
    x_high, x_low = x >> _HALF, x & _LOW
    low = _LOW_HALVES * x_high + (_LOW_HALVES * x_low >> _HALF)  # each sum fits into a word
    high = _HIGH_HALVES * x_low + (low & _LOW)
    return _HIGH_HALVES * x_high + (low >> _HALF) + (high >> _HALF), _MULTIPLIERS * x
