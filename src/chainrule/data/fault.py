"""The form of this room's errors: the fact, a small table, the rule broken or the remedy."""

import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np

from chainrule.errors import DataError

__all__ = ["broken_file", "explanation", "read_error", "sized"]


def explanation(fact: str, details: Mapping[str, object], rule: str = "") -> str:
    """Lay out an error message.

    >>> print(explanation("idx: ends too early", {"file": "a.idx", "offset": 4}, "Copy it again."))
    idx: ends too early
    <BLANKLINE>
        file    a.idx
        offset  4
    <BLANKLINE>
      Copy it again.
    """
    width = max((len(key) for key in details), default=0)
    table = "\n".join(f"    {key:<{width}}  {value}" for key, value in details.items())
    parts = [fact, table, "\n".join(f"  {line}" for line in rule.splitlines())]
    return "\n\n".join(part for part in parts if part)


def broken_file(
    reader: str, fact: str, path: Path, offset: int | str, expected: str, found: str, rule: str = ""
) -> DataError:
    """The error for a file that breaks its format at one place."""
    details = {"file": path, "offset": offset, "expected": expected, "found": found}
    return DataError(explanation(f"{reader}: {fact}", details, rule))


def read_error(reader: str, path: str | PathLike[str], cause: OSError | None = None) -> DataError:
    """The error for something that is not a readable regular file."""
    kind = "it is a folder" if Path(path).is_dir() else "not a regular file"
    reason = kind if cause is None else cause.strerror or str(cause)
    details = {"file": path, "reason": reason}
    return DataError(explanation(f"{reader}: the file cannot be read", details))


def sized(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> str:
    """A shape and what it takes in bytes, as an equation.

    >>> sized((2, 3), np.dtype("float32"))
    '2 × 3 float32 = 24 bytes'
    """
    count = math.prod(shape) * dtype.itemsize
    return f"{' × '.join(map(str, shape)) or '1'} {dtype.name} = {count} bytes"
