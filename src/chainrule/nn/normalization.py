"""Layers that center and scale."""

from __future__ import annotations

import math
from typing import Any, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import creation, normalization
from chainrule.functions.elementwise import add, multiply
from chainrule.functions.lift import Operand, as_tensor, cast, describe, floating
from chainrule.nn.modes import is_evaluation
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.transform.custom import stop_gradient
from chainrule.transform.state import State
from chainrule.wording import plural

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"]


def _check(name: str, size: int, eps: float) -> None:
    if size < 1:
        raise ArgumentError(f"{name}: {size} features; at least 1")
    if not eps >= 0:
        raise ArgumentError(f"{name}: eps={eps}, which must not be negative")


def _channels(name: str, x: Operand, size: int) -> Tensor:
    given = floating(as_tensor(x, name))
    if given.ndim < 2 or given.shape[1] != size:
        found = plural(given.shape[1], "channel") if given.ndim > 1 else "no channels"
        raise ShapeError(
            f"{name}: x has {found}, and the layer takes {size}\n\n    x   {describe(given)}\n\n"
            "  Axis 0 of x holds the examples, axis 1 the channels."
        )
    return given


def _last(name: str, x: Operand, size: int) -> Tensor:
    given = floating(as_tensor(x, name))
    if not given.ndim or given.shape[-1] != size:
        found = plural(given.shape[-1], "feature") if given.ndim else "no features"
        raise ShapeError(
            f"{name}: x has {found}, and the layer takes {size}\n\n"
            f"    x   {describe(given)}\n\n  The last axis of x holds the features."
        )
    return given


@final
class BatchNorm(Module):
    """Center and scale each channel by the batch's mean and variance, or by running ones.

    y = (x − m) / √(v + eps) ⊙ weight + bias

    While training, m and v are the mean and the variance over the batch and all places, and the
    running ones follow them: running ← (1 − momentum) · running + momentum · batch, the variance
    with n/(n − 1) for a sample of n. Under ``nn.evaluation()`` m and v are the running ones. They
    lie in State cells: a failed step leaves them, and a checkpoint holds them. Axis 0 is the
    example, axis 1 the channel. The weights start with ones, the biases with zeros, the running
    means with zeros and the running variances with ones.

    Shapes:  x: n c   weight: c   bias: c   →   n c
             x: n c h w   weight: c   bias: c   →   n c h w
    Raises:  ShapeError: x does not have the layer's channels, or while training there is a single
             number for each channel. ArgumentError: momentum is not in [0, 1].
    Source:  ioffe2015batch, alg. 1 and 2

    >>> layer = BatchNorm(1, eps=0.0, dtype="float64")
    >>> layer(cr.tensor([[1.0], [3.0]]))
    Tensor([[-1.],
            [ 1.]])
    >>> layer.mean.value, layer.variance.value
    (Tensor([0.2]), Tensor([1.1]))
    """

    weight: Tensor | None
    bias: Tensor | None
    mean: State
    variance: State
    momentum: float
    eps: float

    def __init__(
        self,
        channels: int,
        *,
        momentum: float = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = "float32",
    ) -> None:
        _check("BatchNorm", channels, eps)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"BatchNorm: momentum={momentum}, which must be in [0, 1]")
        self.weight = creation.ones(channels, dtype=dtype) if affine else None
        self.bias = creation.zeros(channels, dtype=dtype) if affine else None
        self.mean = State(creation.zeros(channels, dtype=dtype), across="mean")
        self.variance = State(creation.ones(channels, dtype=dtype), across="mean")
        self.momentum = float(momentum)
        self.eps = float(eps)

    def __call__(self, x: Operand, /) -> Tensor:
        """Center and scale; while training, let the running statistics follow."""
        given = _channels("BatchNorm", x, self.mean.value.shape[0])
        if is_evaluation():
            mean, variance = self.mean.value, self.variance.value
        else:
            mean, variance = self._gathered(given)
        return normalization.batch_norm(given, mean, variance, self.weight, self.bias, self.eps)

    def _gathered(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's mean and variance, which the running ones follow."""
        size = math.prod(x.shape) // x.shape[1]
        if size < 2:
            raise ShapeError(
                f"BatchNorm: there {'is one number' if size else 'are no numbers'} for each channel"
                f", which has no variance\n\n    x   {describe(x)}\n\n"
                "  Train with larger batches, or evaluate under cr.nn.evaluation()."
            )
        mean, variance = normalization.batch_statistics(x)
        for cell, batch, scale in (
            (self.mean, mean, 1.0),
            (self.variance, variance, size / (size - 1)),
        ):
            running = cell.value
            new = multiply(cast(stop_gradient(batch), running.dtype), self.momentum * scale)
            cell.value = add(multiply(running, 1 - self.momentum), new)
        return mean, variance

    def describe(self) -> str:
        """Give the kind of this layer with its number of channels."""
        return f"BatchNorm({self.mean.value.shape[0]})"


@final
class LayerNorm(Module):
    """Center and scale each vector along the last axis.

    y = (x − E[x]) / √(Var[x] + eps) ⊙ weight + bias

    The weights start with ones, the biases with zeros.

    Shapes:  x: ... d   weight: d   bias: d   →   ... d
    Raises:  ShapeError: the last axis of x does not have ``features`` elements.
    Source:  ba2016layer, eq. 3–4

    >>> LayerNorm(2, eps=0.0, dtype="float64")(cr.tensor([1.0, 3.0]))
    Tensor([-1.,  1.])
    """

    weight: Tensor
    bias: Tensor | None
    eps: float

    def __init__(
        self, features: int, *, bias: bool = True, eps: float = 1e-5, dtype: Any = "float32"
    ) -> None:
        _check("LayerNorm", features, eps)
        self.weight = creation.ones(features, dtype=dtype)
        self.bias = creation.zeros(features, dtype=dtype) if bias else None
        self.eps = float(eps)

    def __call__(self, x: Operand, /) -> Tensor:
        """Center and scale."""
        given = _last("LayerNorm", x, self.weight.shape[-1])
        return normalization.layer_norm(given, self.weight, self.bias, self.eps)

    def describe(self) -> str:
        """Give the kind of this layer with its size."""
        return f"LayerNorm({_size(self.weight)}{', bias=False' if self.bias is None else ''})"


@final
class RMSNorm(Module):
    """Scale each vector along the last axis by its root mean square.

    y = x / √(E[x²] + eps) ⊙ weight

    The weights start with ones.

    Shapes:  x: ... d   weight: d   →   ... d
    Raises:  ShapeError: the last axis of x does not have ``features`` elements.
    Source:  zhang2019root, eq. 4

    >>> RMSNorm(2, eps=0.0, dtype="float64")(cr.tensor([2.0, 2.0]))
    Tensor([1., 1.])
    """

    weight: Tensor
    eps: float

    def __init__(self, features: int, *, eps: float = 1e-6, dtype: Any = "float32") -> None:
        _check("RMSNorm", features, eps)
        self.weight = creation.ones(features, dtype=dtype)
        self.eps = float(eps)

    def __call__(self, x: Operand, /) -> Tensor:
        """Scale."""
        given = _last("RMSNorm", x, self.weight.shape[-1])
        return normalization.rms_norm(given, self.weight, self.eps)

    def describe(self) -> str:
        """Give the kind of this layer with its size."""
        return f"RMSNorm({_size(self.weight)})"


@final
class GroupNorm(Module):
    """Center and scale each example's channels in groups of neighbors.

    y = (x − E[x]) / √(Var[x] + eps) ⊙ weight + bias, mean and variance over a group and all places

    Axis 0 is the example, axis 1 the channel. One group is layer, one channel each instance
    normalization. The weights start with ones, the biases with zeros.

    Shapes:  x: n g·c h w   weight: g·c   bias: g·c   →   n g·c h w
    Raises:  ShapeError: x does not have the layer's channels.
             ArgumentError: the channels do not split into the groups evenly.
    Source:  wu2018group, eq. 1

    >>> GroupNorm(2, 4, eps=1e-12, dtype="float64")(cr.tensor([[1.0, 3.0, 5.0, 5.0]]))
    Tensor([[-1.,  1.,  0.,  0.]])
    """

    weight: Tensor
    bias: Tensor
    groups: int
    eps: float

    def __init__(
        self, groups: int, channels: int, *, eps: float = 1e-5, dtype: Any = "float32"
    ) -> None:
        _check("GroupNorm", channels, eps)
        if groups < 1 or channels % groups:
            raise ArgumentError(
                f"GroupNorm: {channels} channels do not split into {groups} equal groups"
            )
        self.weight = creation.ones(channels, dtype=dtype)
        self.bias = creation.zeros(channels, dtype=dtype)
        self.groups = groups
        self.eps = float(eps)

    def __call__(self, x: Operand, /) -> Tensor:
        """Center and scale."""
        given = _channels("GroupNorm", x, self.weight.shape[0])
        return normalization.group_norm(given, self.groups, self.weight, self.bias, self.eps)

    def describe(self) -> str:
        """Give the kind of this layer with its groups and channels."""
        return f"GroupNorm({self.groups} of {_size(self.weight)})"


def _size(weight: Any) -> Any:
    """The number of features, also in a tree whose leaves are no Tensors."""
    return getattr(weight, "shape", ("?",))[0]
