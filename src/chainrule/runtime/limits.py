"""What this machine can do at most: how fast it multiplies, and how fast memory streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from chainrule.ir import build
from chainrule.ir.dtype import float32
from chainrule.ir.graph import Graph, Node
from chainrule.runtime.native import NativeProgram

__all__ = ["Limits", "limits"]

_SIDE: Final = 768  # of matrices that stay in the cache
_LENGTH: Final = 1 << 23  # numbers that do not
_TRIALS: Final = 5


class Limits(NamedTuple):
    """Operations in a second, and bytes in a second, of float32 and with all threads."""

    operations: float
    bytes: float

    def seconds(self, operations: int, moved: int) -> float:
        """The least time that so many operations on so many bytes of memory take."""
        return max(operations / self.operations, moved / self.bytes)


@cache
def limits() -> Limits:
    """Measure the machine, once in a process.

    Cost:    some 50 ms.
    """
    x = build.parameter((_SIDE, _SIDE), float32)
    product = build.matmul(x, x)
    y = build.parameter((_LENGTH,), float32)
    copied = build.apply("abs", y)
    return Limits(2 * _SIDE**3 / _best(x, product), 2 * y.nbytes / _best(y, copied))


def _best(given: Node, made: Node) -> float:
    """The shortest time of a few runs."""
    run: Callable[..., object] = NativeProgram(Graph((given,), (made,)))
    array = np.ones(given.shape, given.dtype.numpy)
    times = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        run(array)
        times.append(time.perf_counter() - start)
    return min(times)
