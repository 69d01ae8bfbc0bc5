"""Rows of memory-mapped arrays that lie one after another, gathered only when asked for.

A data set that spans several files, or a part of one, is used like one array, and no more of it
is in memory than the rows of the current batch.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.errors import ArgumentError

__all__ = ["Array", "Examples", "Rows", "resolve_rows", "select_rows", "with_example_shape"]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Chosen rows (None: all) of several arrays that agree in all axes but the first.

    >>> rows = Rows((np.array([[1], [2]]), np.array([[3]])))
    >>> rows.shape, rows[np.array([2, 0])].tolist(), rows[1:].tolist()
    ((3, 1), [[3], [1]], [[2], [3]])
    """

    parts: tuple[Array, ...]
    chosen: Array | None = None

    @cached_property
    def ends(self) -> Array:
        """For each part, the number of rows up to its end."""
        return np.cumsum([len(part) for part in self.parts])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.parts[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.parts[0].shape[1:])

    @property
    def ndim(self) -> int:
        return self.parts[0].ndim

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.chosen is None else len(self.chosen)

    def __getitem__(self, key: Any) -> Array:
        """Gather the rows that `key` (an index, a slice, indices or a mask) names."""
        if isinstance(key, slice):
            return self._gather(np.arange(*key.indices(len(self))))
        rows = resolve_rows(key, len(self))
        return self._gather(rows) if rows.ndim else self._gather(rows[None])[0]

    def _gather(self, rows: Array) -> Array:
        if self.chosen is not None:
            rows = self.chosen[rows]
        part_of = np.searchsorted(self.ends, rows, side="right")
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for number, part in enumerate(self.parts):
            inside = np.flatnonzero(part_of == number)
            result[inside] = part[rows[inside] - (self.ends[number] - len(part))]
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("Rows are gathered from several places, which always copies")
        return self[:].astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"Rows({list(self.shape)} {self.dtype} in {len(self.parts)} parts)"


Examples: TypeAlias = Array | Rows


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
    """Choose rows: a copy if the examples are in memory, a view of the files if they are mapped."""
    if isinstance(examples, Rows):
        chosen = rows if examples.chosen is None else examples.chosen[rows]
        return Rows(examples.parts, chosen)
    return Rows((examples,), rows) if isinstance(examples, np.memmap) else examples[rows]


def with_example_shape(examples: Examples, shape: tuple[int, ...]) -> Examples:
    """Give each example another shape of the same size, without copying."""
    if isinstance(examples, Rows):
        parts = tuple(part.reshape(len(part), *shape) for part in examples.parts)
        return Rows(parts, examples.chosen)
    return examples.reshape(len(examples), *shape)
