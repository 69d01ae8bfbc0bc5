"""Arrays that are mapped files: find the mapping, and let go of what was read.

The pages of a mapped file that were read count as the process' memory until the system wants
them back, which it may do late: a pass over a file of 10 GB then looks like 10 GB in use, and a
container with a limit may be stopped for it.
"""

import mmap
from typing import Any

__all__ = ["mapping", "release_pages"]


def mapping(array: Any) -> mmap.mmap | None:
    """The mapping of a file that an array reads from, if it does.

    >>> mapping(bytearray(3)) is None
    True
    """
    while array is not None and not isinstance(array, mmap.mmap):
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return array


def release_pages(pages: mmap.mmap) -> None:
    """Let go of the pages of a mapped file that reading has brought into memory.

    They stay in the system's cache as long as it has room, but no longer count as ours. Pages
    that could have been written to are kept.
    """
    if hasattr(mmap, "MADV_DONTNEED") and _is_read_only(pages):
        pages.madvise(mmap.MADV_DONTNEED)


def _is_read_only(pages: mmap.mmap) -> bool:
    with memoryview(pages) as view:
        return view.readonly
