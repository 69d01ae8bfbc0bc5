"""CIFAR-10 and CIFAR-100, in the binary layout and in that for Python.

Binary: a file is a row of records, each one byte of label (CIFAR-100: two, the coarse and the
fine one) and 3,072 bytes of pixels: a red, a green and a blue plane of 32 rows of 32. For Python:
a pickled dictionary with the labels as a list and the same pixels as an array, a row an image.
Source: krizhevsky2009learning
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, final

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import broken_file, explanation
from chainrule.data.files import find_files, is_folder, list_folder, open_regular
from chainrule.data.pickled import read_pickled
from chainrule.data.rows import Array, Rows
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = [
    "CIFAR10_FILES",
    "CIFAR10_FOLDERS",
    "CIFAR100_FILES",
    "CIFAR100_FOLDERS",
    "cifar10",
    "cifar100",
]

Labels: TypeAlias = Literal["fine", "coarse"]

CIFAR10_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
CIFAR10_FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py")
CIFAR100_FILES = ("train.bin", "test.bin")
CIFAR100_FOLDERS = ("cifar-100-binary", "cifar-100-python")

_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab
crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse
mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper
snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television
tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
_COARSE = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
household_furniture insects large_carnivores large_man-made_outdoor_things
large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals
non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2
"""
_PIXELS = 3 * 32 * 32
_CITATION = (
    "A. Krizhevsky (2009). Learning multiple layers of features from tiny images. "
    "Technical report, University of Toronto."
)
_PREPARATION = {"kind": "image", "size": [32, 32], "mode": "resize", "channels": 3}


@final
@dataclass(frozen=True)
class _Kind:
    """What one of the two sets has, and where its labels stand."""

    name: str
    files: tuple[str, ...]
    folders: tuple[str, ...]  # what the official archives unpack to
    classes: tuple[str, ...]
    label_bytes: int
    label_at: int  # in a record
    label_key: str  # in a pickle


_CIFAR10 = _Kind(
    "cifar10",
    CIFAR10_FILES,
    CIFAR10_FOLDERS,
    _CLASSES,
    1,
    0,
    "labels",
)
_CIFAR100: Mapping[str, _Kind] = {
    labels: _Kind(
        "cifar100",
        CIFAR100_FILES,
        CIFAR100_FOLDERS,
        classes,
        2,
        at,
        f"{labels}_labels",
    )
    for labels, classes, at in (
        ("coarse", tuple(_COARSE.split()), 0),
        ("fine", tuple(_FINE.split()), 1),
    )
}


def cifar10(folder: str | PathLike[str]) -> tuple[Dataset, Dataset]:
    """CIFAR-10: 50,000 and 10,000 color images in ten classes, 3 × 32 × 32 bytes each.

    Reads `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, or the files of the
    version for Python, which have no ending: they are parsed, never unpickled, so that nothing in
    them is run. They lie in the folder, or in the one that the official archive unpacks to inside
    it. The images stay on disk until a batch is taken.

    Raises:  DataError: files are missing, a record is incomplete, a label is not 0 to 9, or a
             pickle holds something else than CIFAR.
    Source:  krizhevsky2009learning
    """
    return _load(_CIFAR10, Path(folder))


def cifar100(folder: str | PathLike[str], labels: Labels = "fine") -> tuple[Dataset, Dataset]:
    """CIFAR-100: 50,000 and 10,000 color images in 100 classes, 3 × 32 × 32 bytes each.

    `labels="coarse"` takes the 20 groups of five classes instead. Reads `train.bin` and
    `test.bin`, or `train` and `test` of the version for Python; else as `cifar10`.

    Raises:  DataError: files are missing or broken, or a label has no class. ArgumentError:
             labels is neither "fine" nor "coarse".
    Source:  krizhevsky2009learning
    """
    if labels not in _CIFAR100:
        details = {"labels": repr(labels), "possible": '"fine", "coarse"'}
        raise ArgumentError(explanation("cifar100: there are no such labels", details))
    return _load(_CIFAR100[labels], Path(folder))


def _load(kind: _Kind, folder: Path) -> tuple[Dataset, Dataset]:
    candidates = {name: [name, name.removesuffix(".bin")] for name in kind.files}
    paths = find_files(kind.name, _inner(kind, folder), candidates)
    parts = [_read(kind, path) for path in paths]
    return _part(kind, parts[:-1]), _part(kind, parts[-1:])


def _inner(kind: _Kind, folder: Path) -> Path:
    """The folder itself, or the one that an official archive unpacks to, if that lies in it."""
    if not is_folder(folder):
        return folder
    there = {entry.name for entry in list_folder(kind.name, folder)}
    return next((folder / name for name in kind.folders if name in there), folder)


def _read(kind: _Kind, path: Path) -> tuple[Array, Array]:
    """The pixels, mapped, and the labels of one file."""
    return _read_binary(kind, path) if path.suffix == ".bin" else _read_python(kind, path)


def _read_binary(kind: _Kind, path: Path) -> tuple[Array, Array]:
    records = _map_records(kind, path)
    labels = records[:, kind.label_at]
    if labels.max() >= len(kind.classes):
        record = int(np.argmax(labels >= len(kind.classes)))
        found = f"{labels[record]} in record {record}"
        offset = record * records.shape[1] + kind.label_at
        expected = f"a label 0 to {len(kind.classes) - 1}"
        raise broken_file(kind.name, "no such class", path, offset, expected, found)
    return records[:, kind.label_bytes :], labels


def _map_records(kind: _Kind, path: Path) -> Array:
    with open_regular(kind.name, path) as file:
        size = file.seek(0, 2)
    record = kind.label_bytes + _PIXELS
    count, left = divmod(size, record)
    if left:
        expected, found = f"{record} bytes in each", f"{left} bytes in the last, record {count}"
        fact = "a record is incomplete"
        raise broken_file(kind.name, fact, path, count * record, expected, found)
    if not count:
        expected = f"records of {record} bytes"
        raise broken_file(kind.name, "the file is empty", path, 0, expected, "0 bytes")
    return np.memmap(path, np.uint8, mode="r", shape=(count, record))


def _read_python(kind: _Kind, path: Path) -> tuple[Array, Array]:
    held = read_pickled(kind.name, path)
    pixels, labels = held.get("data"), held.get(kind.label_key)
    if not isinstance(pixels, np.ndarray) or pixels.shape[1] != _PIXELS:
        found = f"{pixels.shape[1]} columns" if isinstance(pixels, np.ndarray) else "no array"
        expected = f"an array with {_PIXELS} columns"
        raise _entry_fault(kind, "these are other data", path, "data", expected, found)
    return pixels, _labels(kind, path, labels, len(pixels))


def _labels(kind: _Kind, path: Path, labels: Any, count: int) -> Array:
    if not isinstance(labels, list) or len(labels) != count:
        found = plural(len(labels), "value") if isinstance(labels, list) else "no list"
        expected = f"a list with a label for each of {count} images"
        fact = "the labels are missing or do not fit"
        raise _entry_fault(kind, fact, path, kind.label_key, expected, found)
    for place, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < len(kind.classes):
            expected = f"a label 0 to {len(kind.classes) - 1}"
            found = f"{label if type(label) is int else 'something else'} for image {place}"
            raise _entry_fault(kind, "no such class", path, kind.label_key, expected, found)
    return np.array(labels, np.uint8)


def _entry_fault(
    kind: _Kind, fact: str, path: Path, entry: str, expected: str, found: str
) -> DataError:
    details = {"file": path, "entry": entry, "expected": expected, "found": found}
    return DataError(explanation(f"{kind.name}: {fact}", details))


def _part(kind: _Kind, parts: list[tuple[Array, Array]]) -> Dataset:
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    labels.flags.writeable = False
    return Dataset(
        Rows(tuple(pixels for pixels, _ in parts)),
        labels,
        classes=kind.classes,
        name=kind.name,
        citation=_CITATION,
        image_shape=(32, 32, 3),
        layout="CHW",
        preparation=_PREPARATION,
    )
