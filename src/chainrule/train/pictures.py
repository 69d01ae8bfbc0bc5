"""Weights and examples as images: height × width, or height × width × 3."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.data import Dataset

__all__ = ["pixels", "templates", "units"]

_MOST_UNITS = 60
_CHANNELS = (1, 3)  # gray, or red, green and blue
_Array = npt.NDArray[Any]


def templates(model: Any, data: Dataset) -> list[tuple[str, _Array]]:
    """Give the weights of a linear model, an image for each class."""
    weighted = list(_weighted(model))
    if len(weighted) != 1 or not _sees_pixels(weighted[0], data):
        return []
    images = _of_pixels(weighted[0], data)
    names = data.classes or ()
    if len(names) != len(images):  # quantities, or one score that tells two classes apart
        names = tuple(f"output {place}" for place in range(len(images)))
    return list(zip(names, images, strict=True))


def units(model: Any, data: Dataset) -> list[tuple[str, _Array]]:
    """Give the weights of the first of several layers, an image for each unit.

    Of many units those with the largest weights.
    """
    weighted = list(_weighted(model))
    if len(weighted) < 2 or data.image_shape is None:
        return []
    first = weighted[0]
    if _sees_pixels(first, data):
        images = _of_pixels(first, data)
    elif isinstance(first, nn.Conv2d) and first.weight.shape[1] in _CHANNELS:
        kernels = np.asarray(first.weight.numpy(), np.float64)
        images = [_flat(kernel.transpose(1, 2, 0)) for kernel in kernels]
    else:
        return []
    sizes = [float(np.sum(image * image)) for image in images]
    largest = sorted(sorted(range(len(images)), key=lambda unit: -sizes[unit])[:_MOST_UNITS])
    return [(f"unit {unit}", images[unit]) for unit in largest]


def _sees_pixels(layer: Any, data: Dataset) -> bool:
    """Whether a layer weighs each pixel of an image that can be shown."""
    if not isinstance(layer, nn.Linear) or data.image_shape is None:
        return False
    is_whole = layer.weight.shape[1] == np.prod(data.image_shape)
    return bool(is_whole and data.image_shape[2] in _CHANNELS)


def _of_pixels(layer: nn.Linear, data: Dataset) -> list[_Array]:
    """By how much a pixel as stored raises each output.

    The output is w·(x − mean)/std + b, so that the weight of the pixel x itself is w/std.
    """
    assert data.image_shape is not None
    height, width, channels = data.image_shape
    weight = np.asarray(layer.weight.numpy(), np.float64)
    if data.standardization is not None:
        weight = weight / np.broadcast_to(data.standardization.std, data.shape).ravel()
    if data.layout == "CHW":
        images = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = weight.reshape(-1, height, width, channels)
    return [_flat(image) for image in images]


def _flat(image: _Array) -> _Array:
    return image[..., 0] if image.shape[-1] == 1 else image


def _weighted(model: Any) -> Iterator[Any]:
    """The modules with weights, in the order of computation, as far as they stand in sequences."""
    pending = [model]
    while pending:
        layer = pending.pop(0)
        if isinstance(layer, nn.Sequential):
            pending = [*layer, *pending]
        elif isinstance(layer, nn.Module) and nn.count(layer):
            yield layer


def pixels(data: Dataset, rows: _Array) -> npt.NDArray[np.uint8] | None:
    """Give examples as images of bytes, n h w or n h w 3; None if they are no images."""
    if data.image_shape is None or data.image_shape[2] not in _CHANNELS or not len(rows):
        return None
    height, width, channels = data.image_shape
    stored = np.asarray(data.take(rows).inputs)
    if data.layout == "CHW":
        images = stored.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = stored.reshape(-1, height, width, channels)
    largest = (data.preparation or {}).get("largest", 255)
    if images.dtype != np.uint8 or largest != 255:
        images = _as_bytes(images.astype(np.float64), largest)
    return images[..., 0] if channels == 1 else images


def _as_bytes(images: _Array, largest: float) -> npt.NDArray[np.uint8]:
    """Spread values over the bytes: from 0 if there are none below."""
    low = min(0.0, float(np.nanmin(images)))
    high = max(float(np.nanmax(images)), largest if largest != 255 else low + 1e-12)
    return np.rint(255 * np.nan_to_num((images - low) / (high - low))).astype(np.uint8)
