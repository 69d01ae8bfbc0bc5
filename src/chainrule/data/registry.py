"""Data sets by name, file or folder."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, overload

from chainrule.data.audio_folder import audio_folder
from chainrule.data.characters import characters
from chainrule.data.cifar import cifar10, cifar100
from chainrule.data.csv import csv
from chainrule.data.dataset import Dataset
from chainrule.data.digits import digits
from chainrule.data.download import fetch
from chainrule.data.fault import explanation
from chainrule.data.files import is_folder
from chainrule.data.idx import fashion_mnist, mnist
from chainrule.data.image_folder import image_folder
from chainrule.data.npz import npz
from chainrule.data.parquet import parquet
from chainrule.data.recognition import FILES, is_parquet, recognize_file, recognize_folder
from chainrule.data.text_lines import text_lines
from chainrule.errors import ArgumentError, DataError

__all__ = ["NAMES", "check_classes", "load"]

Parts: TypeAlias = tuple[Dataset, Dataset]
Named: TypeAlias = Literal["cifar10", "cifar100", "digits", "fashion-mnist", "mnist"]
Reader: TypeAlias = Callable[[Path], Dataset]

# How the classes in a folder are read.
_CLASSES: Mapping[str, Reader] = MappingProxyType(
    {"images": image_folder, "sounds": audio_folder, "lines": text_lines}
)

_BUNDLED: Mapping[str, Callable[[], Parts]] = MappingProxyType({"digits": digits})
_NAMED: Mapping[str, Callable[[Path], Parts]] = MappingProxyType(
    {"cifar10": cifar10, "cifar100": cifar100, "fashion-mnist": fashion_mnist, "mnist": mnist}
)
NAMES = tuple(sorted([*_BUNDLED, *_NAMED]))


@overload
def load(source: Named, folder: str | PathLike[str] | None = None) -> Parts: ...
@overload
def load(
    source: str | PathLike[str], folder: str | PathLike[str] | None = None
) -> tuple[Dataset, Dataset | None]: ...
def load(
    source: str | PathLike[str], folder: str | PathLike[str] | None = None
) -> tuple[Dataset, Dataset | None]:
    """Load a data set as (train, test); test is None for one that is not divided.

    source  a name: `digits` is bundled; `mnist`, `fashion-mnist`, `cifar10` and `cifar100` are
            read from `folder`, else from the cache ($CHAINRULE_CACHE, or the place that the
            system has for it), into which they are downloaded if they are not there. Or a path:
            a file of one's own, known by its ending; a folder of a named set; a folder with a
            subfolder or a file of lines for each class, or with two such folders, `train` and
            `test`

    A name goes before a file or folder of the same name, which "./mnist" reaches. Each format
    has a function of its own, with choices that this one leaves at what is usual.

    Raises:  ArgumentError: neither a name nor a path. DataError: files are missing or broken, or
             cannot be downloaded.

    >>> train, test = load("digits")
    >>> len(train), len(test)
    (1437, 360)
    """
    if source in _BUNDLED:
        return _load_bundled(str(source), folder)
    if source in _NAMED:
        name = str(source)
        return _NAMED[name](fetch(name) if folder is None else Path(folder))
    path = Path(source)
    if folder is None and is_folder(path):
        return _load_folder(path)
    if folder is None and _exists(path):
        return _load_file(path)
    raise _unknown(source)


def _load_bundled(name: str, folder: str | PathLike[str] | None) -> Parts:
    if folder is not None:
        fact = f"load: {name} is bundled and takes no folder"
        raise ArgumentError(explanation(fact, {"folder": folder}))
    return _BUNDLED[name]()


def _load_file(path: Path) -> tuple[Dataset, Dataset | None]:
    match recognize_file(path):
        case "text":
            return characters(path)
        case "numbers":
            return npz(path), None
        case "table":
            return (parquet if is_parquet(path) else csv)(path), None
        case _:
            details = {"file": path, "endings": " ".join(FILES)}
            raise DataError(explanation("load: the ending of the file is not known", details))


def _load_folder(folder: Path) -> tuple[Dataset, Dataset | None]:
    found = recognize_folder(folder)
    if found.kind in _NAMED:
        return _NAMED[found.kind](folder)
    read = _CLASSES[found.kind]
    if found.test is None:
        return read(found.train), None
    parts = read(found.train), read(found.test)
    check_classes(*parts, (found.train, found.test))
    return parts


def check_classes(train: Dataset, test: Dataset, folders: tuple[Path, Path]) -> None:
    """Raise DataError if the parts in two folders do not have the same classes."""
    if train.classes != test.classes:
        listed = (", ".join(part.classes or ()) for part in (train, test))
        details = {str(folder): names for folder, names in zip(folders, listed, strict=True)}
        raise DataError(explanation("load: the parts have different classes", details))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _unknown(given: str | PathLike[str]) -> ArgumentError:
    fact = f"load: {str(given)!r} is neither a data set nor a file nor a folder"
    near: list[str] = []
    if Path(given).parent == Path():
        word = Path(given).name.lower()
        near = get_close_matches(word, NAMES, n=1) or get_close_matches(
            word.replace("-", ""), NAMES, n=1
        )
    suggestion = f'Did you mean "{near[0]}"?' if near else ""
    return ArgumentError(explanation(fact, {"data sets": ", ".join(NAMES)}, suggestion))
