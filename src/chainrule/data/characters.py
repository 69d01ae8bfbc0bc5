"""A text as a row of characters, in windows for a model that predicts the next one."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.order import require_integer
from chainrule.data.rows import Array
from chainrule.data.spool import Spool
from chainrule.data.text_file import text_pieces
from chainrule.data.vocabulary import Vocabulary
from chainrule.errors import ArgumentError, DataError

__all__ = ["characters", "training_characters", "windows"]


def characters(
    path: str | PathLike[str],
    context: int = 64,
    *,
    fraction: float = 0.9,
    stride: int = 1,
    encoding: str = "utf-8",
) -> tuple[Dataset, Dataset]:
    """Read a text as characters: windows to train on, and windows of its last part to test.

    xᵢ = c_{i·stride} … c_{i·stride + context − 1},   yᵢ = the same, one character later

    context   the characters of a window
    fraction  the share of the text to train on, from its beginning
    stride    the characters from one window to the next. The windows to test on do not overlap

    Every character of the text has a number, in the order of their code points; they are the
    classes. Windows are views of the text: they take no memory of their own.

    Raises:  DataError: no text in this encoding, or too short.  ArgumentError: a setting that
             cannot be meant.
    Cost:    two readings of the file; 8 bytes for each character, beyond 64 MB in a temporary file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "text.txt"
    >>> _ = path.write_text("to be or not to be ")
    >>> train, test = characters(path, context=4, fraction=0.7)
    >>> inputs, targets = next(train.batches(1))
    >>> "".join(train.classes[i] for i in inputs[0]), "".join(train.classes[i] for i in targets[0])
    ('to b', 'o be')
    """
    path = Path(path)
    vocabulary = Vocabulary.of_characters(text_pieces("characters", path, encoding))
    points = np.array([ord(character) for character in vocabulary.tokens], np.uint32)
    spool = Spool((), np.dtype(np.int64))
    for text in text_pieces("characters", path, encoding):
        spool.append(np.searchsorted(points, np.frombuffer(text.encode("utf-32-le"), "<u4")))
    preparation = {"kind": "characters", "vocabulary": vocabulary.to_json()}
    return windows(
        "characters", path, spool.array(), vocabulary.tokens, context, fraction, stride, preparation
    )


def training_characters(path: Path, fraction: float, encoding: str = "utf-8") -> str:
    """The first characters of a text, this share of them."""
    text = "".join(text_pieces("byte_pairs", path, encoding))
    return text[: int(fraction * len(text))]


def windows(
    reader: str,
    path: Path,
    tokens: Array,
    classes: Sequence[str],
    context: int,
    fraction: float,
    stride: int,
    preparation: dict[str, Any],
) -> tuple[Dataset, Dataset]:
    """The data sets of a row of tokens: see `characters`.

    >>> parts = windows("t", Path("t"), np.arange(9), "abcdefghi", 2, 0.7, 1, {})
    >>> [part.inputs.tolist() for part in parts]
    [[[0, 1], [1, 2], [2, 3], [3, 4]], [[6, 7]]]
    """
    require_integer(reader, "context", context, 1)
    require_integer(reader, "stride", stride, 1)
    if not 0 < fraction < 1:
        details: dict[str, object] = {"fraction": fraction, "possible": "between 0 and 1"}
        raise ArgumentError(explanation(f"{reader}: fraction cannot be used", details))
    cut = int(fraction * len(tokens))
    if min(cut, len(tokens) - cut) <= context:
        details = {"file": path, "length": len(tokens)}
        details |= {"to train on": cut, "to test on": len(tokens) - cut}
        details["expected"] = f"more than context={context} in each part"
        raise DataError(explanation(f"{reader}: the text is too short", details))
    preparation = {**preparation, "context": context}
    return (
        _windowed(path, tokens[:cut], tuple(classes), context, stride, preparation),
        _windowed(path, tokens[cut:], tuple(classes), context, context, preparation),
    )


def _windowed(
    path: Path,
    tokens: Array,
    classes: tuple[str, ...],
    context: int,
    stride: int,
    preparation: dict[str, Any],
) -> Dataset:
    view = np.lib.stride_tricks.sliding_window_view
    inputs = view(tokens[:-1], context)[::stride]
    targets = view(tokens[1:], context)[::stride]
    return Dataset(inputs, targets, classes, path.stem, preparation=preparation)
