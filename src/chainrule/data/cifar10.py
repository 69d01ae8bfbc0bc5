"""CIFAR-10 in its official binary layout.

Each file is a row of records: one byte of label, then 3,072 bytes of pixels, as a red, a green
and a blue plane of 32 rows of 32. Source: krizhevsky2009learning
"""

from os import PathLike
from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import broken_file
from chainrule.data.files import find_files, open_regular
from chainrule.data.rows import Array, Rows

__all__ = ["CIFAR10_FILES", "cifar10"]

CIFAR10_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")

_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_PIXELS = 3 * 32 * 32
_RECORD = 1 + _PIXELS
_CITATION = (
    "A. Krizhevsky (2009). Learning multiple layers of features from tiny images. "
    "Technical report, University of Toronto."
)


def cifar10(folder: str | PathLike[str]) -> tuple[Dataset, Dataset]:
    """CIFAR-10: 50,000 and 10,000 color images in ten classes, 3 × 32 × 32 bytes each.

    Reads `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`. The images stay on disk
    until a batch is taken.

    Raises:  DataError: files are missing, a record is incomplete, or a label is not 0 to 9.
    Source:  krizhevsky2009learning
    """
    paths = find_files("cifar10", Path(folder), {name: [name] for name in CIFAR10_FILES})
    records = [_map_records(path) for path in paths]
    return _part(records[:5]), _part(records[5:])


def _map_records(path: Path) -> Array:
    with open_regular("cifar10", path) as file:
        size = file.seek(0, 2)
    count, left = divmod(size, _RECORD)
    if left:
        expected, found = f"{_RECORD} bytes in each", f"{left} bytes in the last, record {count}"
        fact = "a record is incomplete"
        raise broken_file("cifar10", fact, path, count * _RECORD, expected, found)
    if not count:
        expected = f"records of {_RECORD} bytes"
        raise broken_file("cifar10", "the file is empty", path, 0, expected, "0 bytes")
    records = np.memmap(path, np.uint8, mode="r", shape=(count, _RECORD))
    labels = records[:, 0]
    if labels.max() > 9:
        record = int(np.argmax(labels > 9))
        found = f"{labels[record]} in record {record}"
        offset, expected = record * _RECORD, "a label 0 to 9"
        raise broken_file("cifar10", "no such class", path, offset, expected, found)
    return records


def _part(records: list[Array]) -> Dataset:
    labels = np.concatenate([part[:, 0] for part in records]).astype(np.int64)
    labels.flags.writeable = False
    return Dataset(
        Rows(tuple(part[:, 1:] for part in records)),
        labels,
        classes=_CLASSES,
        name="cifar10",
        citation=_CITATION,
        image_shape=(32, 32, 3),
        layout="CHW",
    )
