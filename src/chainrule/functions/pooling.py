"""Pooling: the maximum or the mean of each window of every channel."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.functions.along_axes import mean
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, floating
from chainrule.functions.windows import (
    Padding,
    Sizes,
    Windows,
    per_axis,
    view_windows,
    windows_of,
)
from chainrule.ir import build
from chainrule.ir.dtype import DType, bool_
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "global_avg_pool",
    "global_max_pool",
    "max_pool1d",
    "max_pool2d",
]


def _lowest(dtype: DType) -> float | int:
    """What no element of the dtype is less than."""
    if dtype.is_float:
        return -math.inf
    return 0 if dtype is bool_ else int(np.iinfo(dtype.numpy).min)


def _inside(x: Node, windows: Windows, dtype: DType) -> Node:
    """1 where an element of a window lies inside of x, 0 in the padding."""
    ones = np.ones(x.shape[x.ndim - len(windows.sizes) :], dtype.numpy)
    return view_windows(build.data(ones), windows, "ok")


def _max_pool_nodes(x: Node, windows: Windows) -> Node:
    read = view_windows(x, windows, "lok")
    if windows.padded:
        spatial = tuple(range(x.ndim - len(windows.sizes), read.ndim))
        inside = build.expand(_inside(x, windows, bool_), read.shape, spatial)
        read = build.select(inside, read, build.fill(_lowest(x.dtype), read.shape, x.dtype))
    return build.reduce("max", read, tuple(range(x.ndim, read.ndim)))


def _avg_pool_nodes(x: Node, windows: Windows, include_padding: bool) -> Node:
    read = view_windows(x, windows, "lok")
    axes = tuple(range(x.ndim, read.ndim))
    if include_padding or not windows.padded:
        return mean(read, axes)
    rank = len(windows.sizes)
    number = build.sum_(_inside(x, windows, x.dtype), tuple(range(rank, 2 * rank)))
    total = build.sum_(read, axes)
    spatial = tuple(range(x.ndim - rank, x.ndim))
    return build.apply("divide", total, build.expand(number, total.shape, spatial))


_max_pool: Final = Lifted(_max_pool_nodes)
_avg_pool: Final = Lifted(_avg_pool_nodes)


def _windows(
    name: str, x: Tensor, window: Sizes, stride: Sizes | None, padding: Padding, rank: int
) -> Windows:
    if x.ndim < rank:
        raise ShapeError(
            f"{name}: x has {plural(x.ndim, 'axis')}; the last {rank} are pooled\n\n    x   "
            f"{describe(x)}"
        )
    sizes = per_axis(name, "window", window, rank)
    windows = windows_of(name, x, sizes, sizes if stride is None else stride, padding, 1)
    if any(max(p) >= k for p, k in zip(windows.padding, sizes, strict=True)):
        raise ShapeError(
            f"{name}: the padding {padding!r} holds a whole window of {list(sizes)}\n\n"
            f"    x   {describe(x)}"
        )
    return windows


def _pool_max(
    name: str, x: Operand, window: Sizes, stride: Sizes | None, padding: Padding, rank: int
) -> Tensor:
    x = as_tensor(x, name)
    return _max_pool([x], _windows(name, x, window, stride, padding, rank))


def _pool_mean(
    name: str,
    x: Operand,
    window: Sizes,
    stride: Sizes | None,
    padding: Padding,
    include_padding: bool,
    rank: int,
) -> Tensor:
    x = floating(as_tensor(x, name))
    windows = _windows(name, x, window, stride, padding, rank)
    return _avg_pool([x], windows, include_padding)


def max_pool1d(
    x: Operand, window: Sizes, *, stride: Sizes | None = None, padding: Padding = 0
) -> Tensor:
    """Give the maximum of each window along the last axis: ``max_pool2d`` with one spatial axis.

    Shapes:  x: n c l   →   n c ⌊l/k⌋   for window=k

    >>> max_pool1d(tensor([1.0, 5.0, 2.0, 3.0]), 2)
    Tensor([5., 3.])
    """
    return _pool_max("max_pool1d", x, window, stride, padding, 1)


def max_pool2d(
    x: Operand, window: Sizes, *, stride: Sizes | None = None, padding: Padding = 0
) -> Tensor:
    """Give the maximum of each window over the last two axes.

    y[…, o] = max_k x[…, stride·o + k − padding]

    The stride is the window unless it is given. Outside of x is −∞. The derivative of a maximum
    that is attained several times is shared evenly.

    Shapes:  x: n c h w   →   n c ⌊h/k⌋ ⌊w/k⌋   for window=k
             x: n c h w   →   n c h−r+1 w−s+1   for window=(r, s), stride=1
    Raises:  ShapeError: no window fits, or one lies in the padding. ArgumentError: window, stride
             or padding is none.

    >>> max_pool2d(tensor([[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]]), 2, stride=1)
    Tensor([[4., 6.]])
    """
    return _pool_max("max_pool2d", x, window, stride, padding, 2)


def avg_pool1d(
    x: Operand,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = 0,
    include_padding: bool = True,
) -> Tensor:
    """Give the mean of each window along the last axis: ``avg_pool2d`` with one spatial axis.

    Shapes:  x: n c l   →   n c ⌊l/k⌋   for window=k

    >>> avg_pool1d(tensor([1.0, 5.0, 2.0, 4.0]), 2)
    Tensor([3., 3.])
    """
    return _pool_mean("avg_pool1d", x, window, stride, padding, include_padding, 1)


def avg_pool2d(
    x: Operand,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = 0,
    include_padding: bool = True,
) -> Tensor:
    """Give the mean of each window over the last two axes.

    y[…, o] = Σ_k x[…, stride·o + k − padding] / (elements of the window)

    The stride is the window unless it is given. The zeros outside of x count as elements unless
    ``include_padding`` is false.

    Shapes:  x: n c h w   →   n c ⌊h/k⌋ ⌊w/k⌋   for window=k
    Raises:  ShapeError: no window fits, or one lies in the padding. ArgumentError: window, stride
             or padding is none.

    >>> avg_pool2d(tensor([[1.0, 2.0], [3.0, 6.0]]), 2)
    Tensor([[3.]])
    """
    return _pool_mean("avg_pool2d", x, window, stride, padding, include_padding, 2)


def _places(name: str, x: Tensor) -> tuple[int, ...]:
    if x.ndim < 3:
        raise ShapeError(f"{name}: x has no spatial axis behind axis 1\n\n    x   {describe(x)}")
    return tuple(range(2, x.ndim))


_mean: Final = Lifted(mean)
_reduce_max: Final = Lifted(lambda x, axes: build.reduce("max", x, axes))


def global_avg_pool(x: Operand) -> Tensor:
    """Give the mean of each channel over all places: axis 0 is the example, axis 1 the channel.

    Shapes:  x: n c h w   →   n c
    Raises:  ShapeError: x has no spatial axis.

    >>> global_avg_pool(tensor([[[1.0, 3.0]]]))
    Tensor([[2.]])
    """
    x = floating(as_tensor(x, "global_avg_pool"))
    return _mean([x], _places("global_avg_pool", x))


def global_max_pool(x: Operand) -> Tensor:
    """Give the maximum of each channel over all places: axis 0 is the example, axis 1 the channel.

    Shapes:  x: n c h w   →   n c
    Raises:  ShapeError: x has no spatial axis.

    >>> global_max_pool(tensor([[[1.0, 3.0]]]))
    Tensor([[3.]])
    """
    x = as_tensor(x, "global_max_pool")
    return _reduce_max([x], _places("global_max_pool", x))
