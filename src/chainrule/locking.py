"""Locks: on a file, which the system lets go when its holder dies; and one that forks wait for."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock

__all__ = ["acquire", "held", "is_held", "lock_between_forks"]


def acquire(path: Path, wait: bool = False) -> int:
    """Lock a file, which is made if need be, and return its handle: closing it lets go.

    The file says who holds it. It stays when the lock is let go: to remove it would take it from
    a process that waits for it.

    Raises:  BlockingIOError: another process holds it and we do not wait; `strerror` says which.
             OSError: the file cannot be made or locked.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     handle = acquire(Path(folder, "lock"))
    ...     try:
    ...         acquire(Path(folder, "lock"))
    ...     except BlockingIOError as error:
    ...         print(error.strerror.startswith(f"process {os.getpid()} on "))
    ...     os.close(handle)
    True
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
    except OSError as error:
        holder = _holder(handle)
        os.close(handle)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        who = f"process {holder[0]} on {holder[1]}" if len(holder) == 2 else "another process"
        raise BlockingIOError(errno.EAGAIN, who, str(path)) from error
    except BaseException:  # Ctrl-C while it waits
        os.close(handle)
        raise
    return handle


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock on a file inside a with statement; wait for another process that has it.

    Raises:  OSError: the file cannot be made or locked.
    """
    handle = acquire(path, wait=True)
    try:
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on a file. Nothing is made, and nobody is kept waiting.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     lock = Path(folder, "lock")
    ...     with held(lock):
    ...         print(is_held(lock))
    ...     print(is_held(lock))
    True
    False
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        holder = _holder(handle)
        if len(holder) == 2 and holder[1] == os.uname().nodename:
            os.kill(int(holder[0]), 0)  # no such process: nobody can hold the lock
        # Shared, so that two who look do not see one another.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except PermissionError:  # a process of somebody else
        return True
    except (OSError, ValueError):
        return False
    finally:
        os.close(handle)
    return False


def lock_between_forks() -> AbstractContextManager[bool]:
    """Make a lock for threads that a fork waits for, and that is free in the child.

    A child would otherwise have the lock, and what it guards in the middle of a change, but not
    the thread that would go on with it. A thread that has the lock may take it again, which the
    handler of a signal does.

    >>> lock = lock_between_forks()
    >>> with lock, lock:
    ...     print("here")
    here
    """
    lock = RLock()
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
    return lock


def _holder(handle: int) -> list[str]:
    """What the file says of who holds it: the process and the machine."""
    return os.pread(handle, 200, 0).decode(errors="replace").split()
