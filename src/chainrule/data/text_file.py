"""Text files: decoded piece by piece, with the offset of what is not text."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from chainrule.data.fault import broken_file, explanation, read_error
from chainrule.data.files import open_regular
from chainrule.errors import ArgumentError, DataError

__all__ = ["open_text", "text_pieces"]

_PIECE = 2**20
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def text_pieces(reader: str, path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the text of a file in pieces, line ends as they are, without a byte order mark.

    Raises:  DataError: it is not a regular file, or not text in this encoding.
             ArgumentError: no such encoding.
    """
    decoder = _incremental(reader, encoding)
    with open_regular(reader, path) as file:
        offset = 0
        while True:
            piece = _read(reader, path, file)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as cause:
                raise _not_text(reader, path, encoding, offset - held, piece, cause) from cause
            yield text.removeprefix("\ufeff") if not offset else text
            offset += len(piece)
            if not piece:
                return


@contextmanager
def open_text(reader: str, path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Open a text file for reading lines, which keep their ends.

    Raises:  DataError: as `text_pieces`, for what is met while the file is open.
    """
    _incremental(reader, encoding)
    plain = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    with open_regular(reader, path) as file:
        try:
            with io.TextIOWrapper(file, encoding=plain, newline="") as text:
                yield text
        except UnicodeError:
            for _ in text_pieces(reader, path, encoding):  # finds the same fault with its offset
                pass
            raise
        except OSError as cause:
            raise read_error(reader, path, cause) from cause


def _read(reader: str, path: Path, file: BinaryIO) -> bytes:
    try:
        return file.read(_PIECE)
    except OSError as cause:
        raise read_error(reader, path, cause) from cause


def _incremental(reader: str, encoding: str) -> codecs.IncrementalDecoder:
    try:
        b"".decode(encoding)  # refuses codecs that are not of text, such as "zip"
        return codecs.getincrementaldecoder(encoding)("strict")
    except LookupError as cause:
        details = {"given": repr(encoding), "possible": '"utf-8", "latin-1", "cp1252", …'}
        fact = f"{reader}: there is no such text encoding"
        raise ArgumentError(explanation(fact, details)) from cause


def _not_text(
    reader: str, path: Path, encoding: str, base: int, piece: bytes, cause: UnicodeError
) -> DataError:
    place, there, reason = 0, piece[:4], str(cause)  # a decoder that misses a byte order mark
    if isinstance(cause, UnicodeDecodeError):
        place, reason = cause.start, cause.reason
        there = bytes(cause.object[place : place + 4])
    expected = f"{encoding} text"
    if not base and not place and there[:2] in _MARKS:
        rule = f'These are the first bytes of UTF-16: pass encoding="{_MARKS[there[:2]]}".'
    else:
        rule = (
            'If the text is in another encoding, pass it: encoding="latin-1", "cp1252", …\n'
            "For the command line, convert it: "
            f"iconv -f latin1 -t utf-8 {path.name} > new-{path.name}"
        )
    found = f"{there.hex(' ')} ({reason})"
    fact = "this is not text in the encoding expected"
    return broken_file(reader, fact, path, base + place, expected, found, rule)
