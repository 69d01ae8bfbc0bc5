"""A data set as two arrays in memory, from which a program gathers rows by itself."""

from typing import Any, NamedTuple

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.rows import (
    MOST_MAPPED,
    Array,
    Examples,
    Rows,
    chunks,
    is_in_memory,
    release,
)

__all__ = ["Whole", "is_whole", "whole"]


class Whole(NamedTuple):
    """All inputs and all targets of a data set, one example a row, as a program reads them.

    Row for row they are what ``Dataset.batches(as_stored=True)`` gives.

    chosen  which rows of the two arrays the data set has; None: all, in order
    """

    inputs: Array
    targets: Array
    chosen: Array | None = None

    def places(self, rows: Array) -> Array:
        """Where rows of the data set are in the arrays."""
        return rows if self.chosen is None else self.chosen[rows]


def whole(data: Dataset) -> Whole | None:
    """Give all inputs and targets as arrays; None where they have to be read or made in pieces.

    What lies in memory in order, or is chosen from that, is given as it is. Anything else is
    copied, up to 256 MB.

    >>> found = whole(Dataset(np.array([[0, 51]], np.uint8), np.array([1])))
    >>> found.inputs.dtype, found.targets
    (dtype('uint8'), array([1]))
    >>> whole(Dataset(np.broadcast_to(0.0, (10**6, 10**6)), np.zeros(10**6))) is None
    True
    """
    if not _is_made_of_arrays(data.inputs) or not _is_made_of_arrays(data.targets):
        return None
    as_stored, chosen = _is_as_stored(data), None
    if as_stored and _is_in_order(data.inputs):
        inputs, chosen = _without_choice(data.inputs)
    else:
        dtype = data.inputs.dtype if as_stored else data.gather(slice(0))[0].dtype
        if int(np.prod(data.inputs.shape)) * dtype.itemsize > MOST_MAPPED:
            return None
        inputs = _copied(data, as_stored, dtype)
    labels = np.dtype(np.int64) if data.targets.dtype.kind in "iu" else data.targets.dtype
    targets = np.require(data.targets[:], labels.newbyteorder("="), ["C", "A"])
    if chosen is not None:
        spread = np.zeros((len(inputs), *targets.shape[1:]), targets.dtype)
        spread[chosen] = targets
        targets = spread
    return Whole(_frozen(inputs), _frozen(targets), chosen)


def is_whole(data: Dataset) -> bool:
    """Whether the inputs are rows of an array as it lies in memory, of which nothing is copied.

    >>> is_whole(Dataset(np.array([[0, 51]], np.uint8), np.array([1])))
    True
    """
    return _is_made_of_arrays(data.targets) and _is_in_order(data.inputs) and _is_as_stored(data)


def _is_as_stored(data: Dataset) -> bool:
    """Whether a program reads the inputs as they are stored."""
    return data.preparation_in_program is not None or _is_as_in_a_batch(data)


def _copied(data: Dataset, as_stored: bool, dtype: np.dtype[Any]) -> Array:
    """Copy the inputs piece by piece, so that of mapped files no more than a piece is in memory."""
    result = np.empty(data.inputs.shape, dtype)
    for piece in chunks(data.inputs):
        result[piece] = data.inputs[piece] if as_stored else data.gather(piece)[0]
        release(data.inputs)
    return result


def _is_as_in_a_batch(data: Dataset) -> bool:
    """Whether a batch has the very numbers that are stored: tokens, or numbers of 32 bits."""
    return data.standardization is None and data.inputs.dtype in (np.int32, np.int64, np.float32)


def _is_made_of_arrays(examples: Examples) -> bool:
    """Whether nothing has to be decoded or computed to have the examples."""
    parts = examples.parts if isinstance(examples, Rows) else (examples,)
    return all(isinstance(part, np.ndarray) for part in parts)


def _is_in_order(examples: Examples) -> bool:
    inputs, _ = _without_choice(examples)
    return (
        isinstance(inputs, np.ndarray)
        and is_in_memory(inputs)
        and inputs.flags.c_contiguous
        and inputs.flags.aligned
    )


def _without_choice(examples: Examples) -> tuple[Any, Array | None]:
    """What rows are chosen from, and their numbers, where that is one array."""
    if not isinstance(examples, Rows) or len(examples.parts) > 1 or examples.is_formed:
        return examples, None
    return examples.parts[0], examples.chosen


def _frozen(array: Array) -> Array:
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
