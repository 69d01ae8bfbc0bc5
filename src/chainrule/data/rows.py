"""Rows of arrays that lie one after another, gathered only when asked for.

A data set that spans several files, or a part of one, is used like one array, and no more of it
is in memory than the rows of the current batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from mmap import mmap
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.mapped import mapping, release_pages
from chainrule.errors import ArgumentError
from chainrule.wording import plural

__all__ = [
    "MOST_MAPPED",
    "Array",
    "Examples",
    "Footprint",
    "RowReader",
    "Rows",
    "Source",
    "chunks",
    "is_in_memory",
    "is_mapped",
    "mapped_bytes",
    "release",
    "resolve_rows",
    "row_bytes",
    "select_rows",
    "with_example_axes",
    "with_example_shape",
]

MOST_MAPPED = 2**28  # bytes of mapped files that may stay in memory after they were read
_AROUND = 2**21  # bytes: the system keeps a file in pieces of up to this, and maps them whole
_CHUNK = 2**17  # elements: 1 MB of float64, which stays in a core's cache

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Source(Protocol):
    """Examples that are made when they are asked for: decoded from files, read from a store.

    It has the shape and dtype of an array of all its examples, and gives rows for an array of row
    numbers (in any order, perhaps with repetitions) or a slice. A thread may ask while another
    one does.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Array: ...


@final
@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Chosen rows (None: all) of several arrays or Sources that agree in all axes but the first.

    axes           the order that the axes of an example are brought into as rows are gathered
    example_shape  the shape that an example is then given; None: the one it has

    >>> rows = Rows((np.array([[1], [2]]), np.array([[3]])))
    >>> rows.shape, rows[np.array([2, 0])].tolist(), rows[1:].tolist()
    ((3, 1), [[3], [1]], [[2], [3]])
    """

    parts: tuple[Any, ...]
    chosen: Array | None = None
    axes: tuple[int, ...] | None = None
    example_shape: tuple[int, ...] | None = None

    @cached_property
    def ends(self) -> Array:
        """For each part, the number of rows up to its end."""
        return np.cumsum([len(part) for part in self.parts])

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.parts[0].dtype
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        stored = tuple(self.parts[0].shape[1:])
        if self.axes is not None:
            stored = tuple(stored[axis] for axis in self.axes)
        return (len(self), *(stored if self.example_shape is None else self.example_shape))

    @property
    def is_formed(self) -> bool:
        """Whether examples get another form as they are gathered."""
        return self.axes is not None or self.example_shape is not None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.chosen is None else len(self.chosen)

    def __getitem__(self, key: Any) -> Array:
        """Gather the rows that `key` (an index, a slice, indices or a mask) names."""
        if isinstance(key, slice):
            return self._formed(self._read(range(*key.indices(len(self)))))
        rows = resolve_rows(key, len(self))
        return self._formed(self._gather(np.atleast_1d(rows)))[() if rows.ndim else 0]

    def _read(self, rows: range) -> Array:
        """Rows that may lie one after another in a part, which then need not be gathered."""
        if self.chosen is None and rows and rows.step == 1:
            number = int(np.searchsorted(self.ends, rows.start, side="right"))
            begin = int(self.ends[number]) - len(self.parts[number])
            if rows.stop <= self.ends[number]:
                return np.asarray(self.parts[number][rows.start - begin : rows.stop - begin])
        return self._gather(np.arange(rows.start, rows.stop, rows.step))

    def _gather(self, rows: Array) -> Array:
        if self.chosen is not None:
            rows = self.chosen[rows]
        if len(self.parts) == 1:
            return np.asarray(self.parts[0][rows])
        part_of = np.searchsorted(self.ends, rows, side="right")
        result = np.empty((len(rows), *self.parts[0].shape[1:]), self.dtype)
        for number, part in enumerate(self.parts):
            inside = np.flatnonzero(part_of == number)
            if len(inside):
                result[inside] = part[rows[inside] - (self.ends[number] - len(part))]
        return result

    def _formed(self, gathered: Array) -> Array:
        if self.axes is not None:
            gathered = gathered.transpose(0, *(1 + axis for axis in self.axes))
        return gathered.reshape(len(gathered), *self.shape[1:])

    def max(self) -> Any:
        """The largest value, read in pieces."""
        return max(self[chunk].max() for chunk in chunks(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("Rows are gathered from several places, which always copies")
        return self[:].astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"Rows({list(self.shape)} {self.dtype} in {plural(len(self.parts), 'part')})"


Examples: TypeAlias = Array | Rows | Source


def chunks(examples: Examples) -> Iterator[slice]:
    """Slices that together cover all rows, each of about 2¹⁷ elements.

    Whoever reads mapped files by them has no more than 256 MB of those in memory.

    >>> list(chunks(np.zeros((3, 2**16))))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    rows = max(1, _CHUNK // max(1, int(np.prod(examples.shape[1:]))))
    footprint = Footprint(examples)
    for start in range(0, len(examples), rows):
        chunk = slice(start, start + rows)
        yield chunk
        footprint.note(chunk)
    release(examples)


def resolve_rows(indices: Any, length: int) -> Array:
    """Turn indices or a mask into row numbers from 0 to length − 1.

    Raises:  ArgumentError: not integers or booleans, or outside the rows that there are.

    >>> resolve_rows([0, -1], 3).tolist(), resolve_rows([False, True], 2).tolist()
    ([0, 2], [1])
    """
    rows = np.asarray(indices)
    if rows.dtype == np.bool_ and rows.shape == (length,):
        return np.flatnonzero(rows)
    if rows.size == 0 and rows.ndim == 1:
        return np.zeros(0, np.intp)
    if rows.dtype.kind not in "iu" or rows.ndim > 1:
        raise ArgumentError(
            explanation(
                "take: the rows must be integers or a mask with one value for each example",
                {"given": f"{rows.dtype}{list(rows.shape)}", "examples": length},
            )
        )
    outside = (rows < -length) | (rows >= length)
    if outside.any():
        wrong = int(np.atleast_1d(rows)[np.argmax(outside)])
        raise ArgumentError(
            explanation(
                f"take: there is no row {wrong}", {"examples": length, "rows": f"0 to {length - 1}"}
            )
        )
    rows = rows.astype(np.intp, copy=False)
    return np.where(rows < 0, rows + length, rows)


def select_rows(examples: Examples, rows: Array) -> Examples:
    """Choose rows: a copy of those in memory, and of others no more than their numbers.

    Files that are mapped stay on disk. So do the windows of a text, of which each number of the
    text is in several: copies would take many times the room of the text.
    """
    if isinstance(examples, Rows):
        chosen = rows if examples.chosen is None else examples.chosen[rows]
        return Rows(examples.parts, chosen, examples.axes, examples.example_shape)
    return examples[rows] if is_in_memory(examples) else Rows((examples,), rows)


def is_in_memory(examples: Any) -> bool:
    """Whether each example has memory of its own: neither mapped, nor made, nor overlapping."""
    if not isinstance(examples, np.ndarray) or is_mapped(examples):
        return False
    if not examples.size:
        return True
    low, high = np.lib.array_utils.byte_bounds(examples)
    return high - low >= examples.nbytes


def with_example_shape(examples: Examples, shape: tuple[int, ...]) -> Examples:
    """Give each example another shape of the same size: a view, or later, for each batch."""
    if isinstance(examples, np.ndarray):
        try:
            return examples.reshape(len(examples), *shape, copy=False)
        except ValueError:  # its axes do not lie in this order
            return Rows((examples,), example_shape=shape)
    if isinstance(examples, Rows):
        if examples.axes is not None or not all(isinstance(p, np.ndarray) for p in examples.parts):
            return Rows(examples.parts, examples.chosen, examples.axes, shape)
        parts = tuple(with_example_shape(part, shape) for part in examples.parts)
        if all(isinstance(part, np.ndarray) for part in parts):
            return Rows(parts, examples.chosen)
        return Rows(examples.parts, examples.chosen, None, shape)
    return Rows((examples,), example_shape=shape)


def with_example_axes(examples: Examples, axes: tuple[int, ...]) -> Examples:
    """Bring the axes of each example into another order: a view, or later, for each batch."""
    if isinstance(examples, np.ndarray):
        return examples.transpose(0, *(1 + axis for axis in axes))
    if isinstance(examples, Rows) and examples.axes is None and examples.example_shape is None:
        return Rows(examples.parts, examples.chosen, axes)
    return Rows((examples,), axes=axes)


def row_bytes(examples: Examples) -> int:
    """The bytes of one example as it is stored."""
    return int(np.prod(examples.shape[1:])) * examples.dtype.itemsize


@final
class Footprint:
    """Reads rows of examples, and lets go of what that brings into memory of mapped files.

    A row brings in what lies around it, so rows far from each other bring in far more than theirs.
    """

    def __init__(self, examples: Examples) -> None:
        self._examples, self._bytes = examples, 0
        self._row = row_bytes(examples)
        self._is_chosen = isinstance(examples, Rows) and examples.chosen is not None
        self._counts = mapped_bytes(examples) > MOST_MAPPED
        self._most_scattered = max(1, MOST_MAPPED // (self._row + _AROUND))

    def read(self, rows: slice | Array) -> Array:
        """Read rows; as many at once as may lie far from each other."""
        if isinstance(rows, slice) and self._is_chosen:
            rows = np.arange(*rows.indices(len(self._examples)))
        if isinstance(rows, slice) or not self._counts:
            read = np.asarray(self._examples[rows])
            self.note(rows)
            return read
        result = np.empty((len(rows), *self._examples.shape[1:]), self._examples.dtype)
        for start in range(0, len(rows), self._most_scattered):
            piece = slice(start, start + self._most_scattered)
            result[piece] = self._examples[rows[piece]]
            self.note(rows[piece])
        return result

    def note(self, rows: slice | Array) -> None:
        """Take note that rows have been read; now and then, let go of what that brought in."""
        if self._counts:
            self._bytes += self._brought(rows)
            if self._bytes > MOST_MAPPED:
                release(self._examples)
                self._bytes = 0

    def _brought(self, rows: slice | Array) -> int:
        """The most that reading rows can have brought in."""
        if isinstance(self._examples, Rows) and self._examples.chosen is not None:
            rows = self._examples.chosen[rows]
        if isinstance(rows, slice):
            return len(range(*rows.indices(len(self._examples)))) * self._row + _AROUND
        if not len(rows):
            return 0
        extent = int(rows.max() - rows.min() + 1) * self._row + _AROUND
        return min(extent, len(rows) * (self._row + _AROUND))


@final
class RowReader:
    """The rows of a data set in a given order (None: the file's)."""

    def __init__(self, order: Array | None, examples: Examples, targets: Examples) -> None:
        self._order = order
        self._examples, self._targets = Footprint(examples), Footprint(targets)

    def read(self, first: int, last: int) -> tuple[Array, Array]:
        """The stored examples and targets that are visited from number `first` to before `last`."""
        rows = slice(first, last) if self._order is None else self._order[first:last]
        return self._examples.read(rows), self._targets.read(rows)


def is_mapped(examples: Any) -> bool:
    """Whether the examples lie in mapped files.

    >>> is_mapped(np.zeros(3))
    False
    """
    return mapped_bytes(examples) > 0


def mapped_bytes(examples: Any) -> int:
    """The size of the mapped files that the examples lie in, or 0."""
    return sum({id(pages): len(pages) for pages in _mappings(examples)}.values())


def _mappings(examples: Any) -> Iterator[mmap]:
    if isinstance(examples, Rows):
        for part in examples.parts:
            yield from _mappings(part)
    elif (pages := mapping(examples)) is not None:
        yield pages


def release(examples: Any) -> None:
    """Let go of the pages of mapped files that reading has brought into memory."""
    for pages in _mappings(examples):
        release_pages(pages)
