"""Rows whose number is not known until all have come: in memory, or on disk when they are many."""

import tempfile
import weakref
from dataclasses import dataclass, field
from typing import Any, BinaryIO, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.errors import DataError

__all__ = ["IN_MEMORY", "Spool"]

IN_MEMORY = 2**26  # bytes; what is larger is written to a nameless file in the temporary folder


@final
@dataclass(eq=False)
class Spool:
    """Collect rows of one shape and dtype, and give them as one read-only array.

    Beyond `limit` bytes they go to a file without a name, which is mapped into memory and which
    the system removes when nobody maps it any more, also after a crash.

    Raises:  DataError: the temporary folder is full.

    >>> spool = Spool((2,), np.dtype("int32"))
    >>> spool.append(np.array([[1, 2]])), spool.append(np.array([[3, 4], [5, 6]]))
    (None, None)
    >>> spool.array().tolist()
    [[1, 2], [3, 4], [5, 6]]
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    limit: int = IN_MEMORY
    count: int = 0
    _pieces: list[Array] = field(default_factory=list)
    _size: int = 0
    _file: BinaryIO | None = None

    def append(self, rows: Array) -> None:
        """Take further rows."""
        self._pieces.append(np.ascontiguousarray(rows, self.dtype))
        self.count += len(self._pieces[-1])
        self._size += self._pieces[-1].nbytes
        if self._size > self.limit:
            self._write()

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="chainrule-")  # noqa: SIM115 — closed below
                weakref.finalize(self, self._file.close)  # a mapping outlives it
            for piece in self._pieces:
                self._file.write(piece.tobytes())
            self._file.flush()
        except OSError as cause:
            details = {"folder": tempfile.gettempdir(), "reason": cause.strerror or str(cause)}
            details["rows so far"] = str(self.count)
            rule = "The environment variable TMPDIR names another folder."
            fact = "the rows do not fit into the temporary folder"
            raise DataError(explanation(fact, details, rule)) from cause
        self._pieces.clear()

    def array(self) -> Array:
        """All rows so far."""
        shape = (self.count, *self.shape)
        if self._file is not None and self.count:
            self._write()
            return np.memmap(self._file, self.dtype, mode="r", shape=shape)
        result = np.concatenate([np.empty((0, *self.shape), self.dtype), *self._pieces])
        result.flags.writeable = False
        return result
