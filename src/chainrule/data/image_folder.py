"""A folder of images, one subfolder for each class.

::

    PATH/cat/1.jpg      every image below PATH/cat is a cat,
    PATH/cat/b/2.png    however deep it lies
    PATH/dog/1.jpg
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation, read_error
from chainrule.data.files import is_folder, list_folder
from chainrule.data.images import SUFFIXES, Mode, check_form, read_images, read_size
from chainrule.data.rows import Array, Examples, Rows
from chainrule.errors import ArgumentError, DataError
from chainrule.locking import held

__all__ = ["image_folder"]

_LARGEST_BY_ITSELF = 256  # pixels on a side, if the user did not say what size is wanted
_STEP = 256  # images that are decoded before they are written to the cache


def image_folder(
    path: str | PathLike[str],
    size: Sequence[int] | None = None,
    mode: Mode = "resize",
    channels: int = 3,
    cache: str | PathLike[str] | None = None,
) -> Dataset:
    """A folder of images by class: the classes are its subfolders, sorted by name.

    size      (height, width); None: that of the first image
    mode      "resize" stretches each image; "crop" keeps its proportions, and cuts off what
              is left over at two sides, half at each
    channels  1 gray, 3 red green blue, 4 with alpha
    cache     a file for the decoded pixels, 1 byte each. It is made once, and again when an image
              or a choice above has changed; from then on it is memory-mapped

    Images are JPEG, PNG, BMP, GIF, WebP, TIFF or PPM files; other files and hidden ones are left
    out. Without a cache only the names are read here: an image is decoded each time that a batch
    takes it, by several threads if the files are large, and a broken one is found then.

    Raises:  DataError: no such folder, no subfolders, a class without images; a file that cannot
             be decoded, which is named; or the cache cannot be written. ArgumentError: size, mode
             or channels cannot be meant.
    Cost:    about 0.2 ms to decode a photograph of 200 × 200 pixels, a tenth of it from the cache.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, value in (("day", 250), ("night", 3)):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "0.pgm").write_bytes(b"P5 2 2 255 " + 4 * bytes([value]))
    >>> images = image_folder(folder, channels=1)
    >>> images
    Dataset('images': 2 examples of 1×2×2 uint8 (1×2×2 CHW), 2 classes)
    >>> images.classes, images.inputs[:].max(axis=(1, 2, 3)).tolist(), images.targets.tolist()
    (('day', 'night'), [250, 3], [0, 1])
    """
    folder = Path(path)
    classes, files = _list_images(folder)
    names = [file for group in files for file in group]
    targets = np.repeat(np.arange(len(classes), dtype=np.int64), [len(group) for group in files])
    targets.flags.writeable = False
    if size is None:
        size = _own_size(folder / names[0])
    check_form("image_folder", size, mode, channels)
    height, width = size
    images = _Images(folder, tuple(names), (height, width), mode, channels)
    inputs: Examples = Rows((images,)) if cache is None else _cached(images, Path(cache))
    return Dataset(
        inputs,
        targets,
        classes=tuple(classes),
        name="images",
        image_shape=(height, width, channels),
        layout="CHW",
        preparation={
            "kind": "image",
            "size": [height, width],
            "mode": mode,
            "channels": channels,
        },
    )


@final
@dataclass(frozen=True, eq=False)
class _Images:
    """The images as an array of which each row is decoded when it is asked for."""

    folder: Path
    names: tuple[str, ...]
    size: tuple[int, int]
    mode: Mode
    channels: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.names), self.channels, *self.size)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: Any, /) -> Array:
        if isinstance(rows, slice):
            chosen = self.names[rows]
        else:
            chosen = tuple(self.names[row] for row in rows)
        folder = str(self.folder)
        paths = [f"{folder}/{name}" for name in chosen]
        return read_images(paths, self.size, self.mode, self.channels)


def _own_size(path: Path) -> tuple[int, int]:
    height, width = read_size(path)
    if max(height, width) > _LARGEST_BY_ITSELF:
        details = {"file": path, "its size": f"({height}, {width})"}
        rule = "Pass what every image shall be brought to: size=(64, 64)."
        raise ArgumentError(explanation("image_folder: the images are large", details, rule))
    return height, width


def _list_images(folder: Path) -> tuple[list[str], list[list[str]]]:
    """The classes, and for each the names of its images below the folder, all sorted."""
    if not is_folder(folder):
        raise DataError(explanation("image_folder: there is no such folder", {"folder": folder}))
    entries = list_folder("image_folder", folder)
    classes = sorted(e.name for e in entries if is_folder(e) and not e.name.startswith("."))
    if not classes:
        rule = "Each class needs a subfolder with its images: PATH/cat/1.jpg."
        fact = "image_folder: the folder has no subfolders"
        raise DataError(explanation(fact, {"folder": folder}, rule))
    files = [_images_below(folder, name) for name in classes]
    for name, found in zip(classes, files, strict=True):
        if not found:
            details = {"folder": folder / name, "images": " ".join(sorted(SUFFIXES))}
            raise DataError(explanation("image_folder: a class has no images", details))
    return classes, files


def _images_below(folder: Path, name: str) -> list[str]:
    found = []
    for place, below, names in os.walk(folder / name, onerror=_refuse):
        below[:] = [inner for inner in below if not inner.startswith(".")]
        inside = os.path.relpath(place, folder)
        found += [f"{inside}/{file}" for file in names if _is_image(file)]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise read_error("image_folder", Path(error.filename), error) from error


def _is_image(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _cached(images: _Images, path: Path) -> Array:
    """The decoded pixels, mapped from the cache, which is made or renewed if need be."""
    header = _header(images)
    try:
        if not _is_current(path, images, header):
            _renew(images, path, header)
        return np.memmap(path, np.uint8, mode="r", offset=len(header), shape=images.shape)
    except OSError as cause:
        details = {"file": path, "reason": cause.strerror or str(cause)}
        raise DataError(
            explanation("image_folder: the cache cannot be written", details)
        ) from cause


def _renew(images: _Images, path: Path, header: bytes) -> None:
    with held(path.with_name(f".{path.name}.lock")):
        if not _is_current(path, images, header):  # another process may have been faster
            _write(images, path, header)


def _is_current(path: Path, images: _Images, header: bytes) -> bool:
    try:
        if path.stat().st_size != len(header) + int(np.prod(images.shape)):
            return False
        with path.open("rb") as file:
            return file.read(len(header)) == header
    except FileNotFoundError:
        return False


def _header(images: _Images) -> bytes:
    """The cache is a safetensors file; its header has a digest of all that the pixels depend on."""
    form = [
        list(images.shape),
        images.mode,
        images.names,
        [_state(images, n) for n in images.names],
    ]
    digest = hashlib.sha256(json.dumps(form).encode("utf-8", "surrogatepass")).hexdigest()
    tensor = {"dtype": "U8", "shape": images.shape, "data_offsets": [0, int(np.prod(images.shape))]}
    text = json.dumps({"__metadata__": {"made_from": digest}, "images": tensor})
    data = text.encode().ljust(-(-len(text) // 8) * 8)
    return len(data).to_bytes(8, "little") + data


def _state(images: _Images, name: str) -> tuple[int, int]:
    try:
        status = (images.folder / name).stat()
    except OSError as cause:
        raise read_error("image_folder", images.folder / name, cause) from cause
    return status.st_size, status.st_mtime_ns


def _write(images: _Images, path: Path, header: bytes) -> None:
    """Write the cache under another name first, so that half of it is never taken for the whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(header)
            for start in range(0, len(images), _STEP):
                file.write(np.ascontiguousarray(images[start : start + _STEP]).data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
