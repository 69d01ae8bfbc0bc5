"""The one writer for every file that must survive: the old contents or the new, never half.

A file is written under a temporary name in its own folder, flushed to the disk, and moved over
the old one by a single rename; then the folder itself is flushed, because the rename is a change
of the folder. A temporary name is ``.NAME.PID-RANDOM.partial``: the process id tells ``sweep``
whose it is, and RANDOM starts with a token of this process, so that a later process which was
given the same id (containers do that) does not take an abandoned file for its own.

Source:  pillai2014all, sec. 3: which steps a file system may reorder, hence each fsync
"""

import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.wording import plural

if sys.platform == "darwin":
    from fcntl import F_FULLFSYNC, fcntl

PathLike = str | os.PathLike[str]

_PROCESS_TOKEN = secrets.token_hex(4)
_PARTIAL = re.compile(
    r"\..*\.(?P<pid>\d{1,10})-(?P<token>[0-9a-f]{8})[0-9a-f]{8}\.partial", re.DOTALL
)
_BLOCK = 1 << 20


def write_bytes(path: PathLike, data: bytes) -> None:
    """Replace a file, so that a kill at any moment leaves the old contents or the new ones.

    A file that was there keeps its mode; a symbolic link stays and what it points to is replaced.

    Raises:  CheckpointError: the disk is full, the folder is not writable, or the path is not a
             regular file. The old contents are unchanged and the temporary file is gone.
    Cost:    one write, two flushes to the disk (the file and its folder) and one rename.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_bytes(f"{folder}/a", b"whole")
    ...     print(read_bytes(f"{folder}/a"), os.listdir(folder))
    b'whole' ['a']
    """
    target = Path(os.path.realpath(path))
    partial = partial_path(target)
    try:
        mode = _mode_to_keep(target)
        write_new(partial, data)
        if mode is not None:
            os.chmod(partial, mode)
        os.replace(partial, target)
    except BaseException as error:
        _discard_file(partial)
        if isinstance(error, OSError):
            intact = f"{target} is as it was before."
            raise failure("write", target, error, intact, len(data)) from error
        raise
    _sync_published(target)


def write_text(path: PathLike, text: str) -> None:
    """Replace a file by a text in UTF-8, as ``write_bytes`` does."""
    write_bytes(path, text.encode())


def append_line(path: PathLike, line: str) -> None:
    """Add one line to the end of a file and flush it to the disk.

    A last line without its newline is what a kill or a full disk left of an earlier append; it
    is removed first.

    Raises:  ArgumentError: the line holds a newline. CheckpointError: it could not be written;
             the whole lines that were there are unchanged.
    """
    target = Path(path)
    if "\n" in line:
        raise ArgumentError(f"append_line: the line for {target} holds a newline: {line!r}")
    data = line.encode() + b"\n"
    try:
        is_new = not target.exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(target, flags, 0o666)
        try:
            _append(handle, data)
        finally:
            os.close(handle)
    except OSError as error:
        intact = f"The lines that were in {target} are unchanged."
        raise failure("append to", target, error, intact, len(data)) from error
    if is_new:
        _sync_published(target)


def read_bytes(path: PathLike, limit: int | None = None) -> bytes:
    """Return the contents of a regular file of at most ``limit`` bytes.

    Raises:  CheckpointError: the file is missing, unreadable, longer than the limit, or not a
             regular file (a pipe would block for ever).
    """
    target = Path(path)
    try:
        handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_readable(target.name, os.fstat(handle), limit)
            with open(handle, "rb", buffering=0, closefd=False) as file:
                return file.readall()
        finally:
            os.close(handle)
    except FileNotFoundError as error:
        raise CheckpointError(f"{target.name} is missing") from error
    except OSError as error:
        raise CheckpointError(f"{target.name} cannot be read: {error.strerror}") from error


def write_new(path: PathLike, data: bytes) -> None:
    """Write a file that does not exist yet and flush it, without a temporary name.

    Only for a path that nobody reads yet: inside the folder that ``publish_folder`` builds.
    Errors are left as OSError, which the caller turns into its own message.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write_all(handle, data)
        _sync(handle)
    finally:
        os.close(handle)


def publish_folder(path: PathLike, build: Callable[[Path], None]) -> None:
    """Make a folder appear with all its files, or not at all.

    ``build`` fills a temporary folder beside ``path``; each file and folder in it is flushed, one
    rename publishes it, and the parent is flushed.

    Raises:  CheckpointError: the path exists, the disk is full, or the parent is not writable.
             Nothing is published and the temporary folder is gone. What ``build`` raises passes.
    """
    target = Path(path)
    partial = partial_path(target)
    try:
        os.mkdir(partial)
        build(partial)
        _sync_tree(partial)
        if os.path.lexists(target):  # a rename would silently replace an empty folder
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        os.rename(partial, target)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError):
            intact = f"Nothing was published; what else is in {target.parent} is unchanged."
            raise failure("write", target, error, intact) from error
        raise
    _sync_published(target)


def remove_folder(path: PathLike) -> None:
    """Delete a folder: first out of sight by one rename, then its files.

    A kill in between leaves a temporary name for ``sweep``, never a folder with files missing.
    Of a symbolic link only the link goes.

    Raises:  CheckpointError: it could not be renamed or deleted.
    """
    target = Path(path)
    partial = partial_path(target)
    try:
        os.rename(target, partial)
        if partial.is_symlink():  # what it leads to is someone else's
            partial.unlink()
        else:
            shutil.rmtree(partial)
    except OSError as error:
        intact = f"Everything else in {target.parent} is unchanged."
        raise failure("delete", target, error, intact) from error


def make_folder(path: PathLike) -> None:
    """Create a folder and its parents, each flushed to the disk; an existing one is fine.

    Raises:  CheckpointError: a parent is a file, or is not writable.
    """
    target = Path(path)
    missing = [step for step in (target, *target.parents) if not step.exists()]
    try:
        for step in reversed(missing):
            os.makedirs(step, exist_ok=True)
            sync_folder(step.parent)
        if not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
    except OSError as error:
        raise failure("create", target, error, "Nothing was changed.") from error


def sweep(folder: PathLike) -> tuple[Path, ...]:
    """Remove the temporary files and folders that dead processes left here; return them.

    Call it only while holding the lock of the run folder: the ids of processes on other machines
    that share the folder look dead from here. What cannot be removed is left without a word.
    """
    try:
        entries = sorted(Path(folder).iterdir())
    except OSError:
        return ()
    stale = [entry for entry in entries if _is_stale(entry.name)]
    for entry in stale:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            _discard_file(entry)
    return tuple(entry for entry in stale if not os.path.lexists(entry))


def is_partial(name: str) -> bool:
    """Whether a file name is a temporary one of this writer, of any process."""
    return _PARTIAL.fullmatch(name) is not None


def partial_path(target: Path) -> Path:
    """Return a fresh temporary name beside the target, on the same file system."""
    random = _PROCESS_TOKEN + secrets.token_hex(4)
    return target.with_name(f".{target.name}.{os.getpid()}-{random}.partial")


def sync_folder(folder: PathLike) -> None:
    """Flush a folder, so that the names in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _sync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush a folder
            raise
    finally:
        os.close(handle)


def failure(
    action: str, path: Path, error: OSError, intact: str, size: int | None = None
) -> CheckpointError:
    """Return the error that says what failed, what is still whole, and what to do."""
    amount = "" if size is None else f" ({plural(size, 'byte')})"
    return CheckpointError(
        f"cannot {action} {path}{amount}: {error.strerror or error}\n\n"
        f"  {intact}\n  {_remedy(error.errno, path)}"
    )


def _check_readable(name: str, status: os.stat_result, limit: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{name} is not a regular file")
    if limit is not None and status.st_size > limit:
        held = plural(status.st_size, "byte")
        raise CheckpointError(f"{name} has {held}, at most {limit:,} are expected")


def _remedy(code: int | None, path: Path) -> str:
    match code:
        case errno.ENOSPC | errno.EDQUOT:
            return f"Free space on the disk that holds {path.parent}, then run again."
        case errno.EACCES | errno.EPERM:
            return f"Make {path.parent} writable for this user, or choose another folder."
        case errno.EROFS:
            return f"{path.parent} is on a read-only disk; choose another folder."
        case errno.ENOENT:
            return f"The folder {path.parent} must exist."
        case errno.EEXIST | errno.EISDIR | errno.ENOTDIR | errno.ENOTEMPTY:
            return "Something else has this name; move it away, or choose another name."
        case _:
            return f"Check the disk that holds {path.parent}, then run again."


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _append(handle: int, data: bytes) -> None:
    size = os.fstat(handle).st_size
    end = _end_of_last_line(handle, size)
    if end < size:
        os.ftruncate(handle, end)
    try:
        _write_all(handle, data)
        _sync(handle)
    except BaseException:
        os.ftruncate(handle, end)
        raise


def _end_of_last_line(handle: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        position = os.pread(handle, end - start, start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0


def _sync(handle: int) -> None:
    os.fsync(handle)
    if sys.platform == "darwin":  # there, fsync stops at the cache of the drive
        fcntl(handle, F_FULLFSYNC)


def _sync_published(target: Path) -> None:
    try:
        sync_folder(target.parent)
    except OSError as error:
        intact = f"{target} is in place and whole, but may not survive a power cut."
        raise failure("flush", target, error, intact) from error


def _sync_tree(folder: Path) -> None:
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            handle = os.open(Path(root, name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                _sync(handle)
            finally:
                os.close(handle)
        sync_folder(root)


def _mode_to_keep(target: Path) -> int | None:
    if not target.exists():
        return None
    status = target.stat()
    if not stat.S_ISREG(status.st_mode):  # replacing /dev/null or a folder is never meant
        raise FileExistsError(errno.EEXIST, "not a regular file", str(target))
    return stat.S_IMODE(status.st_mode)


def _discard_file(path: Path) -> None:
    # It may never have been created, or be moved already, or not be ours: sweep will try again.
    with suppress(OSError):
        os.unlink(path)


def _is_stale(name: str) -> bool:
    match = _PARTIAL.fullmatch(name)
    if match is None:
        return False
    pid = int(match["pid"])
    if pid == os.getpid():
        return match["token"] != _PROCESS_TOKEN
    return not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:  # no system gives a process such an id
        return False
    except PermissionError:  # alive, and another user's
        return True
    return True
