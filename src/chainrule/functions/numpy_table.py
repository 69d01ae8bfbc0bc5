"""Which function of chainrule stands for which of NumPy's: one line each.

Where the parameters differ, a small function with NumPy's names stands in between. A call with
a parameter that is not listed here (``out``, ``where``, ``casting`` …) does not count as the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.functions import (
    comparison,
    creation,
    cumulative,
    deviations,
    elementary,
    elementwise,
    joining,
    linalg,
    linear,
    logic,
    manipulation,
    reduction,
    searching,
    sorting,
)
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.indexing import take, take_along_axis
from chainrule.functions.lift import Operand, as_tensor
from chainrule.tensors import Tensor

__all__: list[str] = []

Function = Callable[..., Any]

_SAME_NAME: Final = (
    "add", "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "copysign", "cos", "cosh", "divide",
    "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot",
    "isfinite", "isinf", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2",
    "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum",
    "multiply", "negative", "nextafter", "not_equal", "positive", "reciprocal", "remainder",
    "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc",
)  # fmt: skip
_ELEMENTWISE: Final = vars(comparison) | vars(elementary) | vars(elementwise) | vars(logic)

UFUNCS: Final[dict[Any, Function]] = {
    **{getattr(np, name): _ELEMENTWISE[name] for name in _SAME_NAME},
    np.absolute: elementwise.abs,
    np.arccos: elementary.acos,
    np.arccosh: elementary.acosh,
    np.arcsin: elementary.asin,
    np.arcsinh: elementary.asinh,
    np.arctan2: elementary.atan2,
    np.arctan: elementary.atan,
    np.arctanh: elementary.atanh,
    np.fabs: elementwise.abs,
    np.invert: logic.bitwise_invert,
    np.left_shift: logic.bitwise_left_shift,
    np.matmul: linear.matmul,
    np.power: elementary.pow,
    np.right_shift: logic.bitwise_right_shift,
    np.rint: elementwise.round,
}


# ---------------------------------------------------------------- reductions


def _reduction(function: Callable[..., Tensor], default: int | None = None) -> Function:
    """A reduction under NumPy's parameters; the axis may be given by position."""

    def reduce(a: Operand, axis: Any = default, *, keepdims: bool = False) -> Tensor:
        return function(a, axis=axis, keepdims=keepdims)

    return reduce


def _typed(function: Callable[..., Tensor]) -> Function:
    def reduce(
        a: Operand, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False
    ) -> Tensor:
        return function(a, axis=axis, dtype=dtype, keepdims=keepdims)

    return reduce


def _spread(function: Callable[..., Tensor]) -> Function:
    def reduce(a: Operand, axis: Axes = None, *, ddof: float = 0, keepdims: bool = False) -> Tensor:
        return function(a, axis=axis, correction=ddof, keepdims=keepdims)

    return reduce


def _running(function: Callable[..., Tensor]) -> Function:
    def accumulate(a: Operand, axis: int | None = None, dtype: Any = None) -> Tensor:
        array = manipulation.ravel(a) if axis is None else a
        return function(array, axis=axis or 0, dtype=dtype)

    return accumulate


def _running_first(function: Callable[..., Tensor]) -> Function:
    def accumulate(array: Operand, axis: int = 0, dtype: Any = None) -> Tensor:
        return function(array, axis=axis, dtype=dtype)

    return accumulate


def outer(function: Callable[..., Tensor]) -> Function:
    """A function of all pairs of elements of two arrays."""

    def pairs(a: Operand, b: Operand) -> Tensor:
        left, right = as_tensor(a, "outer"), as_tensor(b, "outer")
        column = manipulation.reshape(left, left.shape + (1,) * right.ndim)
        return function(column, right)

    return pairs


REDUCTIONS: Final[dict[Any, Function]] = {
    np.add: _reduction(reduction.sum, 0),
    np.logical_and: _reduction(reduction.all, 0),
    np.logical_or: _reduction(reduction.any, 0),
    np.maximum: _reduction(reduction.max, 0),
    np.minimum: _reduction(reduction.min, 0),
    np.multiply: _reduction(reduction.prod, 0),
}
"""What ``ufunc.reduce`` stands for; its axis is 0 if it is not given."""

ACCUMULATIONS: Final[dict[Any, Function]] = {
    np.add: _running_first(cumulative.cumulative_sum),
    np.multiply: _running_first(cumulative.cumulative_prod),
}


# ---------------------------------------------------------------- other parameters


def _clip(
    a: Operand, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Tensor:
    return elementwise.clip(a, a_min if min is None else min, a_max if max is None else max)


def _where(condition: Operand, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return searching.nonzero(condition)
    return elementwise.where(condition, x, y)


def _transpose(a: Operand, axes: Sequence[int] | None = None) -> Tensor:
    array = as_tensor(a, "transpose")
    return manipulation.permute_dims(array, axes or range(array.ndim)[::-1])


def _dot(a: Operand, b: Operand) -> Tensor:
    left, right = as_tensor(a, "dot"), as_tensor(b, "dot")
    if left.ndim == 0 or right.ndim == 0:
        return elementwise.multiply(left, right)
    return linear.tensordot(left, right, axes=((-1,), (max(right.ndim - 2, 0),)))


def _norm(x: Operand, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Tensor:
    array = as_tensor(x, "norm")
    matrix = len(axis) == 2 if isinstance(axis, Sequence) else axis is None and array.ndim == 2
    if not matrix or (ord is None and axis is None):
        chosen = 2 if ord is None else ord
        return linalg.vector_norm(array, axis=axis, keepdims=keepdims, ord=chosen)
    places = axes_of("norm", axis, array)
    moved = manipulation.moveaxis(array, places, (-2, -1))
    found = linalg.matrix_norm(moved, ord="fro" if ord is None else ord)
    return manipulation.expand_dims(found, sorted(places)) if keepdims else found


def _stacked(axis: int) -> Function:
    """np.vstack and np.hstack, for arrays with at least as many axes."""

    def stack(tup: Sequence[Operand]) -> Tensor:
        arrays = [as_tensor(a, "stack") for a in tup]
        if all(a.ndim < 2 for a in arrays):
            rows = [manipulation.reshape(a, (-1,)) for a in arrays]
            return joining.concat(rows) if axis else joining.stack(rows)
        return joining.concat(arrays, axis)

    return stack


def _stack(arrays: Sequence[Operand], axis: int = 0) -> Tensor:
    return joining.stack(arrays, axis)


def _concatenate(arrays: Sequence[Operand], axis: int | None = 0) -> Tensor:
    return joining.concat(arrays, axis)


def _take(a: Operand, indices: Operand, axis: int | None = None) -> Tensor:
    return take(a, indices, axis)


def _split(ary: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    return joining.split(ary, indices_or_sections, axis)


def _sort(a: Operand, axis: int = -1) -> Tensor:
    return sorting.sort(a, axis=axis)


def _argsort(a: Operand, axis: int = -1) -> Tensor:
    return sorting.argsort(a, axis=axis)


FUNCTIONS: Final[dict[Any, Function]] = {
    np.all: _reduction(reduction.all),
    np.amax: _reduction(reduction.max),
    np.amin: _reduction(reduction.min),
    np.any: _reduction(reduction.any),
    np.argmax: _reduction(searching.argmax),
    np.argmin: _reduction(searching.argmin),
    np.argsort: _argsort,
    np.broadcast_arrays: manipulation.broadcast_arrays,
    np.broadcast_to: manipulation.broadcast_to,
    np.clip: _clip,
    np.concatenate: _concatenate,
    np.cumprod: _running(cumulative.cumulative_prod),
    np.cumsum: _running(cumulative.cumulative_sum),
    np.dot: _dot,
    np.einsum: linear.einsum,
    np.expand_dims: manipulation.expand_dims,
    np.flip: manipulation.flip,
    np.full_like: creation.full_like,
    np.hstack: _stacked(1),
    np.linalg.cholesky: linalg.cholesky,
    np.linalg.det: linalg.det,
    np.linalg.eigh: linalg.eigh,
    np.linalg.eigvalsh: linalg.eigvalsh,
    np.linalg.inv: linalg.inv,
    np.linalg.norm: _norm,
    np.linalg.pinv: linalg.pinv,
    np.linalg.qr: linalg.qr,
    np.linalg.slogdet: linalg.slogdet,
    np.linalg.solve: linalg.solve,
    np.linalg.svd: linalg.svd,
    np.max: _reduction(reduction.max),
    np.mean: _reduction(reduction.mean),
    np.median: _reduction(sorting.median),
    np.min: _reduction(reduction.min),
    np.moveaxis: manipulation.moveaxis,
    np.nonzero: searching.nonzero,
    np.ones_like: creation.ones_like,
    np.outer: linear.outer,
    np.prod: _typed(reduction.prod),
    np.ravel: manipulation.ravel,
    np.repeat: joining.repeat,
    np.reshape: manipulation.reshape,
    np.roll: manipulation.roll,
    np.sort: _sort,
    np.split: _split,
    np.squeeze: manipulation.squeeze,
    np.stack: _stack,
    np.std: _spread(deviations.std),
    np.sum: _typed(reduction.sum),
    np.swapaxes: manipulation.swapaxes,
    np.take: _take,
    np.take_along_axis: take_along_axis,
    np.tensordot: linear.tensordot,
    np.tile: joining.tile,
    np.trace: linalg.trace,
    np.transpose: _transpose,
    np.tril: creation.tril,
    np.triu: creation.triu,
    np.var: _spread(deviations.var),
    np.vstack: _stacked(0),
    np.where: _where,
    np.zeros_like: creation.zeros_like,
}
