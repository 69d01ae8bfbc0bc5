"""The rows of a matrix of data, read in chunks: arrays, mapped files, Tensors, Dask arrays.

Whatever has a shape, a dtype and slices that NumPy can read will do. Numbers of 8 bits and floats
of up to 32 bits are worked on in float32, everything else in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn, final

import numpy as np

from chainrule.data.mapped import mapping, release_pages
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ir.dtype import from_numpy
from chainrule.tensors import Tensor

__all__: list[str] = []

Array = np.ndarray

_CHUNK_BYTES = 2**24  # of a chunk as floats: small enough for a processor's cache


@final
@dataclass(frozen=True)
class Rows:
    """Checked data: ``count`` rows of ``width`` numbers each."""

    name: str
    source: Any
    count: int
    width: int
    dtype: np.dtype

    @property
    def exact(self) -> bool:
        """Whether these are integers of 8 bits, whose products float32 can add without rounding."""
        return self.dtype.kind in "biu" and self.dtype.itemsize == 1

    @property
    def work(self) -> np.dtype:
        """The dtype of calculations on a chunk."""
        narrow = self.exact or (self.dtype.kind == "f" and self.dtype.itemsize <= 4)
        return np.dtype(np.float32 if narrow else np.float64)

    @property
    def result(self) -> np.dtype:
        """The dtype of results."""
        narrow = self.dtype.kind == "f" and self.dtype.itemsize <= 4
        return np.dtype(np.float32 if narrow else np.float64)

    @property
    def step(self) -> int:
        """How many rows a chunk has."""
        return max(16, min(1024, _CHUNK_BYTES // (self.width * self.work.itemsize)))

    def chunks(self) -> Iterator[Array]:
        """The rows as they are stored, at most ``step`` at a time."""
        pages = mapping(self.source) if isinstance(self.source, np.ndarray) else None
        for first, last in self._blocks():
            block = self.source[first:last]
            if last - first > self.step:  # Dask computes a block once, and only as a whole
                block = np.asarray(block)
            for start in range(0, last - first, self.step):
                yield np.asarray(block[start : start + self.step])
                if pages is not None:
                    release_pages(pages)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        if type(self.source).__module__.startswith("dask."):
            ends = np.cumsum([0, *self.source.chunks[0]])
            yield from ((int(a), int(b)) for a, b in pairwise(ends))
            return
        for first in range(0, self.count, self.step):
            yield first, min(first + self.step, self.count)

    def describe(self) -> str:
        """The data in an error message."""
        kind = from_numpy(self.dtype).short if self.dtype.str[1:] != "f2" else "f16"
        return f"    x  {kind}[{self.count}, {self.width}]"

    def refuse_non_finite(self) -> NoReturn:
        """Raise for the first number that is inf or nan."""
        row = 0
        for chunk in self.chunks():
            bad = ~np.isfinite(chunk)
            if bad.any():
                i, j = (int(k) for k in np.argwhere(bad)[0])
                raise ArgumentError(
                    f"{self.name}: element [{row + i}, {j}] is {chunk[i, j]}\n\n{self.describe()}"
                    "\n\n  Every number must be finite; leave out or fill in what is missing."
                )
            row += len(chunk)
        raise ArgumentError(
            f"{self.name}: sums of squares overflow\n\n{self.describe()}\n\n"
            "  Data in a larger unit have smaller numbers."
        )

    def refuse_no_variance(self) -> NoReturn:
        """Raise for rows that are equal, or whose differences are so small that squares are 0."""
        first = np.asarray(self.source[0:1])
        if all((chunk == first).all() for chunk in self.chunks()):
            raise ArgumentError(
                f"{self.name}: all rows are equal, so there is no variance to explain\n\n"
                f"{self.describe()}"
            )
        raise ArgumentError(
            f"{self.name}: rows differ by so little that rounding hides it, or that squares are 0"
            f"\n\n{self.describe()}\n\n  Data in a smaller unit have larger numbers."
        )


def rows_of(name: str, x: Any, least: int = 2) -> Rows:
    """Check what a matrix of data must be, and that it has at least so many rows."""
    if isinstance(x, Tensor):
        x = x.numpy()
    if type(x).__module__.startswith("scipy.sparse"):
        raise DTypeError(f"{name}: the data are a sparse matrix; x.toarray() is a dense one")
    if not (hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__getitem__")):
        try:
            x = np.asarray(x)
        except ValueError:
            raise ShapeError(f"{name}: the rows of the data do not have one length") from None
    shape, dtype = tuple(x.shape), np.dtype(x.dtype)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise DTypeError(f"{name}: the data are numbers, not {dtype}")
    if len(shape) != 2:
        remedy = "\n  Images become rows by x.reshape(len(x), -1)." if len(shape) > 2 else ""
        raise ShapeError(
            f"{name}: the data have the shape {list(shape)}\n\n"
            f"  They are a matrix with a row for each example.{remedy}"
        )
    if any(map(math.isnan, shape)):  # Dask does not know
        raise ShapeError(
            f"{name}: the number of rows is not known before they are computed\n\n"
            "  x.compute_chunk_sizes() counts those of a Dask array."
        )
    if shape[0] < least or shape[1] < 1:
        raise ShapeError(
            f"{name}: the data have the shape {list(shape)}\n\n"
            "  A variance needs two rows, and there must be a column."
        )
    return Rows(name, x, int(shape[0]), int(shape[1]), dtype)


def names_of(x: Any) -> Array | None:
    """The names of a table's columns, if all are words."""
    columns = getattr(x, "columns", None)
    if columns is None or not all(isinstance(c, str) for c in columns):
        return None
    return np.array(list(columns), object)


def require_names(owner: str, known: Array | None, names: Array | None) -> None:
    """Raise where columns have other names than those of fit, or another order."""
    if known is None or names is None or np.array_equal(known, names):
        return
    raise ArgumentError(
        f"{owner}: the columns are not those of fit\n\n    columns  {', '.join(names)}\n"
        f"    fitted   {', '.join(known)}\n\n"
        "  The feature names should match those that were passed during fit, in their order."
    )


class Centering:
    """Rows minus a shift near their mean, in a buffer that is used again.

    The shift is the mean of the first chunk, and whole numbers where the data are integers of 8
    bits, so that differences are exact. What it lacks of the mean is corrected at the end.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.shift: Array = np.zeros(rows.width, rows.work)
        self._started = False
        self._buffer = np.empty((rows.step, rows.width), rows.work)

    def chunks(self) -> Iterator[Array]:
        """The shifted rows; a chunk is valid until the next one is asked for."""
        with np.errstate(all="ignore"):  # what is not finite is found in the sums
            for raw in self.rows.chunks():
                if not self._started:
                    mean = raw.mean(axis=0, dtype=np.float64)
                    mean = np.rint(mean) if self.rows.exact else mean
                    self.shift = np.nan_to_num(mean).astype(self.rows.work)
                    self._started = True
                out = self._buffer[: len(raw)]
                np.subtract(raw, self.shift, out=out, dtype=self.rows.work, casting="unsafe")
                yield out
