"""What lies at a path: a file or a folder of one's own, or the files of a named set."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import final

from chainrule.data.cifar import CIFAR10_FILES, CIFAR10_FOLDERS, CIFAR100_FILES, CIFAR100_FOLDERS
from chainrule.data.fault import explanation, read_error
from chainrule.data.files import list_folder
from chainrule.data.idx import MNIST_FILES, mnist_candidates
from chainrule.data.images import SUFFIXES
from chainrule.errors import ArgumentError, DataError

__all__ = ["FILES", "FOLDERS", "Found", "is_parquet", "recognize_file", "recognize_folder"]

_PARQUET = (".parquet", ".pq")
# What a file is, by its ending.
FILES: Mapping[str, str] = MappingProxyType(
    {
        ".npz": "numbers",
        **dict.fromkeys((".csv", ".tsv", ".tab", *_PARQUET), "table"),
        ".txt": "text",
    }
)
# What a folder with a subfolder for each class holds, by the ending of its files.
FOLDERS: Mapping[str, str] = MappingProxyType(
    {**dict.fromkeys(sorted(SUFFIXES), "images"), ".wav": "sounds"}
)

_SIGNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cifar10": (*CIFAR10_FILES, "data_batch_1", *CIFAR10_FOLDERS),
        "cifar100": (*CIFAR100_FILES, *CIFAR100_FOLDERS),
        "mnist": tuple(name for file in MNIST_FILES for name in mnist_candidates(file)),
    }
)
_TRAIN, _TEST = ("train", "training"), ("test", "testing", "val", "valid", "validation")
_GLANCE = 10_000  # entries of a folder that are looked at to tell what lies in it
_NO_LINES = frozenset((".gz", ".bin", ".zip", "", *FILES, *FOLDERS)) - {".txt"}


@final
@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    kind   the name of a set; or for each class a subfolder of "images" or "sounds", or a file of
           "lines"
    train  where the examples lie, or those to train on
    test   where those to test on lie, if they lie apart
    """

    kind: str
    train: Path
    test: Path | None = None


def recognize_file(path: Path) -> str | None:
    """What a file is: "table", "numbers" or "text"; None if its ending is not known.

    >>> recognize_file(Path("a.csv")), recognize_file(Path("a.docx"))
    ('table', None)
    """
    return FILES.get(path.suffix.lower())


def is_parquet(path: Path) -> bool:
    """Whether a table is one of Parquet rather than of text."""
    return path.suffix.lower() in _PARQUET


def recognize_folder(folder: Path) -> Found:
    """What lies in a folder.

    Raises:  ArgumentError: several named sets. DataError: nothing that is known.
    """
    entries = list_folder("load", folder)
    there = {entry.name for entry in entries}
    found = [name for name, files in _SIGNS.items() if there & set(files)]
    if len(found) > 1:
        fact = f"load: the folder holds files of {' and '.join(found)}"
        remedy = f'Say which one: load("{found[0]}", folder="{folder}").'
        raise ArgumentError(explanation(fact, {"folder": folder}, remedy))
    if found:
        # The files of Fashion-MNIST have the names of MNIST's.
        is_fashion = found == ["mnist"] and "fashion" in folder.resolve().name.lower()
        return Found("fashion-mnist" if is_fashion else found[0], folder)
    train, test = (next((n for n in names if n in there), None) for names in (_TRAIN, _TEST))
    if train is None or test is None or len(there) > 3:
        return Found(_kind_of_classes(folder, entries), folder)
    kind = _kind_of_classes(folder / train, list_folder("load", folder / train))
    return Found(kind, folder / train, folder / test)


def _kind_of_classes(folder: Path, entries: list[Path]) -> str:
    """What the classes in a folder are: the first known file in a subfolder decides."""
    is_flat = True
    for file in islice(_files_below(folder), _GLANCE):
        is_flat = False
        kind = FOLDERS.get(file.suffix.lower())
        if kind is not None:
            return kind
    if is_flat and _are_lines(entries):
        return "lines"
    details: dict[str, object] = {"folder": folder}
    details |= {name: f"{files[0]} …" for name, files in _SIGNS.items()}
    details |= {"classes": f"a subfolder each, with files {' '.join(FOLDERS)}"}
    details |= {"lines": "a file of text for each class"}
    raise DataError(explanation("load: no known data set lies in this folder", details))


def _are_lines(entries: list[Path]) -> bool:
    """Whether there are files of text, one for each class: `good.txt`, or `reviews.pos`."""
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    endings = {entry.suffix.lower() for entry in shown if entry.is_file()}
    return len(shown) > 1 and bool(endings) and not endings & _NO_LINES


def _files_below(folder: Path) -> Iterator[Path]:
    """The files in the subfolders, hidden ones left out."""
    for place, below, names in os.walk(folder, onerror=_refuse):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if Path(place) != folder:
            yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise read_error("load", Path(error.filename), error) from error
