"""A program that fills arrays from several inputs, for the tests of filling."""

import numpy as np

from chainrule.runtime.filling import Filling, Moving, filling
from chainrule.runtime.programs import ready
from tests.codegen.guarded import optimized

SCALE = np.asarray(2.0)


def scaled(blocks: int) -> tuple[Filling, list[Moving]]:
    """Blocks of eight numbers: SCALE · x + what is the same for all + the number of the block.

    The x of the last block lies elsewhere.
    """
    x, last = np.arange(8.0 * (blocks - 1)), np.full(8, 100.0)
    same, numbers = np.arange(8.0), np.arange(blocks, dtype=np.uint64)
    graph, _ = optimized(
        lambda scale, x, same, k: x * scale + same + k.astype("float64"),
        SCALE, x[:8], same, np.asarray(numbers[0]),
    )  # fmt: skip
    fill = filling(ready(graph), 3)
    assert fill is not None
    return fill, [
        Moving(x, 8, last), Moving(same, 0, same), Moving(numbers, 1, np.asarray(numbers[-1])),
    ]  # fmt: skip
