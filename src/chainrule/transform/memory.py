"""Whether a result fits in memory, asked before it is computed."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.errors import CapacityError

__all__ = ["available_bytes", "byte_text", "require_memory"]

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def available_bytes() -> int:
    """How many bytes of memory are free, as far as the operating system tells."""
    try:
        rows = Path("/proc/meminfo").read_text().splitlines()
        found = next(row for row in rows if row.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1024
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def byte_text(count: int) -> str:
    """A number of bytes, as ``40 GB``.

    >>> byte_text(40_000_000_000)
    '40 GB'
    """
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Raise CapacityError unless as many bytes are free."""
    free = available_bytes()
    if needed > free:
        raise CapacityError(
            f"{what} would take {byte_text(needed)} of memory, and {byte_text(free)} are free\n\n"
            f"  {remedy}"
        )
