"""Layers that center and scale: layer, root-mean-square, group and batch normalization.

Their common core is a Block with a closed-form tangent, so its derivative needs one division for
each vector and reads the result instead of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.along_axes import dot, mean, mean_product, number, repeat
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.block import closed_form
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, floating, promoted
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor

__all__ = [
    "batch_norm",
    "batch_statistics",
    "group_norm",
    "l2_normalize",
    "layer_norm",
    "rms_norm",
]

Tangents = list[Node | None]


def _reciprocal_root(square: Node) -> Node:
    root = build.apply("sqrt", square)
    return build.apply("divide", number(1, root), root)


def _scaled_tangent(
    _inputs: list[Node], outputs: list[Node], tangents: Tangents, axes: tuple[int, ...], _eps: float
) -> Tangents:
    """dr = −r² E[y dx], dy = r ⊙ (dx − y E[y dx])."""
    (y, r), dx = outputs, tangents[0]
    if dx is None:
        return [None, None]
    change = mean_product(y, dx, axes)
    moved = build.subtract(dx, build.multiply(y, repeat(change, y, axes)))
    squared = build.multiply(r, r)
    return [
        build.multiply(repeat(r, y, axes), moved),
        build.negative(build.multiply(squared, change)),
    ]


@closed_form(_scaled_tangent)
def _scaled(x: Node, axes: tuple[int, ...], eps: float) -> list[Node]:
    """y = x r with r = 1/√(E[x²] + eps), and r."""
    square = mean_product(x, x, axes)
    r = _reciprocal_root(build.add((square, number(eps, square))))
    return [build.multiply(x, repeat(r, x, axes)), r]


def _standardized(x: Node, axes: tuple[int, ...], eps: float) -> Node:
    """(x − E[x]) / √(Var[x] + eps)."""
    centered = build.subtract(x, repeat(mean(x, axes), x, axes))
    made: Node = _scaled.builder(centered, axes, eps)[0]
    return made


def _along(values: Node, like: Node, axis: int) -> Node:
    """Repeat one number for each index of an axis."""
    return build.expand(values, like.shape, (axis,))


def _affine(x: Node, rest: Sequence[Node], axis: int, weighted: bool) -> Node:
    """Multiply by the weight and add the bias, where they are given, along an axis."""
    pending = list(rest)
    if weighted:
        x = build.multiply(x, _along(pending.pop(0), x, axis))
    if pending:
        x = build.add((x, _along(pending.pop(0), x, axis)))
    return x


def _prepared(name: str, x: Operand, axis: int, **vectors: Operand | None) -> list[Tensor]:
    """Bring x and the vectors that are given to one floating dtype, and check their lengths."""
    given = {k: v for k, v in vectors.items() if v is not None}
    first, *tensors = [floating(t) for t in promoted(name, x, *given.values())]
    place = "the last axis" if axis == -1 else f"axis {axis}"
    if not -first.ndim <= axis < first.ndim:
        raise ShapeError(
            f"{name}: x has no {place.removeprefix('the ')}\n\n    x   {describe(first)}"
        )
    wanted = (first.shape[axis],)
    for key, tensor in zip(given, tensors, strict=True):
        if tensor.shape != wanted:
            shape = list(tensor.shape)
            raise ShapeError(
                f"{name}: {key} has shape {shape} and {place} of x has {wanted[0]} elements\n\n"
                f"    {'x':{len(key)}}   {describe(first)}\n    {key}   {describe(tensor)}\n\n"
                f"  {key} holds one number for each index of {place}, so its shape is "
                f"{list(wanted)}."
            )
    return [first, *tensors]


def _layer_norm_nodes(x: Node, *rest: Any) -> Node:
    *vectors, eps, weighted = rest
    last = x.ndim - 1
    return _affine(_standardized(x, (last,), eps), vectors, last, weighted)


def _layer_norm_kernel(x: Node, *rest: Any) -> Callable[..., np.ndarray] | None:
    """The same over one array."""
    *_, eps, weighted = rest
    if 0 in x.shape:
        return None
    share = 1 / x.shape[-1]

    def layer_norm(x: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
        average = np.add.reduce(x, -1, keepdims=True)
        average *= share
        made = np.subtract(x, average)
        root = np.asarray(np.vecdot(made, made))[..., None]
        root *= share
        root += eps
        np.divide(1, np.sqrt(root, out=root), out=root)
        made *= root
        if weighted:
            made *= vectors[0]
        if len(vectors) > weighted:
            made += vectors[-1]
        return np.asarray(made)

    return layer_norm


_layer_norm: Final = Lifted(_layer_norm_nodes, _layer_norm_kernel)


def layer_norm(
    x: Operand,
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Center and scale each vector along the last axis.

    y = (x − E[x]) / √(Var[x] + eps) ⊙ weight + bias

    Shapes:  x: ... d   weight: d   bias: d   →   ... d
    Units:   eps has the unit of x².
    Raises:  ShapeError: weight or bias does not have the length of x's last axis.
    Source:  ba2016layer, eq. 3–4

    >>> layer_norm(tensor([1.0, 3.0]), eps=0.0)
    Tensor([-1.,  1.])
    """
    tensors = _prepared("layer_norm", x, -1, weight=weight, bias=bias)
    return _layer_norm(tensors, float(eps), weight is not None)


def _rms_norm_nodes(x: Node, *rest: Any) -> Node:
    *vectors, eps = rest
    last = x.ndim - 1
    made = _scaled.builder(x, (last,), eps)
    return _affine(made[0], vectors, last, bool(vectors))


_rms_norm: Final = Lifted(_rms_norm_nodes)


def rms_norm(x: Operand, weight: Operand | None = None, eps: float = 1e-6) -> Tensor:
    """Scale each vector along the last axis by its root mean square.

    y = x / √(E[x²] + eps) ⊙ weight

    Shapes:  x: ... d   weight: d   →   ... d
    Units:   eps has the unit of x².
    Raises:  ShapeError: weight does not have the length of x's last axis.
    Source:  zhang2019root, eq. 4

    >>> rms_norm(tensor([2.0, 2.0]), eps=0.0)
    Tensor([1., 1.])
    """
    tensors = _prepared("rms_norm", x, -1, weight=weight)
    return _rms_norm(tensors, float(eps))


# ---------------------------------------------------------------- channels: axis 1


def _group_norm_nodes(x: Node, *rest: Any) -> Node:
    *vectors, groups, eps, weighted = rest
    grouped = build.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    made = _standardized(grouped, tuple(range(2, grouped.ndim)), eps)
    return _affine(build.reshape(made, x.shape), vectors, 1, weighted)


_group_norm: Final = Lifted(_group_norm_nodes)


def group_norm(
    x: Operand,
    groups: int,
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Center and scale each example's channels in groups of neighbors.

    y = (x − E[x]) / √(Var[x] + eps) ⊙ weight + bias, mean and variance over a group and all places

    Axis 0 is the example, axis 1 the channel; one group is layer, one channel each instance
    normalization.

    Shapes:  x: n g·c ...   weight: g·c   bias: g·c   →   n g·c ...   for groups=g
    Units:   eps has the unit of x².
    Raises:  ShapeError: the channels do not split into the groups evenly, or weight or bias does
             not hold one number for each channel.
    Source:  wu2018group, eq. 1

    >>> group_norm(tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=1e-12)
    Tensor([[-1.,  1.,  0.,  0.]])
    """
    tensors = _prepared("group_norm", x, 1, weight=weight, bias=bias)
    channels = tensors[0].shape[1]
    if groups < 1 or channels % groups:
        raise ShapeError(
            f"group_norm: {channels} channels do not split into {groups} equal groups\n\n"
            f"    x   {describe(tensors[0])}\n\n  The channels are axis 1 of x."
        )
    return _group_norm(tensors, groups, float(eps), weight is not None)


def _channel_axes(x: Node) -> tuple[int, ...]:
    return tuple(a for a in range(x.ndim) if a != 1)


def _batch_statistics_nodes(x: Node) -> list[Node]:
    axes = _channel_axes(x)
    center = mean(x, axes)
    centered = build.subtract(x, repeat(center, x, axes))
    return [center, mean_product(centered, centered, axes)]


_batch_statistics: Final = Lifted(_batch_statistics_nodes)


def batch_statistics(x: Operand) -> tuple[Tensor, Tensor]:
    """Give each channel's mean and variance over the batch and all places.

    m = E[x],   v = E[(x − m)²]

    Axis 0 is the example, axis 1 the channel. The variance is the biased one, divided by the count.

    Shapes:  x: n c ...   →   c, c
    Raises:  ShapeError: x has no axis 1.
    Source:  ioffe2015batch, alg. 1

    >>> batch_statistics(tensor([[1.0], [3.0]]))
    (Tensor([2.]), Tensor([1.]))
    """
    mean_, variance = _batch_statistics(_prepared("batch_statistics", x, 1))
    return mean_, variance


def _batch_norm_nodes(x: Node, *rest: Any) -> Node:
    center, variance, *vectors, eps, weighted = rest
    r = _reciprocal_root(build.add((variance, number(eps, variance))))
    centered = build.subtract(x, _along(center, x, 1))
    if weighted:
        r = build.multiply(r, vectors.pop(0))
    return _affine(build.multiply(centered, _along(r, x, 1)), vectors, 1, False)


_batch_norm: Final = Lifted(_batch_norm_nodes)


def batch_norm(
    x: Operand,
    mean: Operand,
    variance: Operand,
    weight: Operand | None = None,
    bias: Operand | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Center and scale each channel by a mean and a variance that are given.

    y = (x − mean) / √(variance + eps) ⊙ weight + bias

    Axis 0 is the example, axis 1 the channel. While training, mean and variance are those of the
    batch (``batch_statistics``) and the derivative flows through them too.

    Shapes:  x: n c ...   mean: c   variance: c   weight: c   bias: c   →   n c ...
    Units:   eps has the unit of x².
    Raises:  ShapeError: a vector does not hold one number for each channel.
    Source:  ioffe2015batch, alg. 1

    >>> x = tensor([[1.0], [3.0]])
    >>> batch_norm(x, *batch_statistics(x), eps=0.0)
    Tensor([[-1.],
            [ 1.]])
    """
    tensors = _prepared("batch_norm", x, 1, mean=mean, variance=variance, weight=weight, bias=bias)
    return _batch_norm(tensors, float(eps), weight is not None)


# ---------------------------------------------------------------- length


def _l2_normalize_nodes(x: Node, axes: tuple[int, ...], eps: float) -> Node:
    square = dot(x, x, axes)
    floor = number(eps * eps, square)
    r = _reciprocal_root(build.apply("maximum", square, floor))
    return build.multiply(x, repeat(r, x, axes))


_l2_normalize: Final = Lifted(_l2_normalize_nodes)


def l2_normalize(x: Operand, /, *, axis: Axes = -1, eps: float = 1e-12) -> Tensor:
    """Divide by the Euclidean length, or by eps where that is longer.

    y = x / max(‖x‖₂, eps)

    Shapes:  x: ... n   →   ... n
    Units:   eps has the unit of x.
    Raises:  ShapeError: x lacks an axis. ArgumentError: eps is not positive.

    >>> l2_normalize(tensor([3.0, 4.0]))
    Tensor([0.6, 0.8])
    """
    if not eps > 0:
        raise ArgumentError(f"l2_normalize: eps is {eps}; it must be positive")
    x = floating(as_tensor(x, "l2_normalize"))
    return _l2_normalize([x], axes_of("l2_normalize", axis, x), float(eps))
