"""Convolutional layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random
from chainrule.functions.convolution import conv, conv_transpose2d
from chainrule.functions.elementwise import add
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.manipulation import reshape
from chainrule.functions.windows import Padding, Sizes, per_axis
from chainrule.nn.initialization import Initializer, he_normal, normal, zeros
from chainrule.nn.keys import key_for
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Conv1d", "Conv2d", "ConvTranspose2d"]


class Convolution(Module):
    """What convolutional layers share: a kernel, a bias for each channel, and the windows."""

    rank: ClassVar[int]

    weight: Tensor
    bias: Tensor | None
    stride: Sizes
    padding: Padding
    dilation: Sizes
    groups: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = "valid",
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        name = type(self).__name__
        sizes = per_axis(name, "kernel", kernel, self.rank)
        per_axis(name, "stride", stride, self.rank)
        per_axis(name, "dilation", dilation, self.rank)
        if min(in_channels, out_channels, groups) < 1:
            raise ArgumentError(
                f"{name}: {in_channels} → {out_channels} channels, groups={groups}; at least 1 each"
            )
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{name}: {in_channels} → {out_channels} channels do not split into {groups} equal "
                "groups"
            )
        keys = random.split(key_for(name, key))
        shape = (out_channels, in_channels // groups, *sizes)
        self.weight = (weight_init or he_normal())(keys[0], shape, dtype)
        self.bias = (bias_init or zeros())(keys[1], (out_channels,), dtype) if bias else None
        self.stride = fixed(stride)
        self.padding = fixed(padding)
        self.dilation = fixed(dilation)
        self.groups = groups

    def __call__(self, x: Operand, /) -> Tensor:
        """Convolve, and add the bias."""
        given = as_tensor(x, type(self).__name__)
        channels = self.weight.shape[1] * self.groups
        if given.ndim != self.rank + 2 or given.shape[1] != channels:
            raise ShapeError(_misfit(type(self).__name__, given, self.weight, channels))
        made = conv(
            given,
            self.weight,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        return with_bias(made, self.bias)

    def describe(self) -> str:
        """Give the kind of this layer with its channels and its kernel."""
        out, in_, *kernel = getattr(self.weight, "shape", None) or ("?", "?", "?")
        in_ = in_ * self.groups if isinstance(in_, int) else in_
        usual = {"stride": 1, "padding": "valid", "dilation": 1, "groups": 1}
        return _described(self, in_, out, kernel, usual)


@final
class Conv1d(Convolution, init=False):
    """Convolve sequences: a kernel slides along the last axis.

    y[n, f, o] = Σ_c Σ_k weight[f, c, k] x[n, c, stride·o + dilation·k − padding] + bias[f]

    The weights start by ``weight_init`` (He's normal distribution), the biases by ``bias_init``
    (zeros). Padding is ``"valid"`` (none), ``"same"``, or a number of zeros.

    Shapes:  x: n in l   weight: out in 3   bias: out   →   n out l
    Raises:  ShapeError: x does not have the layer's channels, or no window fits.
             ArgumentError: a setting is none, or there is no key.
    Source:  he2015delving, eq. 10; dumoulin2016guide, ch. 2

    >>> layer = Conv1d(4, 8, 3, padding="same", key=cr.random.key(0))
    >>> layer(cr.ones((2, 4, 10), dtype="float32")).shape
    (2, 8, 10)
    """

    rank: ClassVar[int] = 1


@final
class Conv2d(Convolution, init=False):
    """Convolve images: a kernel slides over the last two axes.

    y[n, f, o] = Σ_c Σ_k weight[f, c, k] x[n, c, stride·o + dilation·k − padding] + bias[f]

    Images are ``n c h w``. The weights start by ``weight_init`` (He's normal distribution), the
    biases by ``bias_init`` (zeros). Padding is ``"valid"`` (none), ``"same"``, or a number of
    zeros, for all sides or for each axis; with ``groups``, group g of the results reads group g of
    the channels only.

    Shapes:  x: n in h w   weight: out in 3 3   bias: out   →   n out h w
    Cost:    examples · places · weights multiplications.
    Raises:  ShapeError: x does not have the layer's channels, or no window fits.
             ArgumentError: a setting is none, or there is no key.
    Source:  lecun1998gradient, sec. II; he2015delving, eq. 10; dumoulin2016guide, ch. 2

    >>> layer = Conv2d(3, 16, 5, stride=2, padding=2, key=cr.random.key(0))
    >>> layer(cr.ones((8, 3, 32, 32), dtype="float32")).shape
    (8, 16, 16, 16)
    >>> layer.describe()
    'Conv2d(3 → 16, 5×5, stride=2, padding=2)'
    """

    rank: ClassVar[int] = 2


@final
class ConvTranspose2d(Module):
    """Spread images: each place adds a copy of the kernel. The transpose of a Conv2d.

    y[n, f, stride·o + k − padding] += Σ_c weight[c, f, k] x[n, c, o],   then + bias[f]

    The result has stride · (size − 1) + kernel − 2 · padding + output_padding places along each
    axis. The weights start by ``weight_init`` (by default normal with variance 2/(channels ·
    kernel / stride), He's for the products that meet at a place), the biases with zeros.

    Shapes:  x: n in h w   weight: in out 3 3   bias: out   →   n out h+2 w+2
    Raises:  ShapeError: x does not have the layer's channels, or no place is left.
             ArgumentError: a setting is none, or there is no key.
    Source:  dumoulin2016guide, ch. 4; he2015delving, eq. 10

    >>> layer = ConvTranspose2d(16, 3, 2, stride=2, key=cr.random.key(0))
    >>> layer(cr.ones((8, 16, 16, 16), dtype="float32")).shape
    (8, 3, 32, 32)
    """

    weight: Tensor
    bias: Tensor | None
    stride: Sizes
    padding: Sizes
    output_padding: Sizes

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Sizes,
        *,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        bias: bool = True,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        sizes = per_axis("ConvTranspose2d", "kernel", kernel, 2)
        steps = per_axis("ConvTranspose2d", "stride", stride, 2)
        if min(in_channels, out_channels) < 1:
            raise ArgumentError(
                f"ConvTranspose2d: {in_channels} → {out_channels} channels; at least 1 each"
            )
        keys = random.split(key_for("ConvTranspose2d", key))
        shape = (in_channels, out_channels, *sizes)
        meeting = in_channels * math.prod(sizes) / math.prod(steps)  # products at one place
        start = weight_init or normal(math.sqrt(2 / meeting))
        self.weight = start(keys[0], shape, dtype)
        self.bias = (bias_init or zeros())(keys[1], (out_channels,), dtype) if bias else None
        self.stride = fixed(stride)
        self.padding = fixed(padding)
        self.output_padding = fixed(output_padding)

    def __call__(self, x: Operand, /) -> Tensor:
        """Spread, and add the bias."""
        given = as_tensor(x, "ConvTranspose2d")
        if given.ndim != 4 or given.shape[1] != self.weight.shape[0]:
            raise ShapeError(_misfit("ConvTranspose2d", given, self.weight, self.weight.shape[0]))
        made = conv_transpose2d(
            given,
            self.weight,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
        )
        return with_bias(made, self.bias)

    def describe(self) -> str:
        """Give the kind of this layer with its channels and its kernel."""
        in_, out, *kernel = getattr(self.weight, "shape", None) or ("?", "?", "?")
        usual = {"stride": 1, "padding": 0, "output_padding": 0}
        return _described(self, in_, out, kernel, usual)


def fixed(value: Any) -> Any:
    """A setting as it stands in a program: sequences as tuples, which are hashable."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(fixed(v) for v in value)
    return value


def with_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """Add one number to each channel, axis 1."""
    if bias is None:
        return x
    return add(x, reshape(bias, (bias.shape[0], *(1,) * (x.ndim - 2))))


def _described(
    layer: Convolution | ConvTranspose2d,
    inputs: object,
    outputs: object,
    kernel: Sequence[object],
    usual: Mapping[str, object],
) -> str:
    """Channels and kernel, and each setting that is not the usual one."""
    shown = [f"{n}={v}" for n, plain in usual.items() if (v := getattr(layer, n)) != plain]
    shown += ["bias=False"] * (layer.bias is None)
    size = "×".join(map(str, kernel))
    return f"{type(layer).__name__}({', '.join([f'{inputs} → {outputs}', size, *shown])})"


def _misfit(name: str, x: Tensor, weight: Tensor, channels: int) -> str:
    rank = weight.ndim - 2
    axes = {1: "n c l", 2: "n c h w"}[rank]
    if x.ndim != rank + 2:
        found = f"{x.ndim} {'axis' if x.ndim == 1 else 'axes'}, and the layer takes {rank + 2}"
    else:
        found = f"{plural(x.shape[1], 'channel')}, and the layer takes {channels}"
    remedy = ""
    if x.ndim == rank + 1 and x.shape[0] == channels:
        remedy = "; x[None] is a batch of one"
    elif x.ndim == rank + 1 and channels == 1:
        remedy = "; x[:, None] has one channel"
    return (
        f"{name}: x has {found}\n\n    x       {describe(x)}\n    weight  {describe(weight)}\n\n"
        f"  x is {axes}: examples, channels, places{remedy}."
    )
