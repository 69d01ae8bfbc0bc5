"""New examples from files, prepared exactly as those of the training were."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.cli.config import Config
from chainrule.cli.form import form_of, prepared
from chainrule.data import (
    BytePairs,
    Dataset,
    LinePreparation,
    SoundPreparation,
    Vocabulary,
    read_csv,
    read_images,
    read_parquet,
)
from chainrule.data.recognition import is_parquet
from chainrule.data.table_encoding import TableEncoding
from chainrule.data.text_file import text_pieces
from chainrule.data.wav import wav_header
from chainrule.errors import DataError

__all__ = ["Examples", "read_examples"]


@final
@dataclass(frozen=True, eq=False)
class Examples:
    """Examples that a model takes as they are.

    places  where each one is from
    last    the position whose answer counts, for a model that answers at each
    """

    data: Dataset
    places: tuple[str, ...]
    last: int | None = None


def read_examples(form: Dataset, config: Config, file: str) -> Examples:
    """Read the examples in a file, as the model of this form takes them.

    Raises:  DataError: it cannot be read, or holds no such examples. The message names the file.
    """
    preparation = form.preparation or {}
    if form.image_shape is not None:
        return _image(form, preparation, config, file)
    match preparation.get("kind"):
        case "table":
            return _table(form, preparation, config, file)
        case "sound":
            return _sound(form, preparation, config, file)
        case "lines":
            return _lines(form, preparation, config, file)
        case "characters" | "byte-pairs":
            return _text(form, preparation, config, file)
        case _:
            return _arrays(form, config, file)


def _image(form: Dataset, preparation: Mapping[str, Any], config: Config, file: str) -> Examples:
    assert form.image_shape is not None
    height, width, channels = form.image_shape
    pixels = read_images([file], (height, width), preparation.get("mode", "resize"), channels)
    largest = preparation.get("largest", 255)
    if largest != 255:  # such as the digits, whose ink is counted from 0 to 16
        pixels = np.round(pixels * (largest / 255)).astype(np.uint8)
    raw = _raw(form, pixels)
    return Examples(prepared(form, raw, config), (file,))


def _raw(form: Dataset, inputs: npt.NDArray[Any]) -> Dataset:
    """Examples as a reader gives them: before they are shaped and scaled."""
    count = len(inputs)
    empty = form_of(form)
    targets = np.zeros((count, *empty.targets.shape[1:]), empty.targets.dtype)
    return replace(
        empty,
        inputs=inputs,
        targets=targets,
        layout="CHW" if form.image_shape is not None else form.layout,
        standardization=None,
    )


def _table(form: Dataset, preparation: Mapping[str, Any], config: Config, file: str) -> Examples:
    encoding = TableEncoding.from_json(preparation)
    names = tuple(encoding.categories), tuple(encoding.numbers)
    needed = {*names[0], *names[1]}
    if is_parquet(Path(file)):
        table = read_parquet(file, only=needed, categories=names[0])
    else:
        table = read_csv(file, only=needed, categories=names[0], numbers=names[1])
    rows = np.arange(len(table))
    raw = _raw(form, encoding(table, rows))
    return Examples(prepared(form, raw, config), tuple(f"{file}:{row + 1}" for row in rows))


def _sound(form: Dataset, preparation: Mapping[str, Any], config: Config, file: str) -> Examples:
    settings = {name: value for name, value in preparation.items() if name != "kind"}
    sound = SoundPreparation(**settings)(wav_header(file))
    return Examples(prepared(form, _raw(form, sound[None]), config), (file,))


def _lines(form: Dataset, preparation: Mapping[str, Any], config: Config, file: str) -> Examples:
    lines = "".join(text_pieces("predict", Path(file))).splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise DataError(f"predict: {file} has no lines of text")
    encoded = LinePreparation.from_json(preparation)([line for _, line in numbered])
    places = tuple(f"{file}:{number}" for number, _ in numbered)
    return Examples(prepared(form, _raw(form, encoded), config), places)


def _text(form: Dataset, preparation: Mapping[str, Any], config: Config, file: str) -> Examples:
    """The end of a text: what comes next is asked for."""
    text = "".join(text_pieces("predict", Path(file)))
    if preparation["kind"] == "characters":
        tokens = Vocabulary.from_json(preparation["vocabulary"]).encode(text[-form.shape[0] :])
    else:
        tokens = np.array(BytePairs(str(preparation["tokenizer"])).encode(text)[-form.shape[0] :])
    if not len(tokens):
        raise DataError(f"predict: {file} is empty; the text is what something is to follow on")
    # Filled up at the end: a position does not see those after it.
    row = np.zeros((1, form.shape[0]), form.inputs.dtype)
    row[0, : len(tokens)] = tokens
    return Examples(prepared(form, _raw(form, row), config), (file,), len(tokens) - 1)


def _arrays(form: Dataset, config: Config, file: str) -> Examples:
    """Rows of numbers in a file of NumPy: `.npy`, or the only array of an `.npz`."""
    try:
        with Path(file).open("rb") as stream:
            values = np.load(stream, allow_pickle=False)
            if not isinstance(values, np.ndarray):
                (values,) = (values[name] for name in values.files)
    except (OSError, ValueError, EOFError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(
            f"predict: {file} holds no examples that the model takes\n\n    {told}\n\n"
            f"  It was trained on {form.name}, of shape {list(form.shape)}: give a .npy file."
        ) from error
    if values.ndim == len(form.shape):
        values = values[None]
    raw = _raw(form, values)
    return Examples(
        prepared(form, raw, config), tuple(f"{file}:{k + 1}" for k in range(len(values)))
    )
