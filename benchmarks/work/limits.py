"""What the machine can do: how fast memory streams, and how fast libraries multiply matrices."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np

_STREAMED = 2**25  # numbers of 4 bytes: far more than any cache holds
_SIDE = 2048
_TRIES = 9


class Limit(NamedTuple):
    """The least work of a step: floating-point operations, and bytes that memory must move.

    bf16   whether the factors of its products may be rounded
    """

    operations: float
    bytes: float
    bf16: bool = False

    def seconds(self) -> float:
        """The time below which no program can be, by the roofline."""
        rate = max(peak(), peak_in_bf16()) if self.bf16 else peak()
        return max(self.operations / rate, self.bytes / bandwidth())


@cache
def bandwidth() -> float:
    """Bytes a second, read and written together, of a copy by all processors."""
    source, target = np.ones(_STREAMED, np.float32), np.zeros(_STREAMED, np.float32)
    count = os.cpu_count() or 1
    pieces = list(zip(np.array_split(source, count), np.array_split(target, count), strict=True))
    with ThreadPoolExecutor(count) as pool:
        seconds = _best(lambda: list(pool.map(lambda p: np.copyto(p[1], p[0]), pieces)))
    return 2 * source.nbytes / seconds


@cache
def peak() -> float:
    """Operations a second of one large float32 product by NumPy, with all its threads."""
    a = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), np.float32)
    out = np.empty_like(a)
    return 2 * _SIDE**3 / _best(lambda: np.matmul(a, a, out=out))


@cache
def peak_in_bf16() -> float:
    """Operations a second of one large product of bfloat16 by PyTorch; 0 where it is not there."""
    try:
        import torch
    except ImportError:
        return 0.0
    torch.set_num_threads(os.cpu_count() or 1)
    a = torch.randn(_SIDE, _SIDE).bfloat16()
    out = torch.empty_like(a)
    return 2 * _SIDE**3 / _best(lambda: torch.matmul(a, a, out=out))


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
