"""Machine code on the disk, so that a program is translated once per machine.

An entry is one file, named by the SHA-256 of all that the code depends on. It is written under
another name and renamed, so two processes at once are no trouble; it holds a digest of its own
contents, and one that does not agree is deleted. Nothing here ever raises: without a folder that
is ours and can be written, programs are translated anew.

CHAINRULE_CACHE        where downloads and machine code are kept; else the place that the system
                       has for it (~/.cache/chainrule)
CHAINRULE_CACHE_SIZE   the most that machine code may take, in MiB; else 256. 0 keeps none.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["fetch", "folder", "keep", "key_of", "remove"]

_MAGIC: Final = b"chainrule kernel 1\n"
_SUFFIX: Final = ".kernel"
_LOOK_EVERY: Final = 16  # entries written, until we look again how much there is
_ABANDONED: Final = 3600.0  # seconds after which a half-written file is nobody's
_written: int = 0


def key_of(*parts: object) -> str:
    """The name of an entry: a digest of all that it depends on.

    >>> key_of("text", 1) == key_of("text", 1), key_of("ab", "c") == key_of("a", "bc")
    (True, False)
    """
    digest = sha256()
    for part in parts:
        text = str(part).encode()
        digest.update(b"%d\n" % len(text))
        digest.update(text)
    return digest.hexdigest()


def folder() -> Path | None:
    """Where machine code is kept; None if there is no such place."""
    if most_bytes() == 0:
        return None
    given = os.environ.get("CHAINRULE_CACHE")
    try:
        if given:
            return Path(given).expanduser().absolute() / "kernels"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "chainrule" / "kernels"
        place = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(place).absolute() / "chainrule" / "kernels"
    except (RuntimeError, OSError):  # no home
        return None


def most_bytes() -> int:
    """How much machine code may be kept."""
    given = os.environ.get("CHAINRULE_CACHE_SIZE", "")
    return (int(given) if given.isdecimal() else 256) << 20


def fetch(key: str) -> bytes | None:
    """What was kept under a key, if it is there and whole."""
    place = folder()
    if place is None:
        return None
    path = place / (key + _SUFFIX)
    try:
        if not _is_ours(place):
            return None
        data = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):
        os.utime(path)  # used last now
    start = len(_MAGIC) + 32
    if data[:start] == _MAGIC + _digest(key, data[start:]):
        return data[start:]
    remove(key)
    return None


def keep(key: str, data: bytes) -> bool:
    """Keep something under a key; gives whether it worked."""
    global _written
    place = folder()
    if place is None:
        return False
    partial = place / f".{key}.{os.getpid()}-{secrets.token_hex(4)}.partial"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(place):
            return False
        _write(partial, _MAGIC + _digest(key, data) + data)
        partial.replace(place / (key + _SUFFIX))
    except OSError:
        with suppress(OSError):
            partial.unlink()
        return False
    if _written % _LOOK_EVERY == 0:
        trim(place)
    _written += 1
    return True


def remove(key: str) -> None:
    """Forget what was kept under a key."""
    place = folder()
    if place is not None:
        with suppress(OSError):
            (place / (key + _SUFFIX)).unlink()


def trim(place: Path) -> None:
    """Delete what was not used for longest, until the rest is a little less than may be kept."""
    found = []
    for path in _files(place):
        with suppress(OSError):
            state = path.stat()
            if path.suffix == _SUFFIX:
                found.append((state.st_mtime, state.st_size, path))
            elif time.time() - state.st_mtime > _ABANDONED:
                path.unlink()
    most = most_bytes()
    total = sum(size for _, size, _ in found)
    if total <= most:
        return
    for _, size, path in sorted(found):
        if total <= most * 7 // 8:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _files(place: Path) -> list[Path]:
    try:
        return [p for p in place.iterdir() if p.suffix in (_SUFFIX, ".partial")]
    except OSError:
        return []


def _digest(key: str, data: bytes) -> bytes:
    """The key is in it, so that an entry under another's name is not taken for it."""
    return sha256(key.encode() + data).digest()


def _is_ours(place: Path) -> bool:
    """Whether nobody else can have put anything there: it is code that we would run."""
    state = place.stat()
    return state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    finally:
        os.close(handle)
