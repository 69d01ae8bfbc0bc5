"""The distinct elements of a Tensor, under the array API standard's names.

How many there are depends on the values, so these functions need them: they cannot be used under
jit and vmap. Results are constants: no derivative flows through the values. What differentiates
reads the operand at ``unique_all(x).indices``. Every NaN is distinct from every other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.searching import known_value
from chainrule.ir.routines.ordering import stable_order
from chainrule.tensors import Tensor, of_value, of_values

__all__ = [
    "UniqueAll",
    "UniqueCounts",
    "UniqueInverse",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


class UniqueAll(NamedTuple):
    """The distinct elements in ascending order, and where and how often they occur."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The distinct elements in ascending order, and how often each occurs."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The distinct elements in ascending order, and the place of each element among them."""

    values: Tensor
    inverse_indices: Tensor


def _unique(
    name: str, x: Operand, order_of: Callable[[np.ndarray], np.ndarray] = stable_order
) -> UniqueAll:
    """All of it; the indices are the first ones if the order is stable."""
    tensor = as_tensor(x, name)
    known = known_value(name, tensor)
    row = np.ascontiguousarray(known).reshape(-1)
    order = order_of(row)
    ordered = row[order]
    first = _first(ordered)
    place = np.empty(row.shape, np.int64)
    place[order] = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    found = ordered[starts], order[starts], place.reshape(known.shape), _lengths(starts, row.size)
    return UniqueAll(*of_values(found))


def _first(ordered: np.ndarray) -> np.ndarray:
    """Which elements of a sorted row differ from the one before."""
    return np.concatenate([np.ones(min(ordered.size, 1), bool), ordered[1:] != ordered[:-1]])


def _lengths(starts: np.ndarray, size: int) -> np.ndarray:
    return np.diff(starts, append=size)


def unique_all(x: Operand, /) -> UniqueAll:
    """Give the distinct elements, their first indices, each element's place among them, and counts.

    ``indices`` are into the flattened Tensor; ``values[inverse_indices]`` is x again.

    Raises:  RecordingError: the values are not known.

    >>> cr.unique_all(cr.tensor([3, 1, 3])).indices
    Tensor([1, 0])
    """
    return _unique("unique_all", x)


def unique_counts(x: Operand, /) -> UniqueCounts:
    """Give the distinct elements and how often each occurs.

    Raises:  RecordingError: the values are not known.

    >>> cr.unique_counts(cr.tensor([3, 1, 3])).counts
    Tensor([1, 2])
    """
    ordered = np.sort(known_value("unique_counts", as_tensor(x, "unique_counts")), None)
    starts = np.flatnonzero(_first(ordered))
    lengths = _lengths(starts, ordered.size)
    return UniqueCounts(of_value(ordered[starts]), of_value(lengths))


def unique_inverse(x: Operand, /) -> UniqueInverse:
    """Give the distinct elements and the place of each element of x among them.

    Raises:  RecordingError: the values are not known.

    >>> cr.unique_inverse(cr.tensor([3, 1, 3])).inverse_indices
    Tensor([1, 0, 1])
    """
    found = _unique("unique_inverse", x, np.argsort)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Operand, /) -> Tensor:
    """Give the distinct elements in ascending order.

    Raises:  RecordingError: the values are not known.

    >>> cr.unique_values(cr.tensor([3.0, 1.0, 3.0]))
    Tensor([1., 3.])
    """
    ordered = np.sort(known_value("unique_values", as_tensor(x, "unique_values")), None)
    return of_value(ordered[_first(ordered)])
