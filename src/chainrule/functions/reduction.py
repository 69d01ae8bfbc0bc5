"""Reductions: sum, mean, extremum and truth over some axes, under the array API standard's names.

``axis`` is an int, several ints or None for all axes; with ``keepdims`` the reduced axes stay, with
size 1. NaN propagates. Derivatives are exact, also where elements tie or are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError
from chainrule.functions.along_axes import count
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.deviations import PIECE, squared_distances
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    cast,
    describe,
    floating,
    made_at_once,
)
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_INT, DType, as_dtype, bool_, uint64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import ReduceKind, Shape
from chainrule.ir.subscripts import canonical
from chainrule.runtime.contraction import einsum_kernel
from chainrule.runtime.sums import lie_as_rows, sum_of_rows
from chainrule.tensors import Tensor

__all__ = ["all", "any", "max", "mean", "min", "prod", "std", "sum", "var"]


Array = np.ndarray[Any, Any]


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with size 1 on the reduced axes."""
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def _restored(reduced: Node, node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return build.reshape(reduced, kept_shape(node.shape, axes)) if keepdims else reduced


def _sum_node(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return _restored(build.sum_(node, axes), node, axes, keepdims)


def _reduce_node(node: Node, kind: ReduceKind, axes: tuple[int, ...], keepdims: bool) -> Node:
    return _restored(build.reduce(kind, node, axes), node, axes, keepdims)


def _quotient(node: Node, divisor: float) -> Node:
    return build.apply("divide", node, build.fill(divisor, node.shape, node.dtype))


def _mean_node(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return _quotient(_sum_node(node, axes, keepdims), count(node, axes))


def _var_node(node: Node, axes: tuple[int, ...], correction: float, keepdims: bool) -> Node:
    """The mean first, then the squares of what is left: no cancellation for a large mean."""
    mean = _mean_node(node, axes, keepdims=True)
    centered = build.subtract(node, build.broadcast(mean, node.shape))
    labels = tuple(range(node.ndim))
    kept = tuple(a for a in labels if a not in axes)
    squares = build.einsum((centered, centered), (labels, labels), kept)
    freedom = count(node, axes) - correction
    variance = _quotient(squares, freedom if freedom > 0 else math.nan)
    return _restored(variance, node, axes, keepdims)


def _std_node(node: Node, axes: tuple[int, ...], correction: float, keepdims: bool) -> Node:
    """The root is taken of 1 where the variance is 0: its derivative there is infinite."""
    variance = _var_node(node, axes, correction, keepdims)
    zero = build.zeros_like(variance)
    constant = build.apply("equal", variance, zero)
    one = build.fill(1, variance.shape, variance.dtype)
    root = build.apply("sqrt", build.select(constant, one, variance))
    return build.select(constant, zero, root)


def _var_kernel(
    node: Node, axes: tuple[int, ...], correction: float, keepdims: bool
) -> Callable[[Array], Array] | None:
    """The same in as many passes as there are sums, and two more.

    Long rows go piece by piece, and the sum of the pieces is rounded in another way.
    """
    if 0 in node.shape:
        return None
    size, labels = math.prod([node.shape[a] for a in axes]), tuple(range(node.ndim))
    freedom = size - correction if size > correction else math.nan
    kept = tuple(a for a in labels if a not in axes)
    sum_of_products = einsum_kernel(canonical((labels, labels), kept))
    shape = kept_shape(node.shape, axes) if keepdims else tuple(node.shape[a] for a in kept)
    long = size > PIECE and kept == labels[: len(kept)]

    def var(x: Array) -> Array:
        mean = np.true_divide(np.add.reduce(x, axes, keepdims=True), size)
        if long:
            squares = squared_distances(x.reshape(-1, size), mean.reshape(-1))
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


_FLOATS: Final = {"f": None}
_FLOATING: Final = {"f": None, "i": np.float64, "u": np.float64}
_NUMBERS: Final = {"f": None, "i": None, "u": None}
_ALL: Final = {**_NUMBERS, "b": None}
WIDE: Final = {"f": None, "i": np.int64, "b": np.int64, "u": np.uint64}
"""In which dtype numbers of these kinds are put together; None: in their own."""

_sum: Final = Lifted(_sum_node)
_mean: Final = Lifted(_mean_node)
_var: Final = Lifted(_var_node, _var_kernel)
_std: Final = Lifted(_std_node, _std_kernel)
_reduce: Final = Lifted(_reduce_node)


def _at_once(
    reduce: Callable[..., Any],
    x: Operand,
    axis: Axes,
    keepdims: bool,
    kinds: dict[str, Any] = _FLOATS,
) -> Tensor | None:
    """The short way for a known Tensor, by default of floats; None sends what does not fit on."""
    value = x._value if type(x) is Tensor else None
    if value is None or (kind := value.dtype.kind) not in kinds:
        return None
    if axis is not None and not value.ndim:  # NumPy takes the axes 0 and -1 of a number for none
        return None
    return made_at_once(reduce, value, axis, kinds[kind], None, keepdims)


def _added(value: Any, axis: Any, dtype: Any, *how: Any) -> Any:
    """What add.reduce makes; sums of many short rows in less time."""
    if axis == 0 and dtype is None and how == _PLAIN and lie_as_rows(value, 1):
        return sum_of_rows(value, 1)
    return np.add.reduce(value, axis, dtype, *how)


_PLAIN: Final = (None, False)
"""Not into an array that is there, and without axes of size 1."""


def _average(value: Any, *how: Any) -> Any:
    """What NumPy's mean is, in half its time; averages of nothing are refused."""
    total = _added(value, *how)
    if not total.size:
        raise ValueError(total.shape)
    return np.true_divide(total, value.size // total.size)


def summed_dtype(dtype: DType, wanted: Any) -> DType:
    """The dtype of a sum or product: what is asked for, else at least the default integer."""
    if wanted is not None:
        return as_dtype(wanted)
    if dtype.is_float:
        return dtype
    return uint64 if dtype.kind == "unsigned" else DEFAULT_INT


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
    total = _at_once(_added, x, axis, keepdims, WIDE) if dtype is None else None
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
    if (average := _at_once(_average, x, axis, keepdims, _FLOATING)) is not None:
        return average
    tensor = floating(as_tensor(x, "mean"))
    return _mean([tensor], axes_of("mean", axis, tensor), keepdims)


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
    if (found := _at_once(_UFUNCS[name], x, axis, keepdims, _NUMBERS)) is not None:
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
    if (found := _at_once(_UFUNCS[name], x, axis, keepdims, _ALL)) is not None:
        return found
    tensor = cast(as_tensor(x, name), bool_)
    return _reduce([tensor], name, axes_of(name, axis, tensor), keepdims)
