"""Variance and standard deviation over some axes, under the array API standard's names.

The mean is found first, then the squares of the distances from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.functions.along_axes import count, dot, kept, kept_shape, restored
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.lift import Lifted, Operand, as_tensor, floating
from chainrule.functions.norms import root
from chainrule.functions.reduction import mean_node, quotient
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.subscripts import canonical
from chainrule.runtime.contraction import einsum_kernel
from chainrule.runtime.sums import sum_along
from chainrule.tensors import Tensor

__all__ = ["std", "var"]

Array = np.ndarray[Any, Any]


def _var_node(node: Node, axes: tuple[int, ...], correction: float, keepdims: bool) -> Node:
    """The mean first, then the squares of what is left: no cancellation for a large mean."""
    mean = mean_node(node, axes, keepdims=True)
    centered = build.subtract(node, build.broadcast(mean, node.shape))
    squares = dot(centered, centered, axes)
    freedom = count(node, axes) - correction
    variance = quotient(squares, freedom if freedom > 0 else math.nan)
    return restored(variance, node, axes, keepdims)


def _std_node(node: Node, axes: tuple[int, ...], correction: float, keepdims: bool) -> Node:
    return root(_var_node(node, axes, correction, keepdims), "sqrt")


def _var_kernel(
    node: Node, axes: tuple[int, ...], correction: float, keepdims: bool
) -> Callable[[Array], Array] | None:
    """The same in as many passes as there are sums, and two more.

    Long rows go piece by piece, and the sum of the pieces is rounded in another way.
    """
    if 0 in node.shape:
        return None
    size, labels, rest = count(node, axes), tuple(range(node.ndim)), kept(node, axes)
    freedom = size - correction if size > correction else math.nan
    sum_of_products = einsum_kernel(canonical((labels, labels), rest))
    shape = kept_shape(node.shape, axes) if keepdims else tuple(node.shape[a] for a in rest)
    long = size > _PIECE and rest == labels[: len(rest)]

    def var(x: Array) -> Array:
        mean = np.true_divide(sum_along(x, axes, keepdims=True), size)
        if long:
            squares = _squared_distances(x.reshape(-1, size), mean.reshape(-1))
        else:
            centered = np.subtract(x, mean)
            squares = sum_of_products(centered, centered)
        return np.asarray(np.true_divide(squares, freedom)).reshape(shape)

    return var


def _std_kernel(
    node: Node, axes: tuple[int, ...], correction: float, keepdims: bool
) -> Callable[[Array], Array] | None:
    var = _var_kernel(node, axes, correction, keepdims)
    return None if var is None else lambda x: np.sqrt(var(x))


_PIECE: Final = 8192
"""Numbers; OpenBLAS wakes threads for products of more than 10,000."""


def _squared_distances(rows: Array, means: Array) -> Array:
    """The sums of squared distances of long rows from their means.

    What is subtracted stays in the cache until it is squared. And BLAS leaves its threads asleep:
    to wake them for one sum takes longer than to add it up, a thousand times as long where other
    programs have the processors.
    """
    spare, sums = np.empty(_PIECE, rows.dtype), np.empty(len(rows), rows.dtype)
    for k, (row, mean) in enumerate(zip(rows, means, strict=True)):
        total = 0.0
        for start in range(0, len(row), _PIECE):
            piece = row[start : start + _PIECE]
            centered = np.subtract(piece, mean, spare[: len(piece)])
            total += float(centered.dot(centered))
        sums[k] = total
    return sums


_var: Final = Lifted(_var_node, _var_kernel)
_std: Final = Lifted(_std_node, _std_kernel)


@reduced
def var(
    x: Operand, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Average the squared distances from the mean along some axes.

    v = Σᵢ (xᵢ − m)² / (n − correction),   m the mean

    A correction of 1 makes it the unbiased estimate of a population's variance. It is NaN where n
    does not exceed the correction. Integers become float64.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.
    Source:  chan1983algorithms, two-pass algorithm

    >>> cr.var(cr.tensor([1.0, 2.0, 3.0]), correction=1)
    Tensor(1.)
    """
    tensor = floating(as_tensor(x, "var"))
    axes = axes_of("var", axis, tensor)
    return _var([tensor], axes, float(correction), keepdims)


@reduced
def std(
    x: Operand, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Give the standard deviation along some axes, the square root of the variance.

    s = √(Σᵢ (xᵢ − m)² / (n − correction)),   m the mean

    Where all elements are equal its derivative is 0, as for a norm at 0.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.std(cr.tensor([1.0, 3.0, 5.0]), correction=1)
    Tensor(2.)
    """
    tensor = floating(as_tensor(x, "std"))
    axes = axes_of("std", axis, tensor)
    return _std([tensor], axes, float(correction), keepdims)
