"""One checkpoint: a folder with its parts, and the manifest that vouches for them.

::

    step-00001234/
      model.safetensors  optimizer.safetensors  state.safetensors  position.json
      manifest.json            the size and the sha256 of each part, and its own
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import CheckpointError
from chainrule.train.durable import read_bytes, write_new
from chainrule.train.encoding import (
    check_finite,
    decode_json,
    decode_tensors,
    digest,
    encode_json,
    encode_tensors,
    seal,
    unseal,
)
from chainrule.wording import plural

__all__ = [
    "FORMAT",
    "MANIFEST",
    "POSITION",
    "SMALL_FILE",
    "Checkpoint",
    "build",
    "library",
    "looks_whole",
    "read",
    "read_manifest",
]

FORMAT = 1
"""The version of the layout. A checkpoint with a higher one is refused, never guessed at."""

_TENSOR_PARTS = ("model", "optimizer", "state")
_PARTS = tuple(f"{part}.safetensors" for part in _TENSOR_PARTS)
POSITION = "position.json"
MANIFEST = "manifest.json"
SMALL_FILE = 1 << 20

_NamedArrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on: named arrays, and where it stood.

    ``position`` holds anything that JSON can, and at least ``step``, a count from 0.
    """

    model: _NamedArrays
    optimizer: _NamedArrays = field(default_factory=dict)
    state: _NamedArrays = field(default_factory=dict)
    position: dict[str, Any] = field(default_factory=dict)


def read(path: Path, manifest: str | None = None) -> Checkpoint:
    """Read a checkpoint and verify every byte of it; its manifest may have to have a digest.

    Raises:  CheckpointError: something of it is missing or corrupt.
    """
    parts = read_manifest(path, manifest)
    arrays = {
        part: decode_tensors(_read_part(path, name, parts), name)
        for part, name in zip(_TENSOR_PARTS, _PARTS, strict=True)
        if part != "state" or name in parts
    }
    position = decode_json(_read_part(path, POSITION, parts), POSITION)
    if type(position.get("step")) is not int:
        raise CheckpointError(f"{POSITION} has no step")
    return Checkpoint(**arrays, position=position)


def _read_part(path: Path, name: str, parts: Mapping[str, Any]) -> bytes:
    if name not in parts:
        raise CheckpointError(f"{MANIFEST} does not list {name}")
    size, expected = parts[name]["size"], parts[name]["sha256"]
    data = read_bytes(path / name, limit=size)
    if len(data) != size:
        raise CheckpointError(f"{name} has {plural(len(data), 'byte')}, the manifest says {size:,}")
    found = digest(data)
    if found != expected:
        raise CheckpointError(
            f"{name} has sha256 {found[:12]}…, the manifest says {expected[:12]}…"
        )
    return data


def read_manifest(path: Path, expected: str | None = None) -> dict[str, Any]:
    """Return the size and sha256 of each part, from the manifest with the ``expected`` digest.

    Raises:  CheckpointError: it is missing, corrupt, another one, or of a later version.
    """
    data = read_bytes(path / MANIFEST, limit=SMALL_FILE)
    manifest = unseal(data, MANIFEST)
    if expected not in (None, digest(data)):
        raise CheckpointError(f"{MANIFEST} is another one than the pointer to it was made for")
    if manifest.get("format") != FORMAT:
        raise CheckpointError(
            f"{MANIFEST} has format {manifest.get('format')}; this version reads {FORMAT}"
        )
    parts = manifest.get("parts")
    if isinstance(parts, dict) and all(map(_is_part, parts.values())):
        return parts
    raise CheckpointError(f"{MANIFEST} does not list its parts with size and sha256")


def _is_part(entry: object) -> bool:
    match entry:
        case {"size": int(), "sha256": str()}:
            return True
        case _:
            return False


def build(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a folder that nobody sees yet, and read it back.

    Raises:  ArgumentError: a value that cannot be stored. CheckpointError: a weight is not finite,
             what was read back differs, or the disk refused.
    """
    check_finite(checkpoint.model, "model")
    parts: dict[str, dict[str, Any]] = {}
    for part, name in zip(_TENSOR_PARTS, _PARTS, strict=True):
        arrays: _NamedArrays = getattr(checkpoint, part)
        if arrays or part != "state":
            data = encode_tensors(arrays, part)
            again = _write_part(folder, name, data, parts)
            with _named():
                _check_same(part, decode_tensors(again, name), arrays)
    position = encode_json(checkpoint.position, "position")
    _write_part(folder, POSITION, position, parts)
    manifest = {"format": FORMAT, "library": library(), "parts": parts}
    write_new(folder / MANIFEST, seal(manifest))
    with _named():
        read_manifest(folder)


@contextmanager
def _named() -> Iterator[None]:
    """Say of what is wrong with what was read back that nothing was saved."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"not read back as written, nothing was saved: {error}") from error


def _write_part(folder: Path, name: str, data: bytes, parts: dict[str, dict[str, Any]]) -> bytes:
    """Write a part, note its size and its digest, and give what is read back."""
    with ThreadPoolExecutor(1, "chainrule-digest") as thread:
        found = _begun(thread, data)  # it takes as long as the disk
        write_new(folder / name, data)
        parts[name] = {"size": len(data), "sha256": found()}
    with _named():
        again = read_bytes(folder / name, limit=len(data))
        return again if again == data else _read_part(folder, name, parts)


def _begun(thread: Executor, data: bytes) -> Callable[[], str]:
    try:
        return thread.submit(digest, data).result
    except RuntimeError:  # there can be no more threads
        return partial(digest, data)


def _check_same(part: str, read: _NamedArrays, given: _NamedArrays) -> None:
    if read.keys() != given.keys():
        raise CheckpointError(f"{part}: the names read back are not those written")
    for name, array in given.items():
        if not _is_same(read[name], array):
            raise CheckpointError(f"{part}[{name!r}] was read back with other contents")


def _is_same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype.newbyteorder("="):
        return False
    return np.array_equal(_bits(a), _bits(b))


def _bits(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    native = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    return native.reshape(-1).view(np.uint8)


def looks_whole(path: Path) -> bool:
    """Whether the parts of a checkpoint are there in their sizes; their bytes are not read."""
    try:
        parts = read_manifest(path)
        return all((path / name).stat().st_size == part["size"] for name, part in parts.items())
    except (CheckpointError, OSError):
        return False


def library() -> str:
    """Give the version of the package, which knows it; importing it from here would be upward."""
    return str(getattr(sys.modules["chainrule"], "__version__", "unknown"))
