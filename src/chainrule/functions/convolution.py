"""Convolution as a contraction over windows: one View, one Einsum, one matrix product.

What is called convolution here is what networks call so, a correlation: the kernel is not flipped.
"""

from __future__ import annotations

from typing import Final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.lift import Lifted, Operand, describe, promoted
from chainrule.functions.windows import (
    Padding,
    Sizes,
    Windows,
    per_axis,
    view_windows,
    window_view,
    windows_of,
)
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["conv", "conv1d", "conv2d", "conv_transpose2d"]


def _conv_nodes(x: Node, w: Node, windows: Windows, groups: int) -> Node:
    """y[g f, n, o] = Σ w[g f, c, k] x[n, g c, stride·o + dilation·k].

    One contraction over a View of the windows, which copies nothing.
    """
    n, channels, *spatial = x.shape
    out, kernel = w.shape[0], w.shape[2:]
    rank = len(kernel)
    x = build.reshape(x, (n, groups, channels // groups, *spatial))
    w = build.reshape(w, (groups, out // groups, channels // groups, *kernel))
    columns = view_windows(x, windows, "ncko")
    example, g, f, c, first = 0, 1, 2, 3, 4
    k = tuple(range(first, first + rank))
    places = tuple(range(first + rank, first + 2 * rank))
    labels = ((g, f, c, *k), (example, g, c, *k, *places))
    made = build.einsum((w, columns), labels, (example, g, f, *places))
    return build.reshape(made, (n, out, *windows.counts))


_conv: Final = Lifted(_conv_nodes)


def _check(name: str, x: Tensor, w: Tensor, groups: int, rank: int | None) -> None:
    both = f"\n\n    x   {describe(x)}\n    w   {describe(w)}\n\n"
    axes = "3 or more" if rank is None else str(rank + 2)
    if x.ndim != w.ndim or x.ndim < 3 or (rank is not None and x.ndim != rank + 2):
        raise ShapeError(
            f"{name}: x has {plural(x.ndim, 'axis')} and w has {w.ndim}; both have {axes}{both}"
            "  x is (examples, channels, *spatial), w (out channels, channels / groups, *kernel)."
        )
    if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"{name}: x has {plural(x.shape[1], 'channel')}, w takes {w.shape[1]} in each "
            f"of {plural(groups, 'group')} "
            f"and makes {w.shape[0]}{both}"
            "  The channels of x are those that w takes times groups; those made split evenly."
        )
    if 0 in w.shape[2:]:
        raise ShapeError(f"{name}: the kernel has a spatial axis of size 0{both}".rstrip())


def _convolve(
    name: str,
    rank: int | None,
    operands: tuple[Operand, Operand],
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    x, w = promoted(name, *operands)
    _check(name, x, w, groups, rank)
    windows = windows_of(name, x, w.shape[2:], stride, padding, dilation)
    return _conv([x, w], windows, groups)


def conv(
    x: Operand,
    w: Operand,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve over any number of spatial axes.

    y[n, f, o] = Σ_c Σ_k w[f, c, k] x[n, c, stride·o + dilation·k − padding]

    x is (examples, channels, *spatial) and w (out channels, channels / groups, *kernel). ``"same"``
    padding gives ⌈size / stride⌉ places; where it is odd, the further element comes after.

    Shapes:  x: n c h w d   w: f c r s t   →   n f h−r+1 w−s+1 d−t+1
    Cost:    examples · places · out channels · channels / groups · kernel size multiplications.
             Machine code reads windows where they lie; eagerly they are copied block by block.
    Raises:  ShapeError: x and w do not fit, or no window does. ArgumentError: stride, padding or
             dilation is none.
    Source:  dumoulin2016guide, ch. 2

    >>> conv(tensor([[[1.0, 2.0, 4.0, 8.0]]]), tensor([[[1.0, -1.0]]]))
    Tensor([[[-1., -2., -4.]]])
    """
    return _convolve("conv", None, (x, w), stride, padding, dilation, groups)


def conv1d(
    x: Operand,
    w: Operand,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve sequences: ``conv`` with one spatial axis.

    Shapes:  x: n c l   w: f c k   →   n f l−k+1
             x: n c l   w: f c k   →   n f l   for padding="same"

    >>> conv1d(tensor([[[1.0, 2.0, 4.0]]]), tensor([[[1.0, 1.0, 1.0]]]), padding="same")
    Tensor([[[3., 7., 6.]]])
    """
    return _convolve("conv1d", 1, (x, w), stride, padding, dilation, groups)


def conv2d(
    x: Operand,
    w: Operand,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve images: ``conv`` with two spatial axes.

    Shapes:  x: n c h w   w: f c r s   →   n f h−r+1 w−s+1
             x: n g·c h w   w: g·f c r s   →   n g·f h−r+1 w−s+1   for groups=g

    >>> conv2d(cr.ones((8, 3, 32, 32)), cr.ones((16, 3, 5, 5)), stride=2, padding=2).shape
    (8, 16, 16, 16)
    """
    return _convolve("conv2d", 2, (x, w), stride, padding, dilation, groups)


# ---------------------------------------------------------------- transposed


def _conv_transpose_nodes(x: Node, w: Node, windows: Windows, spatial: Shape) -> Node:
    """The transpose of _conv_nodes in x: spread each place over its window and add up."""
    n, f, rank = x.shape[0], w.shape[1], len(spatial)
    k, o = tuple(range(3, 3 + rank)), tuple(range(3 + rank, 3 + 2 * rank))
    spread = build.einsum((w, x), ((0, 1, *k), (2, 0, *o)), (1, *k, 2, *o))
    shape = (n, f, *spatial)
    return build.accumulate(spread, window_view(shape, windows, "ckno"), shape)


_conv_transpose: Final = Lifted(_conv_transpose_nodes)


def conv_transpose2d(
    x: Operand, w: Operand, *, stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0
) -> Tensor:
    """Spread images: the transpose of ``conv2d`` with these settings, as a map of its input.

    x is (examples, channels, *spatial), w (channels, out channels, *kernel); the result has
    stride · (size − 1) + kernel − 2 · padding + output_padding places along each spatial axis.

    Shapes:  x: n c h w   w: c f r s   →   n f h+r−1 w+s−1
    Raises:  ShapeError: x and w do not fit, or no place is left. ArgumentError: stride or padding
             is none.
    Source:  dumoulin2016guide, ch. 4

    >>> conv_transpose2d(tensor([[[[1.0, 2.0]]]]), tensor([[[[1.0, 1.0]]]]), stride=(1, 2))
    Tensor([[[[1., 1., 2., 2.]]]])
    """
    x, w = promoted("conv_transpose2d", x, w)
    both = f"\n\n    x   {describe(x)}\n    w   {describe(w)}\n\n"
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[0]:
        raise ShapeError(
            f"conv_transpose2d: x is {list(x.shape)} and w {list(w.shape)}{both}"
            "  x is (examples, channels, *spatial), w is (channels, out channels, *kernel)."
        )
    strides = per_axis("conv_transpose2d", "stride", stride, 2)
    pads = per_axis("conv_transpose2d", "padding", padding, 2, least=0)
    extra = per_axis("conv_transpose2d", "output_padding", output_padding, 2, least=0)
    if any(e >= s for e, s in zip(extra, strides, strict=True)):
        raise ArgumentError(
            f"conv_transpose2d: output_padding is {output_padding}; it is less than the stride, "
            f"{stride}"
        )
    kernel, counts = w.shape[2:], x.shape[2:]
    spatial = tuple(
        s * (n - 1) + k - 2 * p + e
        for s, n, k, p, e in zip(strides, counts, kernel, pads, extra, strict=True)
    )
    if min(spatial) < 1 or 0 in counts:
        raise ShapeError(f"conv_transpose2d: the result would be {list(spatial)}{both}".rstrip())
    windows = Windows(kernel, strides, tuple((p, p) for p in pads), (1, 1), counts)
    return _conv_transpose([x, w], windows, spatial)
