"""Data sets by name or by folder."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from chainrule.data.cifar10 import CIFAR10_FILES, cifar10
from chainrule.data.dataset import Dataset
from chainrule.data.digits import digits
from chainrule.data.fault import explanation
from chainrule.data.files import is_folder, list_folder, pass_folder
from chainrule.data.idx import MNIST_FILES, mnist, mnist_candidates
from chainrule.errors import ArgumentError, DataError

__all__ = ["NAMES", "load"]

Parts: TypeAlias = tuple[Dataset, Dataset]

_BUNDLED: Mapping[str, Callable[[], Parts]] = MappingProxyType({"digits": digits})
_READERS: Mapping[str, Callable[[str | PathLike[str]], Parts]] = MappingProxyType(
    {"cifar10": cifar10, "mnist": mnist}
)
_FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cifar10": CIFAR10_FILES,
        "mnist": tuple(name for file in MNIST_FILES for name in mnist_candidates(file)),
    }
)
NAMES = tuple(sorted([*_BUNDLED, *_READERS]))


def load(
    name_or_folder: str | PathLike[str], folder: str | PathLike[str] | None = None
) -> tuple[Dataset, Dataset]:
    """Load a data set as (train, test).

    `load("digits")` is bundled; `load("mnist", folder)` and `load("cifar10", folder)` read their
    files; `load(folder)` recognizes which of the two lies there. A name goes before a folder of
    the same name, which "./mnist" reaches.

    Raises:  ArgumentError: no such name. DataError: no folder, or its files are missing or broken.

    >>> train, test = load("digits")
    >>> len(train), len(test)
    (1437, 360)
    """
    if name_or_folder in _BUNDLED:
        name = str(name_or_folder)
        if folder is not None:
            fact = f"load: {name} is bundled and takes no folder"
            raise ArgumentError(explanation(fact, {"folder": folder}))
        return _BUNDLED[name]()
    if name_or_folder in _READERS:
        name = str(name_or_folder)
        if folder is None:
            raise _no_folder(name)
        return _READERS[name](folder)
    if folder is None and is_folder(Path(name_or_folder)):
        return _READERS[_recognize(Path(name_or_folder))](name_or_folder)
    raise _unknown(name_or_folder)


def _recognize(folder: Path) -> str:
    """The name of the data set of which at least one file lies in the folder."""
    there = {entry.name for entry in list_folder("load", folder)}
    found = [name for name, files in _FILES.items() if there & set(files)]
    if len(found) == 1:
        return found[0]
    if found:
        fact = f"load: the folder holds files of {' and '.join(found)}"
        remedy = f'Say which one: load("{found[0]}", folder="{folder}").'
        raise ArgumentError(explanation(fact, {"folder": folder}, remedy))
    details: dict[str, object] = {"folder": folder}
    details |= {name: f"{files[0]} …" for name, files in _FILES.items()}
    raise DataError(explanation("load: no known data set lies in this folder", details))


def _no_folder(name: str) -> DataError:
    details = {"files": ", ".join(MNIST_FILES if name == "mnist" else CIFAR10_FILES)}
    fact = f"load: {name} needs the folder of its files"
    return DataError(explanation(fact, details, pass_folder(name)))


def _unknown(given: str | PathLike[str]) -> ArgumentError:
    fact = f"load: {str(given)!r} is neither a data set nor a folder"
    word = Path(given).name.lower().replace("-", "") if Path(given).parent == Path() else ""
    near = get_close_matches(word, NAMES, n=1)
    suggestion = f'Did you mean "{near[0]}"?' if near else ""
    return ArgumentError(explanation(fact, {"data sets": ", ".join(NAMES)}, suggestion))
