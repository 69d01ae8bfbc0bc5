"""Pooling by two, its masks and its derivative: vectors whose lanes alternate in memory."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.codegen.guarded import by_numpy, natively, optimized


def pooled(x: Any, c: Any) -> Any:
    """The largest of each two by two, and the derivative."""
    y, pullback = cr.vjp(lambda x: cr.max_pool2d(cr.relu(x), 2), x)
    return y, *pullback(c)


def windows(x: Any) -> Any:
    """What is larger than 0 window by window, and how often."""
    n, channels, high, wide = x.shape
    parts = cr.reshape(x, (n, channels, high // 2, 2, wide // 2, 2))
    mask = cr.permute_dims(parts, (0, 1, 2, 4, 3, 5)) > 0
    return mask, cr.sum(mask.astype(x.dtype), axis=(4, 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 2, 4, 4), (2, 3, 6, 34), (5, 4, 32, 32), (40, 3, 14, 22)])
def test_what_alternates_is_written_and_read_right(shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(sum(shape))
    x = rng.integers(-4, 5, shape).astype(dtype)  # with ties
    c = rng.standard_normal((*shape[:2], shape[2] // 2, shape[3] // 2)).astype(dtype)
    for f, given in ((pooled, (x, c)), (windows, (x,))):
        graph, arrays = optimized(f, *given)
        for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_masks_lie_in_memory_as_bytes() -> None:
    x = np.zeros((32, 8, 32, 32), "float32")
    listed = cr.jit(pooled).loops(x, x[:, :, ::2, ::2])
    assert " cast(%" in listed
    assert "= cast(" not in listed
