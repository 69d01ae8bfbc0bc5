"""Linear algebra on stacks of matrices: ``cr.linalg``, the array API standard's extension and more.

All of it is differentiable in both modes. Leading axes are batch axes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.functions.axes import axis_of
from chainrule.functions.contraction import numbers
from chainrule.functions.decomposition import cholesky, eigh, eigvalsh, lu, qr, svd, svdvals
from chainrule.functions.least_squares import lstsq, null_space, orth, projection
from chainrule.functions.lift import (
    Lifted,
    Operand,
    broadcast,
    common_shape,
    describe,
    known_array,
    made_at_once,
)
from chainrule.functions.linear import kron, matmul, matrix_transpose, outer, tensordot, vecdot
from chainrule.functions.matrix_functions import expm, fractional_matrix_power, logm, sqrtm
from chainrule.functions.norms import cond, length, matrix_norm, vector_norm
from chainrule.functions.reduction import summed_dtype
from chainrule.functions.spectrum import eig, eigvals
from chainrule.functions.stacks import stack_of
from chainrule.functions.systems import (
    det,
    inv,
    matrix_power,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)  # fmt: skip
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis
from chainrule.tensors import Tensor, of_value

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "fractional_matrix_power",
    "inv",
    "kron",
    "logm",
    "lstsq",
    "lu",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "norm",
    "null_space",
    "orth",
    "outer",
    "pinv",
    "projection",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


def _cross_node(left: Node, right: Node, axis: int) -> Node:
    a, b = ([build.slice_axis(n, axis, k, 1) for k in range(3)] for n in (left, right))
    turns = ((1, 2), (2, 0), (0, 1))
    parts = [
        build.subtract(build.multiply(a[i], b[j]), build.multiply(a[j], b[i])) for i, j in turns
    ]
    return build.join(parts, axis)


def _cross_kernel(left: Node, _: Node, axis: int) -> Callable[..., np.ndarray]:
    """The same over one array."""

    def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        made = np.empty(left.shape, a.dtype)
        x, y, z = (np.moveaxis(each, axis, 0) for each in (a, b, made))
        for k, i, j in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            part = z[k, ...]
            np.multiply(x[i], y[j], out=part)
            np.subtract(part, x[j] * y[i], out=part)
        return made

    return cross


_cross = Lifted(_cross_node, _cross_kernel)


def cross(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Tensor:
    """Give the cross product of vectors of three elements along an axis; the other axes broadcast.

    y = (a₂b₃ − a₃b₂, a₃b₁ − a₁b₃, a₁b₂ − a₂b₁)

    Shapes:  x1: ... 3   x2: ... 3   →   ... 3
    Raises:  ShapeError: the axis does not have size 3 in both operands.
             DTypeError: the elements are bool.

    >>> cr.linalg.cross(cr.tensor([1.0, 0.0, 0.0]), cr.tensor([0.0, 1.0, 0.0]))
    Tensor([0., 0., 1.])
    """
    left, right = numbers("cross", x1, x2)
    places = [axis_of("cross", axis, t) for t in (left, right)]
    sizes = [t.shape[a] for t, a in zip((left, right), places, strict=True)]
    if sizes != [3, 3]:
        raise ShapeError(
            f"cross: axis {axis} has sizes {sizes[0]} and {sizes[1]}\n\n    x1  {describe(left)}\n"
            f"    x2  {describe(right)}\n\n  The cross product is defined for vectors of three "
            "elements."
        )
    shape = common_shape("cross", [left, right])
    spread = [broadcast(t, shape) for t in (left, right)]
    return _cross(spread, axis % len(shape))


def norm(x: Operand, /) -> Tensor:
    """Give the Euclidean norm of all elements; of a matrix, the Frobenius norm.

    y = √Σ xᵢ²,   ∂y/∂x = x / y, and 0 at x = 0

    Shapes:  x: ...   →

    >>> norm(cr.tensor([3.0, 4.0])), norm(cr.ones((2, 2)))
    (Tensor(5.), Tensor(2.))
    """
    value = x._value if type(x) is Tensor else None
    if value is not None and value.dtype.kind == "f":
        made = made_at_once(length, value)
        if made is not None:
            return made
    return vector_norm(x)


def _diagonal_node(node: Node, offset: int) -> Node:
    *batch, m, n = node.shape
    row, column = max(-offset, 0), max(offset, 0)
    size, b = max(min(m - row, n - column), 0), len(batch)
    if m == n and not offset:
        labels = tuple(range(b + 1))
        return build.einsum((node,), ((*labels, b),), labels)
    axes = tuple(Axis(0, ((a, 1),)) for a in range(b))
    return build.view(node, (*batch, size), (*axes, Axis(row, ((b, 1),)), Axis(column, ((b, 1),))))


_diagonal = Lifted(_diagonal_node)


def diagonal(x: Operand, /, *, offset: int = 0) -> Tensor:
    """Read a diagonal of each matrix: the main one, or one ``offset`` columns to the right of it.

    yᵢ = xᵢ,ᵢ₊ₒ

    Shapes:  x: ... m n   →   ... k   where k = min(m, n)
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.linalg.diagonal(cr.tensor([[1, 2], [3, 4]]))
    Tensor([1, 4])
    """
    if (value := known_array(x)) is not None and value.ndim > 1:
        return of_value(np.diagonal(value, offset, -2, -1))
    return _diagonal([stack_of("diagonal", x)], offset)


def _trace_node(node: Node, offset: int, dtype: DType) -> Node:
    node = build.cast(node, dtype)
    if node.shape[-1] == node.shape[-2] and not offset:
        batch = tuple(range(node.ndim - 2))
        return build.einsum((node,), ((*batch, len(batch), len(batch)),), batch)
    return build.sum_(_diagonal_node(node, offset), (node.ndim - 2,))


_trace = Lifted(_trace_node)


def trace(x: Operand, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Add up a diagonal of each matrix.

    y = Σᵢ xᵢ,ᵢ₊ₒ

    Small integers are added in 64 bits unless a ``dtype`` is given.

    Shapes:  x: ... m n   →   ...
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.linalg.trace(cr.tensor([[1, 2], [3, 4]]))
    Tensor(5)
    """
    value = x._value if type(x) is Tensor and dtype is None else None
    if value is not None and (made := made_at_once(value.trace, offset, -2, -1)) is not None:
        return made
    tensor = stack_of("trace", x)
    return _trace([tensor], offset, summed_dtype(tensor.dtype, dtype))
