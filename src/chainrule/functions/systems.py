"""Linear systems, inverses and determinants of stacks of matrices."""

from __future__ import annotations

import operator
from typing import NamedTuple, SupportsIndex

import numpy as np

import chainrule.ir.routines  # noqa: F401  (fills the table)
from chainrule.functions.decomposition import svdvals
from chainrule.functions.lift import Lifted, Operand, as_tensor, broadcast, cast
from chainrule.functions.stacks import matrices, squares, system
from chainrule.ir import build
from chainrule.ir.dtype import int64
from chainrule.ir.graph import Node
from chainrule.ir.routine import ROUTINES
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []


class SlogdetResult(NamedTuple):
    """What slogdet gives."""

    sign: Tensor
    logabsdet: Tensor


# ---------------------------------------------------------------- solve


def _as_given(result: Node, vector: bool) -> Node:
    return build.reshape(result, result.shape[:-1]) if vector else result


_solve = Lifted(
    lambda a, b, vector: _as_given(build.routine("solve", a, b)[0], vector),
)
_solve_triangular = Lifted(
    lambda a, b, vector, params: _as_given(
        build.routine("triangular_solve", a, b, params=params)[0], vector
    ),
)


def _is_plain(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether these are known values of one system, which need no preparation."""
    if a is None or b is None or a.dtype is not b.dtype or a.dtype.kind != "f":
        return False
    return a.ndim == 2 and 0 < b.ndim < 3 and a.shape[0] == a.shape[1] == b.shape[0]


def solve(x1: Operand, x2: Operand, /) -> Tensor:
    """Solve linear systems.

    y = x1⁻¹ x2

    x2 is one vector, or matrices with a column for each system; batch axes broadcast.

    Shapes:  x1: ... n n   x2: ... n k   →   ... n k
             x1: ... n n   x2: n   →   ... n
    Raises:  ShapeError: the matrices are not square, or x2 does not have as many rows.
             ArgumentError: a matrix is singular.
    Cost:    2/3·n³ + 2·n² operations for each matrix and column.

    >>> cr.linalg.solve(cr.tensor([[2.0, 0.0], [0.0, 4.0]]), cr.tensor([1.0, 1.0]))
    Tensor([0.5 , 0.25])
    """
    if type(x1) is Tensor and type(x2) is Tensor and _is_plain(x1._value, x2._value):
        return of_value(quiet_call(ROUTINES["solve"].value, x1._value, x2._value)[0])
    left, right, vector = system("solve", x1, x2)
    return _solve([left, right], vector)


def solve_triangular(
    x1: Operand, x2: Operand, /, *, upper: bool = False, adjoint: bool = False
) -> Tensor:
    """Solve linear systems with triangular matrices; what lies beyond the diagonal is not read.

    y = tril(x1)⁻¹ x2; ``upper`` takes triu(x1), ``adjoint`` the transposed matrix

    Shapes:  x1: ... n n   x2: ... n k   →   ... n k
             x1: ... n n   x2: n   →   ... n
    Raises:  ShapeError: the matrices are not square, or x2 does not have as many rows.
             ArgumentError: a diagonal has a zero.
    Cost:    n² operations for each matrix and column.

    >>> cr.linalg.solve_triangular(cr.tensor([[2.0, 0.0], [1.0, 1.0]]), cr.tensor([2.0, 3.0]))
    Tensor([1., 2.])
    """
    left, right, vector = system("solve_triangular", x1, x2)
    params = (not upper, adjoint, "solve_triangular")
    return _solve_triangular([left, right], vector, params)


# ---------------------------------------------------------------- inverses

_inv = Lifted(lambda node: build.routine("inv", node, params=("inv",))[0])
_pinv = Lifted(lambda node, rtol: build.routine("pinv", node, rtol)[0])


def inv(x: Operand, /) -> Tensor:
    """Invert matrices.

    y = x⁻¹,  dy = −y dx y

    Shapes:  x: ... n n   →   ... n n
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: a matrix is singular.
    Cost:    2·n³ operations for each matrix; ``solve`` needs fewer.

    >>> cr.linalg.inv(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return _inv([squares("inv", x)])


def cutoff(tensor: Tensor, rtol: Operand | None) -> Tensor:
    """The relative size at which a singular value counts as 0, for each matrix of a stack."""
    kind = tensor.dtype.numpy
    if rtol is None:
        rtol = float(max(tensor.shape[-2:]) * np.finfo(kind).eps)
    limit = of_value(np.asarray(rtol, kind)) if isinstance(rtol, int | float) else rtol
    return broadcast(cast(as_tensor(limit, "rtol"), tensor.dtype), tensor.shape[:-2])


def pinv(x: Operand, /, *, rtol: Operand | None = None) -> Tensor:
    """Give the pseudo-inverse of matrices: x⁺ b is the shortest least-squares solution.

    y = V diag(1/s) Uᵀ, where 1/s is 0 for singular values up to rtol · max(s)

    ``rtol`` is by default the larger of m and n, times the dtype's eps. The derivative is that
    among matrices of the same rank.

    Shapes:  x: ... m n   →   ... n m
    Raises:  ShapeError: x has fewer than two axes.
    Source:  golub1973differentiation

    >>> cr.linalg.pinv(cr.tensor([[2.0], [0.0]]))
    Tensor([[0.5, 0. ]])
    """
    tensor = matrices("pinv", x)
    return _pinv([tensor, cutoff(tensor, rtol)])


def rank_node(values: Node, rtol: Node) -> Node:
    """The number of singular values above rtol · max(s)."""
    if not values.shape[-1]:
        return build.fill(0, rtol.shape, int64)
    kept = tuple(range(values.ndim - 1))
    largest = build.multiply(rtol, build.reduce("max", values, (values.ndim - 1,)))
    above = build.apply("greater", values, build.expand(largest, values.shape, kept))
    return build.sum_(build.cast(above, int64), (values.ndim - 1,))


rank_of = Lifted(rank_node)


def matrix_rank(x: Operand, /, *, rtol: Operand | None = None) -> Tensor:
    """Count the singular values above rtol · max(s): the rank up to rounding.

    Shapes:  x: ... m n   →   ...
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.linalg.matrix_rank(cr.tensor([[1.0, 2.0], [2.0, 4.0]]))
    Tensor(1)
    """
    tensor = matrices("matrix_rank", x)
    return rank_of([svdvals(tensor), cutoff(tensor, rtol)])


def _power_node(node: Node, n: int) -> Node:
    if n == 0:
        b, size = node.ndim - 2, node.shape[-1]
        return build.expand(build.delta(size, node.dtype), node.shape, (b, b + 1))
    base = node if n > 0 else build.routine("inv", node, params=("inv",))[0]
    result, n = None, abs(n)
    while n:
        if n % 2:
            result = base if result is None else build.matmul(result, base)
        n //= 2
        base = build.matmul(base, base) if n else base
    assert result is not None
    return result


_power = Lifted(_power_node)


def matrix_power(x: Operand, n: SupportsIndex, /) -> Tensor:
    """Multiply a matrix n times with itself; a negative n inverts it first.

    Shapes:  x: ... n n   →   ... n n   for n=3
    Raises:  ShapeError: the matrices are not square.
             ArgumentError: n is negative and a matrix is singular.
    Cost:    at most 2·log₂ n matrix products.

    >>> cr.linalg.matrix_power(cr.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    Tensor([[1., 5.],
            [0., 1.]])
    """
    return _power([squares("matrix_power", x)], operator.index(n))


# ---------------------------------------------------------------- determinants

_det = Lifted(lambda node: build.routine("det", node)[0])
_slogdet = Lifted(lambda node: build.routine("slogdet", node))


def det(x: Operand, /) -> Tensor:
    """Give the determinant of matrices.

    dy = ⟨cof(x), dx⟩

    The first and second derivative are right for singular matrices, too.

    Shapes:  x: ... n n   →   ...
    Raises:  ShapeError: the matrices are not square.

    >>> cr.linalg.det(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    Tensor(8.)
    """
    return _det([squares("det", x)])


def slogdet(x: Operand, /) -> SlogdetResult:
    """Give the sign of the determinant and the logarithm of its absolute value.

    d log|det x| = ⟨x⁻ᵀ, dx⟩

    Shapes:  x: ... n n   →   sign: ...   logabsdet: ...
    Raises:  ShapeError: the matrices are not square.
             GradientError: a derivative at a singular matrix is asked for.

    >>> cr.linalg.slogdet(cr.tensor([[-1.0, 0.0], [0.0, 1.0]]))
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(0.))
    """
    return SlogdetResult(*_slogdet([squares("slogdet", x)]))
