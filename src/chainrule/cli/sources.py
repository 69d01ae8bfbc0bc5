"""From the name of a data set, or the path of one's own, to its examples."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import click

from chainrule import data
from chainrule.data import Dataset, load
from chainrule.data.recognition import (
    FOLDERS,
    Found,
    is_parquet,
    recognize_file,
    recognize_folder,
)
from chainrule.data.registry import NAMES, check_classes
from chainrule.errors import ArgumentError, DataError

__all__ = ["TABLE", "Source", "columns_of", "load_source"]

TABLE = ("target", "missing", "ignore")
"""The settings that say how a table is read, beside its label."""


_TEST = 0.2  # the share of data of one's own that is set aside, unless the user says
_SIZE, _CONTEXT, _TOKENS, _SOUND = "64", 64, "characters", "log-mel"
_NO_TEXTS = frozenset((*FOLDERS, ".npy", ".zip", ".tar", ".gz", ".xlsx", ".json"))


@final
@dataclass(frozen=True, eq=False)
class Source:
    """A data set and where it came from.

    kind      its name, or what it is: "images", "sounds", "table", "numbers", "text", "lines"
    settings  what the configuration says of it, filled in
    test      the part to test on; None if it must be cut off
    """

    kind: str
    settings: Mapping[str, Any]
    training: Dataset
    test: Dataset | None = None

    @property
    def is_text(self) -> bool:
        """Whether its examples are overlapping windows of a text."""
        return self.kind == "text"


def load_source(settings: Mapping[str, Any]) -> Source:
    """Load a data set by the settings ``data`` and ``folder`` and those of its kind.

    Without a name, the set that lies in the folder. What is no name is the path of a file or of a
    folder of one's own.

    Raises:  UsageError: there is no such data set. DataError: its files are missing or broken.
    """
    name, folder = settings.get("data"), settings.get("folder")
    try:
        if name in NAMES or (name is not None and folder is not None):
            return _named(str(name), folder)
        path = Path(str(folder if name is None else name))
        if not os.path.lexists(path):
            return _named(str(path), None)  # which says what there is
        if path.is_dir():
            return _folder(path, settings)
        return _file(path, settings)
    except ArgumentError as error:  # whatever is wrong here was typed so
        raise click.UsageError(str(error)) from error


def _named(name: str, folder: str | None) -> Source:
    place = None if folder is None else str(Path(folder).absolute())
    training, test = load(name, place)
    return Source(name, {"data": name, "folder": place}, training, test)


def _folder(path: Path, settings: Mapping[str, Any]) -> Source:
    """Classes in sub-folders or files, perhaps in two such folders; or the files of a named set."""
    found = recognize_folder(path)
    where = {"data": str(path.absolute()), "folder": None}
    match found.kind:
        case "sounds":
            sound: Any = settings.get("sound") or _SOUND
            read = partial(data.audio_folder, form=sound)
            return _classes(found, {**where, "sound": sound}, settings, read)
        case "images":
            size = settings.get("size") or _SIZE
            read = partial(data.image_folder, size=_sides(size))
            return _classes(found, {**where, "size": size}, settings, read)
        case "lines":
            return _classes(found, where, settings, data.text_lines)
        case name:
            return _named(name, str(path))


def _classes(
    found: Found,
    told: Mapping[str, Any],
    settings: Mapping[str, Any],
    read: Callable[[Path], Dataset],
) -> Source:
    if found.test is None:
        return Source(found.kind, {**told, "test": _share(settings)}, read(found.train))
    training, test = read(found.train), read(found.test)
    check_classes(training, test, (found.train, found.test))
    return Source(found.kind, told, training, test)


def _file(path: Path, settings: Mapping[str, Any]) -> Source:
    where = {"data": str(path.absolute()), "folder": None}
    share = {"test": _share(settings)}
    kind = recognize_file(path)
    if kind == "table":
        told = {name: settings.get(name) for name in ("label", *TABLE)}
        return _table(path, {**where, **share, **told})
    if kind == "numbers":
        return Source(kind, {**where, **share}, data.npz(path))
    if kind is None and path.suffix.lower() in _NO_TEXTS:
        raise DataError(
            f"{path} is no data set that can be read\n\n"
            "  Images and sounds need a folder with a sub-folder for each class, arrays an .npz "
            "file with\n  inputs and targets, tables a .csv or .parquet file; any other file is a "
            "text."
        )
    context = settings.get("context") or _CONTEXT
    tokens = settings.get("tokens") or _TOKENS
    read = data.byte_pairs if tokens == "byte-pairs" else data.characters
    training, test = read(path, context=context)
    return Source("text", {**where, "context": context, "tokens": tokens}, training, test)


def _table(path: Path, settings: Mapping[str, Any]) -> Source:
    label: str | None = settings["label"]
    if label is None:
        raise ArgumentError(
            f"--label is missing: which column of {path} is to be predicted?\n\n"
            "  Give its name, or its place: 0 is the first, -1 the last."
        )
    read = partial(
        data.parquet if is_parquet(path) else data.csv,
        path,
        ignore=columns_of(settings["ignore"]),
        missing=settings["missing"] or "error",
        target=settings["target"],
    )
    try:
        found = read(label=label)
    except ArgumentError:
        if not label.removeprefix("-").isdecimal():
            raise
        found = read(label=int(label))
    return Source("table", settings, found)


def columns_of(names: str | None) -> list[str]:
    """Read the names of columns with commas in between.

    >>> columns_of("id, note")
    ['id', 'note']
    """
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _share(settings: Mapping[str, Any]) -> float:
    """The share to test on; 0 is a choice too, which will be refused."""
    found = settings.get("test")
    return _TEST if found is None else float(found)


def _sides(size: str) -> tuple[int, int]:
    height, _, width = size.partition("x")
    return int(height), int(width or height)
