"""Find and open the files of a data set."""

import os
import stat
from collections.abc import Mapping, Sequence
from io import BufferedReader, BytesIO, FileIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from chainrule.data.fault import explanation, read_error
from chainrule.errors import DataError

__all__ = ["find_files", "is_folder", "list_folder", "open_regular", "pass_folder"]


def find_files(reader: str, folder: Path, candidates: Mapping[str, Sequence[str]]) -> list[Path]:
    """For each file, the first of its possible names that exists in the folder.

    Raises:  DataError: there is no such folder, or files are missing; it lists them.
    """
    if not is_folder(folder):
        fact = f"{reader}: there is no such folder"
        details: dict[str, object] = {"folder": folder, "files": ", ".join(candidates)}
        raise DataError(explanation(fact, details, pass_folder(reader)))
    there = {entry.name for entry in list_folder(reader, folder)}
    found = {
        file: next((folder / name for name in names if name in there), None)
        for file, names in candidates.items()
    }
    missing = [file for file, path in found.items() if path is None]
    if missing:
        fact = f"{reader}: {len(missing)} of its {len(candidates)} files are missing"
        details = {"folder": folder}
        details |= {file: ", nor ".join(["not found", *candidates[file][1:]]) for file in missing}
        raise DataError(explanation(fact, details, pass_folder(reader)))
    return [path for path in found.values() if path is not None]


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; no if its name cannot be one at all."""
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a folder on the way that is closed to us
        return False


def list_folder(reader: str, folder: Path) -> list[Path]:
    """The entries of a folder.

    Raises:  DataError: the folder is closed to us.
    """
    try:
        return list(folder.iterdir())
    except OSError as cause:
        raise read_error(reader, folder, cause) from cause


def pass_folder(reader: str) -> str:
    """What to do if the files of a data set are not found."""
    return (
        f'Pass the folder that holds the files: load("{reader}", folder="FOLDER"),\n'
        "or --data FOLDER on the command line."
    )


def open_regular(reader: str, path: str | PathLike[str], at_once: int = -1) -> BinaryIO:
    """Open a regular file for reading; a pipe or a device, which could make us wait, is an error.

    at_once  a file of up to so many bytes is read here, in one go; −1: none is

    Raises:  DataError: it is missing, cannot be read or is not a regular file.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as cause:
        raise read_error(reader, path, cause) from cause
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        os.close(file)
        raise read_error(reader, path)
    raw = FileIO(file)
    if status.st_size > at_once:
        return BufferedReader(raw)
    with raw:
        try:
            return BytesIO(raw.readall())
        except OSError as cause:
            raise read_error(reader, path, cause) from cause
