"""The files of a final model: ``model.safetensors``, and ``model.json``, which vouches for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from chainrule.errors import CheckpointError
from chainrule.train.durable import read_bytes, write_bytes
from chainrule.train.encoding import (
    Arrays,
    check_finite,
    decode_tensors,
    digest,
    encode_tensors,
    plain,
    seal,
    unseal,
)
from chainrule.train.records import is_count

__all__ = ["are_described", "are_there", "description", "epochs", "load", "save"]

_MODEL = "model.safetensors"
_DESCRIPTION = "model.json"
_LIMIT = 1 << 26


def are_there(folder: Path) -> bool:
    """Whether a folder has both files."""
    return are_described(folder) and (folder / _MODEL).exists()


def are_described(folder: Path) -> bool:
    """Whether a folder has the description."""
    return (folder / _DESCRIPTION).exists()


def save(folder: Path, arrays: Arrays, description: Mapping[str, Any], epochs: int) -> None:
    """Write both files, in place of those that are there as one.

    While the weights are replaced, the description lists the old and the new, so a kill leaves one
    of them whole.

    Raises:  ArgumentError: an array or a value that cannot be stored. CheckpointError: a weight is
             not finite, or the disk refused; what was there is still whole.
    """
    weights = encode_tensors(arrays, "model")
    check_finite(arrays, "model")
    entry = {
        "sha256": digest(weights),
        "size": len(weights),
        "epochs": epochs,
        "description": dict(description),
    }
    # What cannot be stored is refused before anything is written.
    entry, old = plain(entry, _DESCRIPTION), _old(folder)
    if old is not None:
        write_bytes(folder / _DESCRIPTION, seal({**entry, "previous": old}))
    write_bytes(folder / _MODEL, weights)
    write_bytes(folder / _DESCRIPTION, seal(entry))


def load(folder: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and their description, every byte verified.

    Raises:  CheckpointError: there are none yet, or a file is missing or corrupt.
    """
    if not any((folder / name).exists() for name in (_MODEL, _DESCRIPTION)):
        raise CheckpointError(f"{folder} has no final model: the run is not finished")
    try:
        weights = read_bytes(folder / _MODEL)
        entry = _matching(_entry(folder), digest(weights))
        return decode_tensors(weights, _MODEL), entry["description"]
    except CheckpointError as error:
        raise CheckpointError(f"the final model of {folder} is not whole: {error}") from error


def epochs(folder: Path) -> int:
    """Return how many epochs the training had of which the model is.

    Raises:  CheckpointError: the description is missing or corrupt.
    """
    found = _entry(folder).get("epochs")
    if is_count(found):
        return int(str(found))
    raise CheckpointError(f"{_DESCRIPTION} has no count of epochs")


def description(folder: Path) -> dict[str, Any]:
    """Return what the model says of itself; its weights are not read, there may be many.

    Raises:  CheckpointError: the description is missing or corrupt.
    """
    found = _entry(folder).get("description")
    if isinstance(found, dict):
        return found
    raise CheckpointError(f"{_DESCRIPTION} has no description")


def _entry(folder: Path) -> dict[str, Any]:
    return unseal(read_bytes(folder / _DESCRIPTION, limit=_LIMIT), _DESCRIPTION)


def _old(folder: Path) -> dict[str, Any] | None:
    """Return the description of the model that is there, if both are whole."""
    try:
        return _matching(_entry(folder), digest(read_bytes(folder / _MODEL)))
    except CheckpointError:
        return None


def _matching(entry: dict[str, Any], found: str) -> dict[str, Any]:
    """Return the description of the weights with this digest: the current or the previous one."""
    for candidate in (entry, entry.get("previous")):
        if isinstance(candidate, dict) and candidate.get("sha256") == found:
            if isinstance(candidate.get("description"), dict):
                return {key: value for key, value in candidate.items() if key != "previous"}
            raise CheckpointError(f"{_DESCRIPTION} has no description")
    expected = str(entry.get("sha256"))
    raise CheckpointError(
        f"{_MODEL} has sha256 {found[:12]}…, {_DESCRIPTION} says {expected[:12]}…"
    )
