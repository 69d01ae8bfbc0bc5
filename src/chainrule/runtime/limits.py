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
    """Operations in a second, and bytes in a second, of float32 and with all threads.

    Operations are those of a product, whose factors may be rounded.
    """

    operations: float
    bytes: float

    def seconds(self, operations: int, moved: int) -> float:
        """The least time that so many operations on so many bytes of memory take."""
        return max(operations / self.operations, moved / self.bytes)


@cache
def limits(precision: str = "float32") -> Limits:
    """Measure the machine, once in a process for each precision of products.

    Cost:    some 50 ms.
    """
    return Limits(_operations(precision), _bytes())


def _operations(precision: str) -> float:
    x = build.parameter((_SIDE, _SIDE), float32)
    return 2 * _SIDE**3 / _best(x, build.matmul(x, x), precision)


@cache
def _bytes() -> float:
    y = build.parameter((_LENGTH,), float32)
    return 2 * y.nbytes / _best(y, build.apply("abs", y), "float32")


def _best(given: Node, made: Node, precision: str) -> float:
    """The shortest time of a few runs."""
    graph = Graph((given,), (made,))
    run: Callable[..., object] = NativeProgram(graph, precision=precision)
    array = np.ones(given.shape, given.dtype.numpy)
    times = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        run(array)
        times.append(time.perf_counter() - start)
    return min(times)
