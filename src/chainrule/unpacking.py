"""Packed images of MNIST that threads unpack before anyone asks for them.

To unpack MNIST takes as long as to import what reads it, and needs nothing but the standard
library, of which this file imports little: so it is no part of ``data``, which imports NumPy. zlib
does not hold the interpreter meanwhile.
"""

import struct
import zlib
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Final

from chainrule.runtime.background import Background

__all__ = ["unpack_ahead", "unpacked"]

_BYTES: Final = b"\0\0\x08"  # how an IDX file of bytes begins; the number of axes comes next
_MOST_AXES: Final = 3
_NAMED: Final = "t*-images?idx3-ubyte.gz"  # those of MNIST to train and to test, t10k
_SMALL: Final = 2**20  # bytes of a packed file that takes no time to unpack
_BEGINNING: Final = 2**12  # bytes that hold a packed header


def unpack_ahead(folder: str | None) -> None:
    """Let threads unpack the large files of images in a folder, for ``unpacked`` in this context.

    A file that lies there as it is, too, is left out: it is what will be read. What is wrong with
    the folder or a file is left to who reads it.
    """
    if folder is None:
        return
    with suppress(OSError):
        _AHEAD.set({
            path: Background(partial(_values, path), "chainrule-unpack", daemon=True)
            for path in _packed(Path(folder).absolute())
        })  # fmt: skip


def unpacked(path: Path, file: BinaryIO, offset: int, total: int) -> bytes | None:
    """What follows a header in a file that is one sound stream of so many bytes; else nothing.

    Other threads run meanwhile. No more than that is unpacked, whatever the stream holds. The
    file is left where it was.
    """
    ahead = _AHEAD.get({}).pop(path.absolute(), None)
    if ahead is not None:
        with suppress(Exception):  # reading it fails as well, and says why
            values = ahead.result()
            if values is not None and len(values) == total - offset:
                return values
    place = file.tell()
    with suppress(zlib.error, MemoryError):
        values = _after(file, offset, total - offset)
        if values is not None:
            return values
    file.seek(place)
    return None


_AHEAD: Final = ContextVar[dict[Path, Background[bytes | None]]]("chainrule-unpacked")


def _packed(folder: Path) -> list[Path]:
    """The large packed files of images in a folder."""
    return [
        path
        for path in folder.glob(_NAMED)
        if path.stat().st_size >= _SMALL and not path.with_suffix("").exists()
    ]


def _values(path: Path) -> bytes | None:
    """What follows the header of an IDX file of bytes, which says how much that is."""
    if not path.is_file():  # to open a pipe could make us wait
        return None
    with path.open("rb") as file:
        header = _stream().decompress(file.read(_BEGINNING), 4 + 4 * _MOST_AXES)
        axes = header[3] if header[:3] == _BYTES else _MOST_AXES + 1
        if axes > _MOST_AXES:
            return None
        return _after(file, 4 + 4 * axes, prod(struct.unpack_from(f">{axes}I", header, 4)))


def _after(file: BinaryIO, offset: int, size: int) -> bytes | None:
    """What follows a header, if it has this size and the stream then ends soundly."""
    file.seek(0)
    stream = _stream()
    header = stream.decompress(file.read(_BEGINNING), offset)
    values: bytes = stream.decompress(stream.unconsumed_tail + file.read(), size + 1)
    is_sound = stream.eof and not stream.unused_data
    return values if is_sound and (len(header), len(values)) == (offset, size) else None


def _stream() -> Any:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # with the frame of gzip
