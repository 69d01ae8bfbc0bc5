"""Norms of vectors and matrices. At 0, where a norm has a kink, every derivative is 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

import numpy as np

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.along_axes import dot, kept_shape, restored
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, floating, known_array
from chainrule.functions.stacks import matrices, squares
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.subscripts import canonical
from chainrule.runtime.contraction import dot as dot_product
from chainrule.runtime.contraction import einsum_kernel
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []


def root(total: Node, name: str, *operands: Node) -> Node:
    """A root of a sum, with derivative 0 where the sum is 0."""
    zero = build.apply("equal", total, build.zeros_like(total))
    safe = build.select(zero, build.fill(1, total.shape, total.dtype), total)
    return build.select(zero, build.zeros_like(total), build.apply(name, safe, *operands))


def _euclidean(node: Node, axes: tuple[int, ...]) -> Node:
    return root(dot(node, node, axes), "sqrt")


def _p_norm(node: Node, order: float, axes: tuple[int, ...]) -> Node:
    """(Σ|x|ᵖ)^(1/p), where an element that is 0 is kept away from the power's infinite slope."""
    zero = build.apply("equal", node, build.zeros_like(node))
    one = build.fill(1, node.shape, node.dtype)
    size = build.select(zero, one, build.apply("abs", node))
    power = build.apply("pow", size, build.fill(order, node.shape, node.dtype))
    at_zero = build.fill(0 if order > 0 else math.inf, node.shape, node.dtype)
    total = build.sum_(build.select(zero, at_zero, power), axes)
    inverse = build.fill(1 / order, total.shape, node.dtype)
    if order > 0:
        return root(total, "pow", inverse)
    return build.apply("pow", total, inverse)


def _norm(node: Node, order: float, axes: tuple[int, ...]) -> Node:
    match order:
        case 2:
            return _euclidean(node, axes)
        case 1:
            return build.sum_(build.apply("abs", node), axes)
        case math.inf:
            return build.reduce("max", build.apply("abs", node), axes)
        case _ if order == -math.inf:
            return build.reduce("min", build.apply("abs", node), axes)
        case 0:
            nonzero = build.apply("not_equal", node, build.zeros_like(node))
            return build.sum_(build.cast(nonzero, node.dtype), axes)
        case _:
            return _p_norm(node, order, axes)


def _vector_norm_node(node: Node, order: float, axes: tuple[int, ...], keepdims: bool) -> Node:
    return restored(_norm(node, order, axes), node, axes, keepdims)


def length(x: np.ndarray) -> np.ndarray:
    """The Euclidean norm of all elements."""
    flat = x.ravel()
    return np.array(math.sqrt(dot_product(flat, flat)), x.dtype)


def _at_once(
    x: np.ndarray, order: float, axes: tuple[int, ...], keepdims: bool
) -> np.ndarray | None:
    """The same in as few passes as there are, or None."""
    if not axes or order == 0:
        return None
    if order != 2:
        return _norms(x, order, axes, keepdims)
    if len(axes) == x.ndim and not keepdims:
        return length(x)
    if axes == (x.ndim - 1,):
        made = np.asarray(np.sqrt(np.vecdot(x, x)))
        return made[..., None] if keepdims else made
    labels = tuple(range(x.ndim))
    kept = tuple(a for a in labels if a not in axes)
    made = np.asarray(np.sqrt(einsum_kernel(canonical((labels, labels), kept))(x, x)))
    return made.reshape(kept_shape(x.shape, axes)) if keepdims else made


def _norms(x: np.ndarray, order: float, axes: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """Norms of an order that is neither 0 nor 2."""
    size = np.asarray(np.abs(x))
    fold: Any = np.add if math.isfinite(order) else np.maximum if order > 0 else np.minimum
    powers = order != 1 and math.isfinite(order)
    if powers:
        np.power(size, order, out=size)
    made = fold.reduce(size, axes, keepdims=keepdims)
    return np.asarray(np.power(made, 1 / order) if powers else made)


_vector_norm = Lifted(_vector_norm_node)


def vector_norm(
    x: Operand, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """Give the norm of the vectors along one axis or several; of all elements without ``axis``.

    y = (Σ|xᵢ|ᵖ)^(1/p) for p = ord; the largest |xᵢ| for inf, the smallest for −inf, and the number
    of elements that are not 0 for 0

    At 0 the derivative is 0, in both modes and at every order. Ties for the largest share evenly.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: the axis does not exist, or is empty and has no largest element.

    >>> cr.linalg.vector_norm(cr.tensor([3.0, 4.0]))
    Tensor(5.)
    >>> cr.grad(cr.linalg.vector_norm)(cr.tensor([0.0, 0.0]))
    Tensor([0., 0.])
    """
    tensor = floating(as_tensor(x, "vector_norm"))
    axes = axes_of("vector_norm", axis, tensor)
    if math.isinf(ord):
        _check_extremum("vector_norm", tensor, True, axes)
    order = float(ord if axes else ord != 0)
    if (value := known_array(tensor)) is not None:
        found = quiet_call(_at_once, value, order, axes, keepdims)
        if found is not None:
            return of_value(found)
    return _vector_norm([tensor], order, axes, keepdims)


def _check_extremum(name: str, tensor: Tensor, extremal: bool, axes: tuple[int, ...]) -> None:
    if extremal and any(tensor.shape[a] == 0 for a in axes):
        raise ShapeError(
            f"{name}: an empty axis has no largest or smallest element\n\n    x  {describe(tensor)}"
        )


# ---------------------------------------------------------------- matrices

MatrixOrder = Literal["fro", "nuc"] | float


def _matrix_norm_node(node: Node, order: MatrixOrder, keepdims: bool) -> Node:
    rows, columns = node.ndim - 2, node.ndim - 1
    last = (rows,)
    if order == "fro":
        made = _euclidean(node, (rows, columns))
    elif order == "nuc":
        made = build.sum_(build.routine("svdvals", node)[0], last)
    else:
        kind: Literal["max", "min"] = "max" if float(order) > 0 else "min"
        if abs(float(order)) == 2:
            made = build.reduce(kind, build.routine("svdvals", node)[0], last)
        else:
            summed = rows if abs(float(order)) == 1 else columns
            made = build.reduce(kind, build.sum_(build.apply("abs", node), (summed,)), last)
    return restored(made, node, (rows, columns), keepdims)


def _matrix_norm_kernel(
    node: Node, order: MatrixOrder, keepdims: bool
) -> Callable[[np.ndarray], np.ndarray] | None:
    if order == "fro":
        return length if node.ndim == 2 and not keepdims else None
    if isinstance(order, str) or abs(order) == 2:
        return None
    return partial(_by_sums, order, keepdims)


def _by_sums(order: float, keepdims: bool, x: np.ndarray) -> np.ndarray:
    """The largest or smallest sum of absolute values of a column, or of a row."""
    sums = np.add.reduce(np.abs(x), -2 if abs(order) == 1 else -1)
    made = np.asarray((np.maximum if order > 0 else np.minimum).reduce(sums, -1))
    return made[..., None, None] if keepdims else made


_NUMBERS: Final = (int, float)
_BY_SUMS: Final = frozenset({1, -1, math.inf, -math.inf})


def _has_rows(value: np.ndarray) -> bool:
    """Whether these are floating matrices that have elements."""
    return value.ndim > 1 and value.size > 0 and value.dtype.kind == "f"


_matrix_norm = Lifted(_matrix_norm_node, _matrix_norm_kernel)
_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def _check_order(name: str, order: object) -> None:
    if order not in _ORDERS:
        names = ", ".join(map(str, _ORDERS))
        raise ArgumentError(f"{name}: there is no norm {order!r}; ord is one of {names}")


def matrix_norm(x: Operand, /, *, keepdims: bool = False, ord: MatrixOrder = "fro") -> Tensor:
    """Give the norm of matrices.

    ord   norm
    fro   √Σᵢⱼ xᵢⱼ²
    nuc   the sum of the singular values
    2     the largest singular value; −2 the smallest
    1     the largest sum of the absolute values of a column; −1 the smallest
    inf   the same of a row; −inf the smallest

    Shapes:  x: ... m n   →   ...
             x: ... m n   →   ... 1 1   for keepdims=True
    Raises:  ShapeError: x has fewer than two axes, or is empty and has no largest element.
             ArgumentError: there is no such norm.

    >>> x = cr.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> cr.linalg.matrix_norm(x), cr.linalg.matrix_norm(x, ord=2)
    (Tensor(5.), Tensor(4.))
    """
    value = known_array(x)
    if value is not None and type(ord) in _NUMBERS and ord in _BY_SUMS and _has_rows(value):
        return of_value(quiet_call(_by_sums, ord, keepdims, value))
    tensor = matrices("matrix_norm", x)
    _check_order("matrix_norm", ord)
    _check_extremum("matrix_norm", tensor, not isinstance(ord, str), (-2, -1))
    return _matrix_norm([tensor], ord, keepdims)


# ---------------------------------------------------------------- condition number


def _cond_node(node: Node, order: MatrixOrder) -> Node:
    if order in (2, -2):
        (values,) = build.routine("svdvals", node)
        axis = values.ndim - 1
        kinds: tuple[Literal["max", "min"], ...] = ("max", "min") if order == 2 else ("min", "max")
        parts = [build.reduce(kind, values, (axis,)) for kind in kinds]
        return build.apply("divide", *parts)
    (inverse,) = build.routine("inv", node, params=("cond",))
    norms = [_matrix_norm_node(n, order, keepdims=False) for n in (node, inverse)]
    return build.multiply(*norms)


_cond = Lifted(_cond_node)


def cond(x: Operand, /, *, ord: MatrixOrder = 2) -> Tensor:
    """Give the condition number of matrices: how much a relative error can grow in solving.

    y = ‖x‖ ‖x⁻¹‖, for ord = 2 the largest singular value divided by the smallest

    ``ord`` names a norm, as for ``matrix_norm``; with 2 and −2 the matrices need not be square. It
    is infinite for singular matrices.

    Shapes:  x: ... m n   →   ...
             x: ... n n   →   ...   for ord=1
    Raises:  ShapeError: the matrices are empty, or are not square and the norm needs an inverse.
             ArgumentError: there is no such norm.
             GradientError: a derivative at a singular matrix is asked for, in such a norm.

    >>> cond(cr.tensor([[8.0, 0.0], [0.0, 2.0]]))
    Tensor(4.)
    """
    _check_order("cond", ord)
    tensor = matrices("cond", x) if ord in (2, -2) else squares("cond", x)
    if not tensor.shape[-1] or not tensor.shape[-2]:
        raise ShapeError(
            f"cond: an empty matrix has no condition number\n\n    x  {describe(tensor)}"
        )
    return _cond([tensor], ord)
