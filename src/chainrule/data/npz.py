"""NumPy's archive of arrays: a zip file in which each member is an array with its name.

Object arrays are pickles, which could run code; they are refused.
"""

import math
import os
import struct
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy

from chainrule.data.arrays import from_arrays
from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation, read_error, sized
from chainrule.data.files import open_regular
from chainrule.data.rows import Array
from chainrule.errors import DataError

__all__ = ["npz"]

_PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"), ("data", "target"), ("images", "labels"))
_DEFLATE_RATIO = 1032  # a byte of deflate cannot stand for more: 258 bytes take 2 bits (RFC 1951)
_MOST_NAMES = 2**22  # bytes of class names
_LOCAL_HEADER = struct.Struct("<4s22x2H")  # of a member of a zip file: where its bytes begin
_PIECE = 2**20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)


def npz(
    path: str | PathLike[str], inputs: str | None = None, targets: str | None = None
) -> Dataset:
    """A data set from an `.npz` file, as `numpy.savez(path, inputs=…, targets=…)` writes it.

    inputs, targets  the names of the two arrays; None: the first of the usual pairs that is there
                     (inputs and targets, x and y, X and y, data and target, images and labels)

    Targets are as in `from_arrays`; an array `classes` of strings names the classes. Inputs that
    are stored uncompressed are memory-mapped, others are read at once. Images (uint8, with axes
    n h w, n h w c or n c h w) are recognized.

    Raises:  DataError: not a readable `.npz` file, no such arrays, an array of Python objects,
             or arrays that do not fit together. The message names the array.
    Cost:    nothing is allocated on the word of a header that the file's size does not bear out.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.npz"
    >>> np.savez(path, inputs=[[0.5], [1.5]], targets=[1, 0], classes=["no", "yes"])
    >>> npz(path)
    Dataset('two': 2 examples of 1 float64, 2 classes)
    """
    path = Path(path)
    with open_regular("npz", path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = _choose(archive, path, inputs, targets)
                x, y = (_read(archive, file, path, name) for name in names)
                classes = _read_classes(archive, file, path)
        except OSError as cause:
            raise read_error("npz", path, cause) from cause
        except _BROKEN as cause:
            if isinstance(cause, DataError):
                raise
            raise _fault("the file is broken", path, None, "a zip file", str(cause)) from cause
    image_shape, layout = _image_form(x)
    return from_arrays(
        x, y, classes=classes, name=path.stem, image_shape=image_shape, layout=layout
    )


def _choose(
    archive: zipfile.ZipFile, path: Path, inputs: str | None, targets: str | None
) -> tuple[str, str]:
    there = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    wanted = [(inputs or x, targets or y) for x, y in _PAIRS]
    for pair in wanted:
        if there.issuperset(pair):
            return pair
    details = {"file": path, "arrays": ", ".join(sorted(there)[:20]) or "none"}
    details["looked for"] = "; ".join(dict.fromkeys(f"{x} and {y}" for x, y in wanted))
    rule = 'Say which they are: npz(path, inputs="…", targets="…").'
    raise DataError(explanation("npz: the arrays are not in the file", details, rule))


def _read(archive: zipfile.ZipFile, file: IO[bytes], path: Path, name: str) -> Array:
    """One array of the archive: mapped if it is stored as it is, else read."""
    entry = archive.getinfo(f"{name}.npy")
    with archive.open(entry) as member:
        shape, is_fortran, dtype = _read_header(member, path, name)
        offset = member.tell()
        size = math.prod(shape) * dtype.itemsize
        if entry.file_size - offset != size or size > entry.compress_size * _DEFLATE_RATIO:
            found = f"{entry.file_size - offset} bytes, {entry.compress_size} with its header"
            fact = "an array has another size than its header says"
            raise _fault(fact, path, name, sized(shape, dtype), found)
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        if entry.compress_type == zipfile.ZIP_STORED and size:
            start = _start(file, path, entry, size + offset)
            return np.memmap(path, dtype, mode="r", offset=start + offset, shape=shape, order=order)
        data = bytearray()
        while piece := member.read(_PIECE):
            data += piece
    array: Array = np.frombuffer(data, dtype).reshape(shape, order=order)
    array.flags.writeable = False
    return array


def _read_header(
    member: IO[bytes], path: Path, name: str
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(member)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        expected = "1.0 or 2.0 of the format .npy"
        raise _fault("an array has another version", path, name, expected, str(version))
    try:
        shape, is_fortran, dtype = read(member)
    except Exception as cause:  # it is parsed as a Python literal, which can fail in many ways
        fact, expected = "the header of an array is broken", "descr, fortran_order and shape"
        found = f"{type(cause).__name__}: {str(cause)[:80]}"
        raise _fault(fact, path, name, expected, found) from cause
    if dtype.hasobject:
        fact = "an array holds Python objects, which are never unpickled"
        raise _fault(fact, path, name, "numbers", str(dtype))
    if len(shape) > 32 or any(axis < 0 for axis in shape):
        raise _fault("an array has no such shape", path, name, "sizes", str(shape))
    return tuple(shape), bool(is_fortran), dtype


def _start(file: IO[bytes], path: Path, entry: zipfile.ZipInfo, size: int) -> int:
    """The offset of a stored member's bytes. Its own header says it, not the directory's."""
    place = file.tell()
    file.seek(entry.header_offset)
    head = file.read(_LOCAL_HEADER.size)
    file.seek(place)
    magic, name_length, extra_length = _LOCAL_HEADER.unpack(head)
    start = entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    there = os.fstat(file.fileno()).st_size
    if magic != b"PK\3\4" or start + size > there:
        fact, expected = "the file ends too early", f"{size} bytes from offset {start}"
        raise _fault(
            fact, path, entry.filename.removesuffix(".npy"), expected, f"{there} in the file"
        )
    return int(start)


def _read_classes(archive: zipfile.ZipFile, file: IO[bytes], path: Path) -> list[str] | None:
    if "classes.npy" not in archive.namelist():
        return None
    if archive.getinfo("classes.npy").file_size > _MOST_NAMES:
        expected = f"at most {_MOST_NAMES} bytes"
        raise _fault("the names are too long", path, "classes", expected, "more")
    names = _read(archive, file, path, "classes")
    if names.ndim != 1 or names.dtype.kind != "U":
        found = f"{names.dtype}{list(names.shape)}"
        raise _fault("these are no names", path, "classes", "strings", found)
    return [str(name) for name in names]


def _image_form(x: Array) -> tuple[tuple[int, int, int] | None, Any]:
    """(height, width, channels) and the layout, if these look like images."""
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or not x.size:
        return None, "HWC"
    if x.ndim == 3:
        return (x.shape[1], x.shape[2], 1), "HWC"
    if x.shape[3] in (1, 3, 4):
        return (x.shape[1], x.shape[2], x.shape[3]), "HWC"
    if x.shape[1] in (1, 3, 4):
        return (x.shape[2], x.shape[3], x.shape[1]), "CHW"
    return None, "HWC"


def _fault(fact: str, path: Path, name: str | None, expected: str, found: str) -> DataError:
    details: dict[str, object] = {"file": path}
    if name is not None:
        details["array"] = name
    details |= {"expected": expected, "found": found}
    return DataError(explanation(f"npz: {fact}", details))
