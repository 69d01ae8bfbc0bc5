"""What the way from stored examples to batches says, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule.data import Dataset, Standardization, prefetch
from chainrule.data.augmentation import Color, Crop, Cutout, Flip, augment, keys_for, parse
from chainrule.errors import ArgumentError, ChainruleError, DataError, ShapeError
from chainrule.functions.random import key
from chainrule.tensors import Tensor, tensor

KEY = key(0)
DATA = Dataset(np.zeros((10, 12)), np.arange(10) % 2, image_shape=(2, 2, 3))


def image(*shape: int, dtype: str = "float32") -> Tensor:
    return tensor(np.zeros(shape, dtype))


MESSAGES: dict[str, tuple[type[ChainruleError], Callable[[], Any], str]] = {
    "layout": (
        ArgumentError,
        lambda: DATA.as_images("CWH"),  # type: ignore[arg-type]
        ('as_images: there is no such layout\n\n    layout    \'CWH\'\n    possible  "HWC", "CHW"'),
    ),
    "fractions that do not add up": (
        ArgumentError,
        lambda: DATA.split((0.8, 0.1)),
        (
            "split: the fractions do not add up to 1\n\n"
            "    examples   10\n"
            "    fractions  (0.8, 0.1)\n"
            "    sum        0.9"
        ),
    ),
    "a fraction of nothing": (
        ArgumentError,
        lambda: DATA.split((1.0, 0.0)),
        (
            "split: the fractions are not several positive numbers\n\n"
            "    examples   10\n"
            "    fractions  (1.0, 0.0)"
        ),
    ),
    "an empty part": (
        ArgumentError,
        lambda: DATA.split((0.96, 0.02, 0.02)),
        (
            "split: a part is left without examples\n\n"
            "    examples   10\n"
            "    fractions  (0.96, 0.02, 0.02)\n"
            "    parts      10, 0, 0"
        ),
    ),
    "one fold": (
        ArgumentError,
        lambda: DATA.folds(1),
        "folds: k cannot be used\n\n    k         1\n    possible  an integer from 2 to 10",
    ),
    "more folds than examples": (
        ArgumentError,
        lambda: DATA.folds(11),
        "folds: k cannot be used\n\n    k         11\n    possible  an integer from 2 to 10",
    ),
    "seed of folds": (
        ArgumentError,
        lambda: DATA.folds(2, seed=-1),
        (
            "folds: seed cannot be used\n\n"
            "    seed      -1\n"
            "    possible  an integer from 0 to 18446744073709551615"
        ),
    ),
    "channels of a table": (
        DataError,
        lambda: Dataset(np.zeros((10, 2)), np.zeros(10)).standardize(per="channel"),
        ("data: these are not images\n\n    inputs   float64[10, 2]\n    targets  float64[10]"),
    ),
    "no channel axis": (
        ArgumentError,
        lambda: Standardization.fit(np.zeros((10, 2)), "channel"),
        (
            "standardize: the channels are on no axis of an example\n\n"
            "    channel_axis  None\n"
            "    axes          1"
        ),
    ),
    "depth": (
        ArgumentError,
        lambda: prefetch([], depth=-1),
        "prefetch: depth cannot be used\n\n    depth     -1\n    possible  an integer from 0 on",
    ),
    "epoch of keys": (
        ArgumentError,
        lambda: keys_for(0, 1.5, [1]),  # type: ignore[arg-type]
        (
            "keys_for: epoch cannot be used\n\n"
            "    epoch     1.5\n"
            "    possible  an integer from 0 to 18446744073709551615"
        ),
    ),
    "keys": (
        ShapeError,
        lambda: augment([Flip()], keys_for(0, 0, [1, 2]), image(3, 1, 2, 2)),
        (
            "augment: there must be one key for each image\n\n"
            "    keys    u64[2, 2]\n"
            "    images  f32[3, 1, 2, 2]\n\n"
            "  Images are n c h w, keys n 2."
        ),
    ),
    "flat images": (
        ShapeError,
        lambda: augment([Flip()], keys_for(0, 0, [1, 2]), image(2, 12)),
        (
            "augment: there must be one key for each image\n\n"
            "    keys    u64[2, 2]\n"
            "    images  f32[2, 12]\n\n"
            "  Images are n c h w, keys n 2."
        ),
    ),
    "a batch as an image": (
        ShapeError,
        lambda: Flip()(KEY, image(2, 1, 3, 3)),
        "Flip: an image has floats on three axes, c h w\n\n    image  f32[2, 1, 3, 3]",
    ),
    "bytes as an image": (
        ShapeError,
        lambda: Cutout(2)(KEY, image(1, 3, 3, dtype="uint8")),
        "Cutout: an image has floats on three axes, c h w\n\n    image  u8[1, 3, 3]",
    ),
    "padding of a small image": (
        ShapeError,
        lambda: Crop(4)(KEY, image(1, 3, 9)),
        "Crop: a padding of 4 is not smaller than the image\n\n    image  f32[1, 3, 9]",
    ),
    "black of other channels": (
        ShapeError,
        lambda: Color(black=(0.0, 1.0))(KEY, image(3, 2, 2)),
        "Color: black has 2 values, one for each channel\n\n    image  f32[3, 2, 2]",
    ),
    "probability": (
        ArgumentError,
        lambda: Flip(1.5),
        (
            "Flip: probability cannot be used\n\n"
            "    probability  1.5\n"
            "    possible     a number from 0 to 1"
        ),
    ),
    "axis": (
        ArgumentError,
        lambda: Flip(axis="w"),  # type: ignore[arg-type]
        'Flip: axis cannot be used\n\n    axis      \'w\'\n    possible  "width", "height"',
    ),
    "padding": (
        ArgumentError,
        lambda: Crop(0),
        "Crop: padding cannot be used\n\n    padding   0\n    possible  an integer from 1 on",
    ),
    "mode": (
        ArgumentError,
        lambda: Crop(1, "wrap"),  # type: ignore[arg-type]
        (
            "Crop: mode cannot be used\n\n"
            "    mode      'wrap'\n"
            '    possible  "zeros", "edge", "reflect"'
        ),
    ),
    "fill": (
        ArgumentError,
        lambda: Cutout(1, float("nan")),
        "Cutout: fill cannot be used\n\n    fill      nan\n    possible  a finite number",
    ),
    "strength": (
        ArgumentError,
        lambda: Color(contrast=-0.1),
        (
            "Color: contrast cannot be used\n\n"
            "    contrast  -0.1\n"
            "    possible  a number from 0 to 1"
        ),
    ),
    "no such step": (
        ArgumentError,
        lambda: parse("flip,croop:4"),
        (
            "augmentation: there is no step 'croop'\n\n"
            "    given   flip,croop:4\n"
            "    flip    flip or flip:PROBABILITY\n"
            "    crop    crop or crop:PADDING, in pixels\n"
            "    cutout  cutout or cutout:SIZE, in pixels\n"
            "    color   color or color:STRENGTH, from 0 to 1"
        ),
    ),
    "a step's number": (
        ArgumentError,
        lambda: parse("crop:4px"),
        (
            "augmentation: 'crop:4px' cannot be used\n\n"
            "    given     crop:4px\n"
            "    possible  crop or crop:PADDING, in pixels"
        ),
    ),
    "a step's range": (
        ArgumentError,
        lambda: parse("flip,color:7"),
        (
            "augmentation: 'color:7' cannot be used\n\n"
            "    given     flip,color:7\n"
            "    possible  color or color:STRENGTH, from 0 to 1"
        ),
    ),
}


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_whole_message(
    kind: type[ChainruleError], call: Callable[[], Any], message: str
) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
