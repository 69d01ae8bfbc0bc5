"""Examples that are made from something smaller when a batch asks for them.

A table's one-hot rows, padded sentences and spectrograms are many times larger than what they are
made from; so only the rows of the current batch exist.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from chainrule.data.rows import Array, resolve_rows

__all__ = ["Computed"]


class Computed(ABC):
    """The base of such examples: it is indexed by rows like an array.

    >>> class Squares(Computed):
    ...     shape, dtype = (4, 1), np.dtype("float32")
    ...     def compute(self, rows):
    ...         return (rows[:, None] ** 2).astype(self.dtype)
    >>> Squares()[1:3].tolist(), Squares()[np.array([3])].tolist()
    ([[1.0], [4.0]], [[9.0]])
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The number of examples, and the shape of each."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""

    @abstractmethod
    def compute(self, rows: Array) -> Array:
        """Make the examples of these row numbers, each from 0 to the number of examples − 1."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        if isinstance(key, slice):
            return self.compute(np.arange(*key.indices(len(self))))
        rows = resolve_rows(key, len(self))
        return self.compute(rows) if rows.ndim else self.compute(rows[None])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("these examples are computed, which always makes new ones")
        return self[:].astype(dtype or self.dtype, copy=False)
