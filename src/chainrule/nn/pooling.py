"""Pooling layers."""

from __future__ import annotations

from typing import final

from chainrule.functions import pooling
from chainrule.functions.lift import Operand
from chainrule.functions.windows import Padding, Sizes, per_axis
from chainrule.nn.convolution import fixed
from chainrule.nn.module import Module
from chainrule.tensors import Tensor

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "MaxPool1d",
    "MaxPool2d",
]


class Pooling(Module):
    """What pooling layers share: windows and how far they are apart."""

    window: Sizes
    stride: Sizes | None
    padding: Padding

    def __init__(self, window: Sizes, *, stride: Sizes | None = None, padding: Padding = 0) -> None:
        name = type(self).__name__
        rank = 1 if name.endswith("1d") else 2
        per_axis(name, "window", window, rank)
        per_axis(name, "stride", window if stride is None else stride, rank)
        self.window = fixed(window)
        self.stride = None if stride is None else fixed(stride)
        self.padding = fixed(padding)

    def describe(self) -> str:
        """Give the kind of this layer with its windows."""
        shown = [str(self.window)]
        shown += [f"stride={self.stride}"] * (self.stride is not None)
        shown += [f"padding={self.padding}"] * (self.padding not in (0, "valid"))
        return f"{type(self).__name__}({', '.join(shown)})"


@final
class MaxPool1d(Pooling, init=False):
    """Give the maximum of each window along the last axis.

    y[n, c, o] = max_k x[n, c, stride·o + k − padding]

    The stride is the window unless it is given; outside of x is −∞.

    Shapes:  x: n c 2·l   →   n c l

    >>> MaxPool1d(2)(cr.tensor([[[1.0, 5.0, 2.0, 3.0]]]))
    Tensor([[[5., 3.]]])
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.max_pool1d(x, self.window, stride=self.stride, padding=self.padding)


@final
class MaxPool2d(Pooling, init=False):
    """Give the maximum of each window over the last two axes.

    y[n, c, o] = max_k x[n, c, stride·o + k − padding]

    The stride is the window unless it is given; outside of x is −∞. The derivative of a maximum
    that is attained several times is shared evenly.

    Shapes:  x: n c 2·h 2·w   →   n c h w

    >>> MaxPool2d(2)(cr.zeros((5, 3, 28, 28))).shape
    (5, 3, 14, 14)
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.max_pool2d(x, self.window, stride=self.stride, padding=self.padding)


@final
class AvgPool1d(Pooling, init=False):
    """Give the mean of each window along the last axis.

    y[n, c, o] = Σ_k x[n, c, stride·o + k − padding] / window

    The stride is the window unless it is given; zeros outside of x count.

    Shapes:  x: n c 2·l   →   n c l

    >>> AvgPool1d(2)(cr.tensor([[[1.0, 5.0, 2.0, 4.0]]]))
    Tensor([[[3., 3.]]])
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.avg_pool1d(x, self.window, stride=self.stride, padding=self.padding)


@final
class AvgPool2d(Pooling, init=False):
    """Give the mean of each window over the last two axes.

    y[n, c, o] = Σ_k x[n, c, stride·o + k − padding] / (elements of the window)

    The stride is the window unless it is given; zeros outside of x count.

    Shapes:  x: n c 2·h 2·w   →   n c h w
    Source:  lecun1998gradient, sec. II

    >>> AvgPool2d(2)(cr.tensor([[[[1.0, 2.0], [3.0, 6.0]]]]))
    Tensor([[[[3.]]]])
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.avg_pool2d(x, self.window, stride=self.stride, padding=self.padding)


@final
class GlobalAvgPool(Module):
    """Give the mean of each channel over all places.

    y[n, c] = mean_p x[n, c, p]

    Shapes:  x: n c h w   →   n c
             x: n c l   →   n c

    >>> GlobalAvgPool()(cr.tensor([[[1.0, 3.0]]]))
    Tensor([[2.]])
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.global_avg_pool(x)


@final
class GlobalMaxPool(Module):
    """Give the maximum of each channel over all places.

    y[n, c] = max_p x[n, c, p]

    Shapes:  x: n c h w   →   n c
             x: n c l   →   n c

    >>> GlobalMaxPool()(cr.tensor([[[1.0, 3.0]]]))
    Tensor([[3.]])
    """

    def __call__(self, x: Operand, /) -> Tensor:
        """Pool."""
        return pooling.global_max_pool(x)
