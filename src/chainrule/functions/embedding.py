"""Integers as vectors: one-hot vectors and rows of a table."""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, known_array
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_FLOAT, DType, as_dtype, int64
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor, of_value

__all__ = ["embedding", "one_hot"]


def _integers(name: str, indices: Operand) -> Tensor:
    tensor = as_tensor(indices, name)
    if not tensor.dtype.is_integer:
        raise DTypeError(
            f"{name}: indices are integers, not {tensor.dtype}\n\n    {describe(tensor)}"
        )
    return tensor


def _one_hot_nodes(indices: Node, num_classes: int, dtype: DType) -> Node:
    shape = (*indices.shape, num_classes)
    asked = build.expand(build.cast(indices, int64), shape, tuple(range(indices.ndim)))
    own = build.expand(build.iota(num_classes), shape, (indices.ndim,))
    return build.cast(build.apply("equal", asked, own), dtype)


_one_hot: Final = Lifted(_one_hot_nodes)


def one_hot(indices: Operand, num_classes: int, *, dtype: object = DEFAULT_FLOAT) -> Tensor:
    """Give for each index the vector that is 1 there and 0 elsewhere.

    An index outside of 0 … num_classes − 1 gives zeros only.

    Shapes:  indices: ...   →   ... k   for num_classes=k
    Raises:  DTypeError: the indices are not integers.
             ArgumentError: the number of classes is negative.

    >>> one_hot(tensor([2, 0]), 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if num_classes < 0:
        raise ArgumentError(f"one_hot: there cannot be {num_classes} classes")
    tensor, kind = _integers("one_hot", indices), as_dtype(dtype)
    if num_classes and (value := known_array(tensor)) is not None and value.size:
        return of_value(_spread(value, num_classes, kind))
    return _one_hot([tensor], num_classes, kind)


def _spread(indices: np.ndarray, num_classes: int, dtype: DType) -> np.ndarray:
    """The same without looking at every place."""
    flat = indices.reshape(-1)
    made = np.zeros(flat.size * num_classes, dtype.numpy)
    places = np.arange(0, made.size, num_classes)
    unsigned = flat.view(f"u{flat.itemsize}")  # where what is below 0 is large
    if unsigned.max() >= num_classes:
        inside = (flat >= 0) & (flat < num_classes)
        places, flat = places[inside], flat[inside]
    made[places + flat.astype(np.int64, copy=False)] = 1
    return made.reshape(*indices.shape, num_classes)


def _embedding_nodes(indices: Node, table: Node) -> Node:
    return build.gather(table, [indices])


_embedding: Final = Lifted(_embedding_nodes)


def embedding(indices: Operand, table: Operand) -> Tensor:
    """Look up rows of a table: the product of one-hot vectors with it, without the zeros.

    Shapes:  indices: ...   table: v d   →   ... d
    Cost:    one copy of the rows; the derivative adds into a table of zeros.
    Raises:  DTypeError: the indices are not integers. ShapeError: the table has no axis.
             IndexingError: an index is not that of a row.

    >>> embedding(tensor([1, 1]), tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[3., 4.],
            [3., 4.]])
    """
    rows = as_tensor(table, "embedding")
    if not rows.ndim:
        raise ShapeError(f"embedding: the table has no rows\n\n    table   {describe(rows)}")
    return _embedding([_integers("embedding", indices), rows])
