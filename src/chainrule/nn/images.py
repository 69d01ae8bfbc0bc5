"""Networks for images, ready made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.functions import random
from chainrule.functions.activations import relu
from chainrule.nn.convolution import Conv2d
from chainrule.nn.flatten import Flatten
from chainrule.nn.initialization import he_normal, normal
from chainrule.nn.keys import key_for
from chainrule.nn.linear import Linear
from chainrule.nn.normalization import BatchNorm
from chainrule.nn.pooling import GlobalAvgPool, MaxPool2d
from chainrule.nn.residual import Residual
from chainrule.nn.sequential import Sequential
from chainrule.tensors import Tensor

__all__ = ["lenet", "resnet"]


def lenet(
    shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    *,
    key: Tensor | None = None,
    dtype: Any = "float32",
) -> Sequential:
    """Make LeNet-5 as it is built today: with relu, maximum pooling and all maps connected.

    conv 6, 5×5, same → relu → pool 2 → conv 16, 5×5 → relu → pool 2 → 120 → relu → 84 → relu → k

    ``shape`` is that of one image, c h w. All weights start by He's normal distribution, the biases
    with zeros.

    Raises:  ArgumentError: the images have no three axes or are too small, or there is no key.
    Source:  lecun1998gradient, sec. II; he2015delving, eq. 10

    >>> model = cr.nn.lenet((1, 28, 28), 10, key=cr.random.key(0))
    >>> model(cr.zeros((5, 1, 28, 28), dtype="float32")).shape, cr.nn.count(model)
    ((5, 10), 61706)
    """
    channels, height, width = _image("lenet", shape, 12, classes)
    keys = random.split(key_for("lenet", key), 5)
    flat = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)

    def layer(place: int, n: int, m: int) -> Linear:
        return Linear(n, m, weight_init=he_normal(), key=keys[place], dtype=dtype)

    return Sequential(
        Conv2d(channels, 6, 5, padding="same", key=keys[0], dtype=dtype),
        relu,
        MaxPool2d(2),
        Conv2d(6, 16, 5, key=keys[1], dtype=dtype),
        relu,
        MaxPool2d(2),
        Flatten(),
        layer(2, flat, 120),
        relu,
        layer(3, 120, 84),
        relu,
        layer(4, 84, classes),
    )


def resnet(
    shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    *,
    width: int = 16,
    blocks: int = 1,
    stem: int | None = None,
    key: Tensor | None = None,
    dtype: Any = "float32",
) -> Sequential:
    """Make the residual network for small images, of 6 · blocks + 2 layers.

    stem → 3 stages of ``blocks`` residual blocks → global average → k scores

    Stage i has 2ⁱ · width channels; from the second on its first block halves the image. A block is
    relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))); where the shape changes, its shortcut is a
    1×1 convolution with normalization. One block a stage and width 16 are ResNet-8, three are
    ResNet-20. Kernels start by He's normal distribution, the scores' weights by N(0, 0.01²).

    ``stem``, the channels of the first convolution, is ``width`` in the paper. Where it is given,
    the first stage halves the image too: only the stem then works at full size, and twice the
    width costs less than before.

    ``shape`` is that of one image, c h w.

    Raises:  ArgumentError: the images have no three axes, a size is less than 1, or there is no
             key.
    Cost:    12.5 million multiplications for an image of 32×32; width 32 with a stem of 16: 10.7.
    Source:  he2016deep, sec. 3.3 and 4.2

    >>> model = cr.nn.resnet(key=cr.random.key(0))
    >>> model(cr.zeros((5, 3, 32, 32), dtype="float32")).shape, cr.nn.count(model)
    ((5, 10), 78042)
    >>> cr.nn.count(cr.nn.resnet(width=32, stem=16, key=cr.random.key(0)))
    304154
    """
    channels, _, _ = _image("resnet", shape, 1, classes)
    have = width if stem is None else stem
    if min(width, blocks, have) < 1:
        raise ArgumentError(
            f"resnet: width={width}, blocks={blocks} and stem={stem}; at least 1 each"
        )
    keys = random.split(key_for("resnet", key), 3 * blocks + 2)
    layers: list[Any] = [_normed(channels, have, 3, 1, keys[0], dtype), relu]
    for stage in range(3):
        halves = stage > 0 or stem is not None
        for place in range(blocks):
            wanted, stride = width << stage, 2 if halves and not place else 1
            layers += [_block(have, wanted, stride, keys[1 + stage * blocks + place], dtype), relu]
            have = wanted
    head = Linear(have, classes, weight_init=normal(0.01), key=keys[-1], dtype=dtype)
    return Sequential(*layers, GlobalAvgPool(), head)


def _block(n: int, m: int, stride: int, key: Tensor, dtype: Any) -> Residual:
    keys = random.split(key, 3)
    branch = Sequential(
        _normed(n, m, 3, stride, keys[0], dtype), relu, _normed(m, m, 3, 1, keys[1], dtype)
    )
    same = n == m and stride == 1
    return Residual(branch, None if same else _normed(n, m, 1, stride, keys[2], dtype))


def _normed(n: int, m: int, kernel: int, stride: int, key: Tensor, dtype: Any) -> Sequential:
    """A convolution, whose bias the normalization would take away again, and the normalization."""
    padding = kernel // 2
    return Sequential(
        Conv2d(n, m, kernel, stride=stride, padding=padding, bias=False, key=key, dtype=dtype),
        BatchNorm(m, dtype=dtype),
    )


def _image(name: str, shape: Sequence[int], least: int, classes: int) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[0] < 1 or min(shape[1:]) < least:
        raise ArgumentError(
            f"{name}: shape={tuple(shape)} is not that of an image\n\n"
            f"  It is (channels, height, width), at least {least} × {least}."
        )
    if classes < 1:
        raise ArgumentError(f"{name}: {classes} classes; at least 1")
    channels, height, width = shape
    return channels, height, width
