"""The IDX format, and MNIST, which comes in it.

A file is: two zero bytes, a type code, the number of axes, each axis' size as a 32-bit integer,
and the values, all big-endian, the last axis fastest. Source: lecun1998mnist
"""

import gzip
import math
import struct
import zlib
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import broken_file, explanation, read_error, sized
from chainrule.data.files import find_files, open_regular
from chainrule.data.rows import Array
from chainrule.errors import DataError
from chainrule.unpacking import unpacked
from chainrule.wording import plural

__all__ = ["MNIST_FILES", "fashion_mnist", "mnist", "mnist_candidates", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 32  # what every version of NumPy can hold
_PIECE = 2**20
_DEFLATE_RATIO = 1032  # a byte of deflate cannot stand for more: 258 bytes take 2 bits (RFC 1951)

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_DIGITS = tuple("0123456789")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CITATION = (
    "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998). Gradient-based learning applied to "
    "document recognition. Proceedings of the IEEE 86(11), 2278–2324."
)
_FASHION_CITATION = (
    "H. Xiao, K. Rasul and R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for "
    "benchmarking machine learning algorithms. arXiv:1708.07747."
)


def read_idx(path: str | PathLike[str]) -> Array:
    """Read an IDX file, plain (then memory-mapped) or compressed with gzip.

    The array is read-only and, if its values have several bytes, big-endian like the file.

    Raises:  DataError: not a readable IDX file. The message names the offset (in the unpacked
             data if it is compressed), what is expected there and what was found.
    Cost:    nothing is allocated on the word of a header: memory grows with the data found.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    >>> read_idx(path).tolist()
    [7, 9]
    """
    path = Path(path)
    try:
        with open_regular("idx", path) as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return _read_packed(file, path) if is_gzip else _read_plain(file, path)
    except OSError as cause:
        raise read_error("idx", path, cause) from cause


def _read_plain(file: BinaryIO, path: Path) -> Array:
    size = path.stat().st_size
    shape, dtype, offset = _parse_header(file.read(4 + 4 * _MOST_AXES), path)
    _require_size(shape, dtype, offset, size, path)
    if size == offset:  # nothing cannot be mapped
        return _read_only(np.empty(shape, dtype))
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape)


def _read_packed(file: BinaryIO, path: Path) -> Array:
    stream, data = gzip.GzipFile(fileobj=file), bytearray()
    _unpack_to(4 + 4 * _MOST_AXES, stream, data, path)
    shape, dtype, offset = _parse_header(bytes(data), path)
    total = offset + math.prod(shape) * dtype.itemsize
    most = path.stat().st_size * _DEFLATE_RATIO
    if total > most:
        fact = "the header promises more than the file can hold"
        raise _fault(fact, path, 4, sized(shape, dtype), f"at most {most} bytes")
    values: bytes | memoryview | None = unpacked(path, file, offset, total)
    if values is None:  # there is something about it, and this way knows what
        _unpack_to(total + 1, stream, data, path)  # one more: trailing bytes, and the checksum
        _require_size(shape, dtype, offset, len(data), path)
        values = memoryview(data)[offset:]
    return _read_only(np.frombuffer(values, np.uint8).view(dtype).reshape(shape))


def _unpack_to(size: int, stream: gzip.GzipFile, data: bytearray, path: Path) -> None:
    """Append unpacked bytes until there are `size` of them, or all; never further."""
    try:
        while len(data) < size and (piece := stream.read(min(_PIECE, size - len(data)))):
            data += piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as cause:
        fact, offset = "the gzip stream is corrupt", f"beyond {len(data)}, unpacked"
        raise _fault(fact, path, offset, "compressed data", str(cause)) from cause


def _parse_header(head: bytes, path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """The shape, the type of the values and the offset where they start."""
    if len(head) < 4:
        raise _fault("the file ends too early", path, 0, "4 bytes of magic", f"{len(head)} bytes")
    zeros, code, rank = head[:2], head[2], head[3]
    if zeros != b"\0\0" or code not in _TYPES or rank > _MOST_AXES:
        types = ", ".join(f"{known:02x}" for known in _TYPES)
        expected = f"00 00, a type ({types}), and at most {_MOST_AXES} axes (20)"
        raise _fault("this is not an IDX file", path, 0, expected, head[:4].hex(" "))
    offset = 4 + 4 * rank
    if len(head) < offset:
        expected = f"{plural(offset - 4, 'byte')} of sizes for {plural(rank, 'axis')}"
        raise _fault("the file ends too early", path, 4, expected, f"{len(head) - 4} bytes")
    shape, dtype = struct.unpack_from(f">{rank}I", head, 4), np.dtype(_TYPES[code])
    # One size may be 0, which hides the others from every check of lengths, but not from NumPy.
    if 0 in shape and math.prod(filter(None, shape)) * dtype.itemsize >= 2**63:
        fact, found = "the sizes are too large for an array", " × ".join(map(str, shape))
        raise _fault(fact, path, 4, "a product below 2⁶³ bytes", found)
    return shape, dtype, offset


def _require_size(
    shape: tuple[int, ...], dtype: np.dtype[Any], offset: int, size: int, path: Path
) -> None:
    expected = math.prod(shape) * dtype.itemsize
    found = size - offset
    if found < expected:
        raise _fault("the file ends too early", path, size, sized(shape, dtype), f"{found} bytes")
    if found > expected:
        fact = "there are bytes after the values"
        raise _fault(fact, path, offset + expected, "the end of the file", "more bytes")


def _fault(fact: str, path: Path, offset: int | str, expected: str, found: str) -> DataError:
    return broken_file("idx", fact, path, offset, expected, found)


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


def mnist(folder: str | PathLike[str]) -> tuple[Dataset, Dataset]:
    """MNIST, or a set in its layout: 60,000 and 10,000 images of digits, 28 × 28 bytes each.

    Reads the four files with their usual names, with or without `.gz`; the images of plain
    files stay on disk until a batch is taken.

    Raises:  DataError: files are missing, broken or do not belong together.
    Source:  lecun1998gradient
    """
    return _load("mnist", Path(folder), _DIGITS, _CITATION)


def fashion_mnist(folder: str | PathLike[str]) -> tuple[Dataset, Dataset]:
    """Fashion-MNIST: 60,000 and 10,000 images of clothes, 28 × 28 bytes each.

    It has the files of MNIST, with the same names; see there.

    Raises:  DataError: files are missing, broken or do not belong together.
    Source:  xiao2017fashion
    """
    return _load("fashion-mnist", Path(folder), _CLOTHES, _FASHION_CITATION)


def _load(
    name: str, folder: Path, classes: tuple[str, ...], citation: str
) -> tuple[Dataset, Dataset]:
    candidates = {file: mnist_candidates(file) for file in MNIST_FILES}
    paths = find_files(name, folder, candidates)
    train, test = (
        replace(_read_part(name, *pair), classes=classes, citation=citation)
        for pair in (paths[:2], paths[2:])
    )
    if train.image_shape != test.image_shape:
        details = {"file": paths[0], "images": train.image_shape}
        details |= {"other file": paths[2], "other images": test.image_shape}
        raise DataError(explanation(f"{name}: the parts have images of different sizes", details))
    return train, test


def mnist_candidates(name: str) -> list[str]:
    """The names under which a file of MNIST is found, the preferred one first.

    >>> mnist_candidates("t10k-labels-idx1-ubyte")[:2]
    ['t10k-labels-idx1-ubyte', 't10k-labels.idx1-ubyte']
    """
    names = [name, name.replace("-idx", ".idx")]
    return names + [f"{name}.gz" for name in names]


def _read_part(name: str, image_path: Path, label_path: Path) -> Dataset:
    images = _read_bytes(name, image_path, rank=3)
    labels = _read_bytes(name, label_path, rank=1)
    if len(images) != len(labels):
        details = {"images": f"{len(images)} in {image_path}"}
        details |= {"labels": f"{len(labels)} in {label_path}"}
        raise DataError(explanation(f"{name}: the numbers of images and labels differ", details))
    if not images.size:
        expected = "at least one image"
        raise broken_file(name, "the file is empty", image_path, 4, expected, "none")
    if labels.max() > 9:
        row = int(np.argmax(labels > 9))
        found = f"{labels[row]} for image {row}"
        raise broken_file(name, "no such class", label_path, 8 + row, "a label 0 to 9", found)
    height, width = images.shape[1:]
    return Dataset(
        images.reshape(len(images), height * width),
        _read_only(labels.astype(np.int64)),
        name=name,
        image_shape=(height, width, 1),
        preparation={"kind": "image", "size": [height, width], "mode": "resize", "channels": 1},
    )


def _read_bytes(name: str, path: Path, rank: int) -> Array:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != rank:
        expected = f"00 00 08 {rank:02x} (uint8, {rank} axes)"
        found = f"{array.dtype.name}, {array.ndim} axes"
        raise broken_file(name, "these are other data", path, 0, expected, found)
    return array
