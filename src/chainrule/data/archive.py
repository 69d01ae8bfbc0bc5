"""Unpack archives that came from elsewhere: only plain files, only where they belong."""

import errno
import gzip
import os
import tarfile
import zlib
from pathlib import Path
from typing import IO

from chainrule.data.fault import explanation
from chainrule.data.files import open_regular
from chainrule.errors import DataError

__all__ = ["unpack"]

_MOST_MEMBERS = 10_000
_PIECE = 2**18
# What a system says of a name that cannot be, or that another member has already taken.
_BAD_NAME = {
    errno.EEXIST,
    errno.EINVAL,
    errno.EILSEQ,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
}


def unpack(archive: Path, folder: Path, most: int) -> list[Path]:
    """Unpack a `.tar.gz` archive into a folder of its own, and return the files.

    A member that is neither a plain file nor a folder (a link, a device), or whose path leads out
    of the folder, ends it: what follows in such an archive is not to be trusted either.

    most  bytes that the archive may have unpacked, all together

    Raises:  DataError: no readable archive, a member as above, two of one name, or too many
             bytes. What was unpacked before stays in the folder. OSError: the disk refused.
    Cost:    memory for one piece of a file, whatever the headers promise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_regular("unpack", archive) as file:
        try:
            stream = _Limited(gzip.GzipFile(fileobj=file), archive, most)
            with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
                return _unpack_members(tar, archive, folder)
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as cause:
            if isinstance(cause, DataError):
                raise
            details = {"file": archive, "reason": str(cause)}
            raise DataError(explanation("unpack: the archive is broken", details)) from cause


def _unpack_members(tar: tarfile.TarFile, archive: Path, folder: Path) -> list[Path]:
    unpacked = []
    for count, member in enumerate(tar):
        if count >= _MOST_MEMBERS:
            raise _refused(archive, f"more than {_MOST_MEMBERS} members", member.name)
        if not member.isdir():
            unpacked.append(_unpack_member(tar, member, archive, folder))
    return unpacked


class _Limited:
    """An unpacked stream that ends with an error rather than in a full memory or disk."""

    def __init__(self, stream: gzip.GzipFile, archive: Path, most: int) -> None:
        self._stream, self._archive, self._most = stream, archive, most

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; a header that asks for a large piece is not a true one."""
        if not 0 <= size <= _PIECE:
            raise tarfile.ReadError(f"a header asks for {size} bytes at once")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, place: int) -> int:
        self._check(place)
        return self._stream.seek(place)

    def _check(self, end: int) -> None:
        if end > self._most + _PIECE:
            raise _refused(self._archive, f"more than {self._most} bytes unpacked", "—")


def _unpack_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, folder: Path
) -> Path:
    if not member.isreg() or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "no plain file"
        raise _refused(archive, kind, member.name)
    content = tar.extractfile(member)
    assert content is not None  # it is a plain file
    try:
        target = _inside(folder, member.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, target.open("xb") as file:
            _copy(content, file, member)
    except ValueError as cause:
        raise _refused(archive, str(cause), member.name) from cause
    except OSError as cause:
        if cause.errno not in _BAD_NAME:
            raise
        raise _refused(archive, cause.strerror or "a name that cannot be", member.name) from cause
    return target


def _inside(folder: Path, name: str) -> Path:
    """The place of a member. It must lie in the folder and not beside it."""
    root = folder.resolve()
    if not name.startswith("/") and ".." not in Path(name).parts:
        target = (root / name).resolve()  # a ValueError if the name holds a zero byte
        if target.is_relative_to(root) and target != root:
            return target
    raise ValueError("a path that leads out of the folder")


def _copy(content: IO[bytes], file: IO[bytes], member: tarfile.TarInfo) -> None:
    left = member.size
    while left:
        piece = content.read(min(_PIECE, left))
        if not piece:
            raise tarfile.ReadError(f"{member.name} ends too early")
        file.write(piece)
        left -= len(piece)
    file.flush()
    os.fsync(file.fileno())  # before the folder gets its name, which says that all is there


def _refused(archive: Path, fact: str, name: str) -> DataError:
    details = {"file": archive, "member": repr(name), "found": fact}
    rule = "Only plain files that stay inside the folder are unpacked."
    return DataError(explanation("unpack: the archive is refused", details, rule))
