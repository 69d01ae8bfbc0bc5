"""What a model takes, without any example: all that must be known to prepare new ones likewise.

The form of a data set is a Dataset of 0 rows. The final model of a run holds it: its arrays (the
standardization) beside the weights, the rest in the description.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.cli.choices import CLOSED
from chainrule.cli.config import Config
from chainrule.data import Dataset, LinePreparation, Standardization, TableEncoding
from chainrule.data.rows import Rows
from chainrule.data.table_encoding import EncodedTable
from chainrule.data.text_lines import EncodedLines
from chainrule.errors import CheckpointError, DataError
from chainrule.wording import plural

__all__ = ["MEAN", "STD", "describe", "fitted", "form_of", "prepared", "restore", "shaped"]

MEAN, STD = "input.mean", "input.std"
"""Names in the final model beside those of its parameters."""

_IMAGE_MODELS = ("lenet", "resnet")
_FLAT_MODELS = ("linear", "mlp", *CLOSED)
_AXES = 3  # of an image: channels, height, width


def shaped(data: Dataset, config: Config) -> Dataset:
    """Give each example the shape that a model takes, without copying.

    Raises:  DataError: the model takes images, and the examples are not images.
    """
    kind = config.model.partition(":")[0]
    if kind in _IMAGE_MODELS and data.image_shape is None and len(data.shape) == _AXES:
        return data  # spectrograms, which are as good as images of one color
    if kind in _IMAGE_MODELS and data.image_shape is None:
        raise DataError(
            f"{data.name}: these are not images, which {kind} takes\n\n"
            f"    example  {_sizes(data)}\n\n"
            "  --model mlp:512,512 takes any numbers."
        )
    if kind in _IMAGE_MODELS or (config.augment is not None and data.image_shape is not None):
        return data.as_images("CHW")
    return data.flattened() if kind in _FLAT_MODELS else data


def form_of(data: Dataset) -> Dataset:
    """Give the form of a data set: the same without its rows."""
    return replace(
        data,
        inputs=np.zeros((0, *data.shape), data.inputs.dtype),
        targets=np.zeros((0, *data.targets.shape[1:]), data.targets.dtype),
    )


def describe(form: Dataset) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Give the form as what JSON can hold, and as arrays."""
    told = {
        "data": form.name,
        "shape": list(form.shape),
        "dtype": form.inputs.dtype.name,
        "target_shape": list(form.targets.shape[1:]),
        "target_dtype": form.targets.dtype.name,
        "classes": None if form.classes is None else list(form.classes),
        "citation": form.citation,
        "image_shape": form.image_shape,
        "layout": form.layout,
        "preparation": None if form.preparation is None else dict(form.preparation),
    }
    by = form.standardization
    return told, {} if by is None else {MEAN: by.mean, STD: by.std}


def restore(told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Dataset:
    """Make the form from what ``describe`` gave.

    Raises:  CheckpointError: it is not what ``describe`` gives.
    """
    try:
        by = Standardization(arrays[MEAN], arrays[STD]) if MEAN in arrays else None
        image = told["image_shape"]
        return Dataset(
            np.zeros((0, *told["shape"]), _dtype(told["dtype"])),
            np.zeros((0, *told["target_shape"]), _dtype(told["target_dtype"])),
            None if told["classes"] is None else tuple(map(str, told["classes"])),
            str(told["data"]),
            str(told["citation"]),
            None if image is None else (int(image[0]), int(image[1]), int(image[2])),
            told["layout"],
            by,
            told["preparation"],
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CheckpointError(f"the final model does not say what it takes: {error!r}") from error


def _dtype(name: str) -> np.dtype[Any]:
    found = np.dtype(name)
    if found.kind not in "iuf":
        raise ValueError(f"{name} is not a number")
    return found


def prepared(form: Dataset, data: Dataset, config: Config) -> Dataset:
    """Bring examples into the form that a model takes: its shape, and scaled as in training.

    Raises:  DataError: they have another size.
    """
    data = shaped(data, config)
    if data.shape != form.shape:
        raise DataError(
            f"{data.name} does not fit the model, which was trained on {form.name}\n\n"
            f"    model     {_sizes(form)}\n    {data.name:<8}  {_sizes(data)}"
        )
    by = form.standardization
    return data if by is None else data.standardize(by=by)


def fitted(form: Dataset, data: Dataset, config: Config) -> Dataset:
    """Bring a data set with targets into the form of a model, to test it.

    Raises:  DataError: the examples have another size, or the targets are others.
    """
    data = prepared(form, _encoded(form, data), config)
    if data.classes != form.classes or len(data.targets.shape) != len(form.targets.shape):
        raise DataError(
            f"{data.name} has other classes than the model, which was trained on {form.name}\n\n"
            f"    model     {_classes(form)}\n    {data.name:<8}  {_classes(data)}"
        )
    return data


def _encoded(form: Dataset, data: Dataset) -> Dataset:
    """The same examples by the encoding of the training part, where they have that of all rows."""
    inputs, known = data.inputs, form.preparation
    if not isinstance(inputs, Rows) or len(inputs.parts) != 1 or known is None:
        return data
    match inputs.parts[0]:
        case EncodedTable(table=table):
            found: Any = EncodedTable(table, TableEncoding.from_json(known))
        case EncodedLines(documents=documents):
            found = EncodedLines(documents, LinePreparation.from_json(known))
        case _:
            return data
    return replace(data, inputs=Rows((found,), inputs.chosen), preparation=known)


def _sizes(data: Dataset) -> str:
    if data.image_shape is not None:
        return f"{' × '.join(map(str, data.image_shape))} (height, width, channels)"
    if len(data.shape) == 1:
        return plural(data.shape[0], "feature")
    return f"{' × '.join(map(str, data.shape))} = {plural(math.prod(data.shape), 'value')}"


def _classes(data: Dataset) -> str:
    if data.classes is None:
        return "quantities"
    shown = ", ".join(data.classes[:6]) + (", …" if len(data.classes) > 6 else "")
    return f"{plural(len(data.classes), 'class')}: {shown}"
