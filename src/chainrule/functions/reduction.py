"""Reductions: sum, mean, extremum and truth over some axes, under the array API standard's names.

``axis`` is an int, several ints or None for all axes; with ``keepdims`` the reduced axes stay, with
size 1. NaN propagates. Derivatives are exact, also where elements tie or are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError
from chainrule.functions.along_axes import count, restored
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    cast,
    describe,
    floating,
    known_along,
    made_at_once,
)
from chainrule.ir import build
from chainrule.ir.dtype import (
    DEFAULT_FLOAT,
    DEFAULT_INT,
    DType,
    as_dtype,
    bool_,
    from_numpy,
    uint64,
)
from chainrule.ir.graph import Node
from chainrule.ir.primitives import ReduceKind
from chainrule.runtime.sums import sum_along
from chainrule.tensors import Tensor

__all__ = ["all", "any", "max", "mean", "min", "prod", "sum"]


def _sum_node(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return restored(build.sum_(node, axes), node, axes, keepdims)


def _reduce_node(node: Node, kind: ReduceKind, axes: tuple[int, ...], keepdims: bool) -> Node:
    return restored(build.reduce(kind, node, axes), node, axes, keepdims)


def quotient(node: Node, divisor: float) -> Node:
    """Every element divided by one number: rounded once, not twice as with its reciprocal."""
    return build.apply("divide", node, build.fill(divisor, node.shape, node.dtype))


def mean_node(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return quotient(_sum_node(node, axes, keepdims), count(node, axes))


# In which dtype the numbers of an array are put together, by NumPy's letter for their kind: floats,
# integers with and without a sign, booleans. None stands for their own; a kind that is not there
# goes the long way.

WIDE: Final = {"f": None, "i": DEFAULT_INT.numpy, "b": DEFAULT_INT.numpy, "u": uint64.numpy}
"""Sums and products, which run over in few bits."""

_AVERAGED: Final = {"f": None, "i": DEFAULT_FLOAT.numpy, "u": DEFAULT_FLOAT.numpy}
_COMPARED: Final = {"f": None, "i": None, "u": None}
_JUDGED: Final = {**_COMPARED, "b": None}

_sum: Final = Lifted(_sum_node)
_mean: Final = Lifted(mean_node)
_reduce: Final = Lifted(_reduce_node)


def _at_once(
    reduce: Callable[..., Any],
    x: Operand,
    axis: Axes,
    keepdims: bool,
    kinds: dict[str, Any],
) -> Tensor | None:
    """The short way for a known Tensor; None sends what does not fit on."""
    value = known_along(x, axis)
    if value is None or (kind := value.dtype.kind) not in kinds:
        return None
    return made_at_once(reduce, value, axis, kinds[kind], None, keepdims)


def _average(value: Any, *how: Any) -> Any:
    """What NumPy's mean is, in half its time; averages of nothing are refused."""
    total = sum_along(value, *how)
    if not total.size:
        raise ValueError(total.shape)
    return np.true_divide(total, value.size // total.size)


def summed_dtype(dtype: DType, wanted: Any) -> DType:
    """The dtype of a sum or product: what is asked for, else at least the default integer."""
    if wanted is not None:
        return as_dtype(wanted)
    wide = WIDE[dtype.numpy.kind]
    return dtype if wide is None else from_numpy(wide)


@reduced
def sum(x: Operand, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Add the elements up along some axes.

    s = Σᵢ xᵢ

    Integers are added as int64 (uint64 if unsigned), booleans are counted. An empty sum is 0.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.sum(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    total = _at_once(sum_along, x, axis, keepdims, WIDE) if dtype is None else None
    if total is not None:
        return total
    tensor = as_tensor(x, "sum")
    axes = axes_of("sum", axis, tensor)
    tensor = cast(tensor, summed_dtype(tensor.dtype, dtype))
    return _sum([tensor], axes, keepdims)


@reduced
def prod(x: Operand, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Multiply the elements along some axes.

    p = Πᵢ xᵢ,   ∂p/∂x_j = Π_{i≠j} xᵢ

    The derivative is formed by products only, so it is right where elements are 0. Integers are
    multiplied as int64 (uint64 if unsigned). An empty product is 1.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.grad(cr.prod)(cr.tensor([0.0, 3.0, 4.0]))
    Tensor([12.,  0.,  0.])
    """
    product = _at_once(np.multiply.reduce, x, axis, keepdims, WIDE) if dtype is None else None
    if product is not None:
        return product
    tensor = as_tensor(x, "prod")
    axes = axes_of("prod", axis, tensor)
    tensor = cast(tensor, summed_dtype(tensor.dtype, dtype))
    return _reduce([tensor], "prod", axes, keepdims)


@reduced
def mean(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Average the elements along some axes.

    m = (1/n) Σᵢ xᵢ

    The mean of no elements is NaN. Integers become float64.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.mean(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    if (average := _at_once(_average, x, axis, keepdims, _AVERAGED)) is not None:
        return average
    tensor = floating(as_tensor(x, "mean"))
    return _mean([tensor], axes_of("mean", axis, tensor), keepdims)


def some(name: str, tensor: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes, after checking that none is empty: an extremum of no elements does not exist."""
    for axis in axes:
        if tensor.shape[axis] == 0:
            raise ArgumentError(
                f"{name}: axis {axis} has no elements\n\n    {describe(tensor)}\n\n"
                f"  There is no {name} of nothing."
            )
    return axes


_UFUNCS: Final = {
    "max": np.maximum.reduce,
    "min": np.minimum.reduce,
    "any": np.logical_or.reduce,
    "all": np.logical_and.reduce,
}


def _extremum(name: ReduceKind, x: Operand, axis: Axes, keepdims: bool) -> Tensor:
    if (found := _at_once(_UFUNCS[name], x, axis, keepdims, _COMPARED)) is not None:
        return found
    tensor = as_tensor(x, name)
    axes = axes_of(name, axis, tensor)
    if 0 in tensor.shape:
        some(name, tensor, axes)
    return _reduce([tensor], name, axes, keepdims)


@reduced
def max(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Give the largest element along some axes.

    Elements that tie for it share its derivative evenly.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.
             ArgumentError: there are no elements.

    >>> cr.grad(cr.max)(cr.tensor([1.0, 3.0, 3.0]))
    Tensor([0. , 0.5, 0.5])
    """
    return _extremum("max", x, axis, keepdims)


@reduced
def min(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Give the smallest element along some axes.

    Elements that tie for it share its derivative evenly.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.
             ArgumentError: there are no elements.

    >>> cr.min(cr.tensor([[4, 2], [3, 5]]), axis=1)
    Tensor([2, 3])
    """
    return _extremum("min", x, axis, keepdims)


@reduced
def any(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Say whether some element along some axes is true (or not 0).

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.any(cr.tensor([[False, True], [False, False]]), axis=1)
    Tensor([ True, False])
    """
    return _truth("any", x, axis, keepdims)


@reduced
def all(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Say whether every element along some axes is true (or not 0).

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: an axis does not exist or is given twice.

    >>> cr.all(cr.tensor([[True, True], [False, True]]), axis=1)
    Tensor([ True, False])
    """
    return _truth("all", x, axis, keepdims)


def _truth(name: ReduceKind, x: Operand, axis: Axes, keepdims: bool) -> Tensor:
    if (found := _at_once(_UFUNCS[name], x, axis, keepdims, _JUDGED)) is not None:
        return found
    tensor = cast(as_tensor(x, name), bool_)
    return _reduce([tensor], name, axes_of(name, axis, tensor), keepdims)
