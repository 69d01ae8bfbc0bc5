"""A data set as two arrays in memory, from which a program gathers rows by itself."""

from typing import NamedTuple

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.rows import MOST_MAPPED, Array, Examples, Rows, is_in_memory

__all__ = ["Whole", "whole"]


class Whole(NamedTuple):
    """All inputs and all targets of a data set, one example a row, as a program reads them.

    Row for row they are what ``Dataset.batches(as_stored=True)`` gives.
    """

    inputs: Array
    targets: Array


def whole(data: Dataset) -> Whole | None:
    """Give all inputs and targets as arrays; None where they have to be read or made in pieces.

    What lies in memory in order is given as it is. Anything else is copied, up to 256 MB.

    >>> found = whole(Dataset(np.array([[0, 51]], np.uint8), np.array([1])))
    >>> found.inputs.dtype, found.targets
    (dtype('uint8'), array([1]))
    >>> whole(Dataset(np.broadcast_to(0.0, (10**6, 10**6)), np.zeros(10**6))) is None
    True
    """
    as_stored = data.preparation_in_program is not None or _is_as_in_a_batch(data)
    if not _is_made_of_arrays(data.inputs) or not _is_made_of_arrays(data.targets):
        return None
    itemsize = data.inputs.dtype.itemsize if as_stored else np.dtype(np.float32).itemsize
    copied = 0 if as_stored and _is_in_order(data.inputs) else int(np.prod(data.inputs.shape))
    if copied * itemsize > MOST_MAPPED:
        return None
    inputs = np.asarray(data.inputs[:]) if as_stored else data.gather(slice(None))[0]
    labels = np.dtype(np.int64) if data.targets.dtype.kind in "iu" else data.targets.dtype
    targets = np.require(data.targets[:], labels.newbyteorder("="), ["C", "A"])
    return Whole(_frozen(np.require(inputs, requirements=["C", "A"])), _frozen(targets))


def _is_as_in_a_batch(data: Dataset) -> bool:
    """Whether a batch has the very numbers that are stored: tokens, or numbers of 32 bits."""
    return data.standardization is None and data.inputs.dtype in (np.int32, np.int64, np.float32)


def _is_made_of_arrays(examples: Examples) -> bool:
    """Whether nothing has to be decoded or computed to have the examples."""
    parts = examples.parts if isinstance(examples, Rows) else (examples,)
    return all(isinstance(part, np.ndarray) for part in parts)


def _is_in_order(examples: Examples) -> bool:
    return (
        isinstance(examples, np.ndarray)
        and is_in_memory(examples)
        and examples.flags.c_contiguous
        and examples.flags.aligned
    )


def _frozen(array: Array) -> Array:
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
