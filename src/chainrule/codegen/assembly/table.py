"""The table: what programs and kernels are called with, and the entries that every table has."""

from __future__ import annotations

from typing import Final

__all__ = ["ARENA", "FIRST", "PARAMETERS", "SCRATCH", "STATUS"]

ARENA: Final = 0
STATUS: Final = 1
FIRST: Final = 2
"""Entries of a table of addresses: the arena, the cell for errors, the first array."""

SCRATCH: Final = 1
"""The entry of a team (the other thing that a program is called with) for the thread's memory."""

PARAMETERS: Final = [("table", "ptr"), ("begin", "i64"), ("end", "i64"), ("scratch", "ptr")]
"""What every kernel is given: the addresses of arrays, its tiles, memory of its own."""
