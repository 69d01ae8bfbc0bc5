"""Random changes of images that do not change their class, inside the compiled training step.

Each step is a function of a key and one image; `augment` maps it over a batch. The key of an
example follows from the seed, the epoch and its row alone, so that what is drawn for it does not
depend on the batch that it is in, or on where training was resumed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.order import Purpose, random_words, require_integer, require_seed
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random
from chainrule.functions.comparison import less
from chainrule.functions.creation import arange, asarray
from chainrule.functions.data_types import astype
from chainrule.functions.elementwise import abs, clip, where
from chainrule.functions.indexing import take
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.linear import einsum
from chainrule.functions.logic import logical_and, logical_not
from chainrule.functions.manipulation import flip, reshape
from chainrule.functions.reduction import mean
from chainrule.ir.dtype import int64
from chainrule.tensors import Tensor
from chainrule.transform import vmap

__all__ = ["Color", "Crop", "Cutout", "Flip", "Step", "augment", "keys_for", "parse"]

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""A function of a key and one float image, channels first: a changed image of the same shape."""

# How bright red, green and blue look (ITU-R BT.601), as in Pillow and torchvision.
_LUMA = (0.299, 0.587, 0.114)


def keys_for(seed: int, epoch: int, rows: Any) -> Array:
    """The key of each of these rows in an epoch: a pure function of (seed, epoch, row).

    Shapes:  rows: n   →   n 2   for seed=0, epoch=1
    Raises:  ArgumentError: seed or epoch is not an integer from 0 to 2⁶⁴ − 1.

    >>> keys = keys_for(seed=0, epoch=1, rows=[5, 8])
    >>> bool((keys[1] == keys_for(0, 1, [8])[0]).all())
    True
    """
    require_seed("keys_for", seed, epoch)
    row_numbers = np.asarray(rows, np.uint64)
    stream = random_words(1, seed, epoch, Purpose.AUGMENTATION)
    return np.stack([np.broadcast_to(stream, row_numbers.shape), row_numbers], axis=-1)


def augment(steps: Sequence[Step], keys: Operand, images: Operand) -> Tensor:
    """Apply steps in turn to each image of a batch, each with a key of its own.

    Shapes:  keys: n 2   images: n c h w   →   n c h w   for steps=()
    Raises:  ShapeError: there is not one key for each image.

    >>> images = cr.reshape(cr.arange(4.0), (1, 1, 2, 2))
    >>> augment([Flip(probability=1)], keys_for(0, 0, [0]), images)
    Tensor([[[[1., 0.],
              [3., 2.]]]])
    """
    stack, batch = as_tensor(keys, "augment"), as_tensor(images, "augment")
    if batch.ndim != 4 or stack.shape != (batch.shape[0], 2):
        raise ShapeError(
            "augment: there must be one key for each image\n\n"
            f"    keys    {describe(stack)}\n    images  {describe(batch)}\n\n"
            "  Images are n c h w, keys n 2."
        )
    if not steps:
        return batch

    def one(key: Tensor, image: Tensor) -> Tensor:
        step_keys = random.split(key, len(steps))
        for number, step in enumerate(steps):
            image = step(step_keys[number], image)
        return image

    made: Tensor = vmap(one)(stack, batch)
    return made


@final
@dataclass(frozen=True)
class Flip:
    """Mirror an image with a probability: left to right, or upside down along "height".

    Raises:  ArgumentError: the probability is not between 0 and 1, or there is no such axis.

    >>> Flip(probability=1)(cr.random.key(0), cr.tensor([[[1.0, 2.0, 3.0]]]))
    Tensor([[[3., 2., 1.]]])
    """

    probability: float = 0.5
    axis: Literal["width", "height"] = "width"

    def __post_init__(self) -> None:
        _require_number("Flip", "probability", self.probability, 1)
        _require_one_of("Flip", "axis", self.axis, ("width", "height"))

    def __call__(self, key: Tensor, image: Tensor) -> Tensor:
        """Mirror the image, or not."""
        _require_image("Flip", image)
        mirrored = flip(image, axis=2 if self.axis == "width" else 1)
        return where(less(random.uniform(key), self.probability), mirrored, image)


@final
@dataclass(frozen=True)
class Crop:
    """Move an image by up to `padding` pixels in each direction.

    y[c, i, j] = x[c, i + a, j + b],   a and b uniform from −padding to padding

    This is a crop of the original size from the padded image. What comes from outside of the
    image is 0, or with "edge" the nearest pixel, or with "reflect" the mirrored image.

    Raises:  ArgumentError: the padding is not an integer from 1, or there is no such mode.
             ShapeError: the padding is not smaller than the image.
    Source:  he2016deep, sec. 4.2

    >>> Crop(1)(cr.random.key(4), cr.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    Tensor([[[0., 0.],
             [1., 2.]]])
    """

    padding: int = 4
    mode: Literal["zeros", "edge", "reflect"] = "zeros"

    def __post_init__(self) -> None:
        require_integer("Crop", "padding", self.padding, 1)
        _require_one_of("Crop", "mode", self.mode, ("zeros", "edge", "reflect"))

    def __call__(self, key: Tensor, image: Tensor) -> Tensor:
        """Move the image."""
        _, height, width = _require_image("Crop", image)
        if self.padding >= min(height, width):
            raise ShapeError(
                f"Crop: a padding of {self.padding} is not smaller than the image\n\n"
                f"    image  {describe(image)}"
            )
        shift = random.randint(key, (2,), -self.padding, self.padding + 1)
        rows, columns = arange(height) + shift[0], arange(width) + shift[1]
        moved = take(image, self._inside(rows, height), axis=1)
        moved = take(moved, self._inside(columns, width), axis=2)
        if self.mode != "zeros":
            return moved
        return where(_both(_is_inside(rows, 0, height), _is_inside(columns, 0, width)), moved, 0)

    def _inside(self, places: Tensor, size: int) -> Tensor:
        """The pixel that stands for each place along an axis."""
        if self.mode == "reflect":
            return (size - 1) - abs((size - 1) - abs(places))
        return clip(places, 0, size - 1)


@final
@dataclass(frozen=True)
class Cutout:
    """Set a square of `size` × `size` pixels to `fill`; its center is any pixel.

    What lies outside of the image is not cut, so the square may be smaller. The default fill, 0,
    is black, or the mean of the training set if images are standardized, as in the paper.

    Raises:  ArgumentError: the size is not an integer from 1, or fill is not finite.
    Source:  devries2017cutout, sec. 3

    >>> Cutout(2)(cr.random.key(1), cr.ones((1, 3, 3)))
    Tensor([[[1., 0., 0.],
             [1., 1., 1.],
             [1., 1., 1.]]])
    """

    size: int = 8
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_integer("Cutout", "size", self.size, 1)
        _require_number("Cutout", "fill", self.fill, math.inf, -math.inf)

    def __call__(self, key: Tensor, image: Tensor) -> Tensor:
        """Cut the square out."""
        _, height, width = _require_image("Cutout", image)
        center = astype(random.uniform(key, (2,)) * asarray([height, width]), int64)
        top, left = center[0] - self.size // 2, center[1] - self.size // 2
        rows = _is_inside(arange(height), top, top + self.size)
        columns = _is_inside(arange(width), left, left + self.size)
        return where(logical_not(_both(rows, columns)), image, self.fill)


@final
@dataclass(frozen=True)
class Color:
    """Change brightness, contrast and saturation, each by a random factor.

    y = black + f₁ (x − black),   z = m + f₂ (y − m),   w = g + f₃ (z − g)

    m is the mean gray of y, and g the gray of each pixel of z: 0.299 red + 0.587 green +
    0.114 blue, or the mean of other channels. Each factor is uniform from 1 − strength to
    1 + strength. The result is not clipped.

    black  what a black pixel is in the image's units, for all channels or for each: 0, or
           −mean / std if images are standardized

    Raises:  ArgumentError: a strength is not between 0 and 1, or black is not finite.
             ShapeError: black has another number of channels.

    >>> Color(brightness=0.5, contrast=0, saturation=0)(cr.random.key(0), cr.ones((1, 1, 2)))
    Tensor([[[0.51154675, 0.51154675]]])
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    black: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            _require_number("Color", name, getattr(self, name), 1)
        for value in self.black if isinstance(self.black, tuple) else (self.black,):
            _require_number("Color", "black", value, math.inf, -math.inf)

    @classmethod
    def even(cls, strength: float = 0.2) -> Self:
        """Change all three alike.

        >>> Color.even(0.1)
        Color(brightness=0.1, contrast=0.1, saturation=0.1, black=0.0)
        """
        return cls(strength, strength, strength)

    def __call__(self, key: Tensor, image: Tensor) -> Tensor:
        """Change the colors."""
        channels, height, width = _require_image("Color", image)
        # In the image's dtype, so that a float32 image stays one.
        strengths = asarray([self.brightness, self.contrast, self.saturation], dtype=image.dtype)
        draws = random.uniform(key, (3,), -1.0, 1.0, dtype=image.dtype)
        bright, contrast, saturation = [1 + strengths[i] * draws[i] for i in range(3)]
        y = bright * image
        if self.black:
            y = y + (1 - bright) * self._black(image)
        gray = _gray(y)
        # z and g put together: the gray of z is z of the gray, since the weights add up to 1.
        z = y
        if self.saturation and channels > 1:
            z = saturation * y + reshape((1 - saturation) * gray, (1, height, width))
        mixed: Tensor = contrast * z + (1 - contrast) * mean(gray)
        return mixed

    def _black(self, image: Tensor) -> Tensor:
        if not isinstance(self.black, tuple):
            return asarray(self.black, dtype=image.dtype)
        if len(self.black) != image.shape[0]:
            raise ShapeError(
                f"Color: black has {len(self.black)} values, one for each channel\n\n"
                f"    image  {describe(image)}"
            )
        return reshape(asarray(self.black, dtype=image.dtype), (-1, 1, 1))


def _gray(image: Tensor) -> Tensor:
    if image.shape[0] != len(_LUMA):
        return mean(image, axis=0)
    return einsum("c,c h w->h w", asarray(_LUMA, dtype=image.dtype), image)


def _is_inside(places: Tensor, first: Operand, last: Operand) -> Tensor:
    return logical_and(logical_not(less(places, first)), less(places, last))


def _both(rows: Tensor, columns: Tensor) -> Tensor:
    """Where both are true, as a table."""
    return logical_and(reshape(rows, (-1, 1)), columns)


def _require_image(step: str, image: Tensor) -> tuple[int, int, int]:
    if image.ndim != 3 or not image.dtype.is_float:
        raise ShapeError(
            f"{step}: an image has floats on three axes, c h w\n\n    image  {describe(image)}"
        )
    channels, height, width = image.shape
    return channels, height, width


def _require_number(caller: str, name: str, value: Any, high: float, low: float = 0.0) -> None:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and low <= value <= high:
        return
    possible = f"a number from {low:g} to {high:g}" if math.isfinite(high) else "a finite number"
    details = {name: repr(value), "possible": possible}
    raise ArgumentError(explanation(f"{caller}: {name} cannot be used", details))


def _require_one_of(caller: str, name: str, value: Any, possible: tuple[str, ...]) -> None:
    if value not in possible:
        details = {name: repr(value), "possible": ", ".join(f'"{word}"' for word in possible)}
        raise ArgumentError(explanation(f"{caller}: {name} cannot be used", details))


# ---------------------------------------------------------------- steps as text


_STEPS: Mapping[str, tuple[Callable[..., Step], type, str]] = MappingProxyType(
    {
        "flip": (Flip, float, "flip or flip:PROBABILITY"),
        "crop": (Crop, int, "crop or crop:PADDING, in pixels"),
        "cutout": (Cutout, int, "cutout or cutout:SIZE, in pixels"),
        "color": (Color.even, float, "color or color:STRENGTH, from 0 to 1"),
    }
)


def parse(text: str, black: float | tuple[float, ...] = 0.0) -> tuple[Step, ...]:
    """Read steps from text, such as an option of a command has it; an empty one has no steps.

    black  what a black pixel is in the images, as `Dataset.black` has it

    Raises:  ArgumentError: there is no such step, or its number cannot be meant.

    >>> parse("flip,crop:4")
    (Flip(probability=0.5, axis='width'), Crop(padding=4, mode='zeros'))
    """
    steps = (_parse_step(part.strip(), text) for part in text.split(",") if part.strip())
    return tuple(replace(s, black=black) if isinstance(s, Color) else s for s in steps)


def _parse_step(part: str, text: str) -> Step:
    name, colon, number = part.partition(":")
    if name not in _STEPS:
        details = {"given": text, **{name: form for name, (_, _, form) in _STEPS.items()}}
        raise ArgumentError(explanation(f"augmentation: there is no step {name!r}", details))
    make, kind, form = _STEPS[name]
    try:
        return make(kind(number)) if colon else make()
    except ValueError as cause:  # not a number, or one that the step refuses
        details = {"given": text, "possible": form}
        fact = f"augmentation: {part!r} cannot be used"
        raise ArgumentError(explanation(fact, details)) from cause
