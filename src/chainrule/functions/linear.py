"""Products of linear algebra. Each is one contraction, and so is each of its derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.axes import axes_of
from chainrule.functions.contraction import (
    Plan,
    contract,
    einsum_run,
    numbers,
    parsed,
    plan,
)
from chainrule.functions.lift import (
    Kernel,
    Lifted,
    Operand,
    describe,
    known_array,
    made_at_once,
    reshaped,
)
from chainrule.functions.often import Often
from chainrule.functions.stacks import stack_of
from chainrule.ir import build
from chainrule.ir.subscripts import Labels, canonical
from chainrule.runtime.contraction import einsum_kernel, rows_times
from chainrule.runtime.contraction import outer as product_of_all
from chainrule.runtime.quiet import quiet, quiet_call
from chainrule.runtime.windows import overlaps
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = [
    "einsum",
    "kron",
    "matmul",
    "matrix_transpose",
    "outer",
    "tensordot",
    "vecdot",
]


def _arrays(x1: Operand, x2: Operand) -> tuple[np.ndarray, np.ndarray] | None:
    """The values of two Tensors of numbers of one dtype that are not recorded, for a short way."""
    if type(x1) is not Tensor or type(x2) is not Tensor:
        return None
    a, b = x1._value, x2._value
    if a is None or b is None or a.dtype is not b.dtype or a.dtype.kind == "b":
        return None
    return a, b


def einsum(expression: str, /, *operands: Operand) -> Tensor:
    """Multiply operands and sum over every index that the result lacks.

    Each operand's axes are named by letters; ``...`` stands for the axes not named, which
    broadcast. A letter repeated in one operand reads a diagonal. Without ``->`` the result has the
    letters that occur once, in alphabetical order, behind ``...``.

    Shapes:  operands: i j, j k   →   i k   for expression="ij,jk->ik"
             operands: ... i, i   →   ...   for expression="...i,i->..."
    Raises:  SubscriptError: the expression does not parse or does not fit the operands' ranks.
             ShapeError: one index has two sizes. ArgumentError: there are no operands.

    >>> a = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> cr.einsum("ij,jk->ik", a, a)
    Tensor([[ 7., 10.],
            [15., 22.]])
    >>> cr.einsum("ii", a)
    Tensor(5.)
    """
    arrays: list[np.ndarray] = []
    kinds: list[Any] = []
    for x in operands:
        value = x._value if type(x) is Tensor else None
        if value is None:
            break
        arrays.append(value)
        kinds += (value.shape, value.dtype)
    else:
        run = einsum_run(expression, *kinds)
        if run is not None:
            found = made_at_once(run, *arrays)
            if found is not None:
                return found
    if not operands:
        raise ArgumentError(f'einsum: "{expression}" was given no operands')
    tensors = numbers("einsum", *operands)
    return contract(parsed(expression, tensors), tensors)


_MATMUL = Often(np.matmul, core=2)
_VECDOT = Often(np.vecdot, core=1)

# ---------------------------------------------------------------- matmul


@lru_cache(maxsize=256)
def _matmul_plan(left_rank: int, right_rank: int) -> Plan:
    i, j, k = 0, 1, 2
    left_batch = tuple(range(3, 3 + left_rank - 2))[::-1]
    right_batch = tuple(range(3, 3 + right_rank - 2))[::-1]
    left = (*left_batch, i, j) if left_rank > 1 else (j,)
    right = (*right_batch, j, k) if right_rank > 1 else (j,)
    batch = max(left_batch, right_batch, key=len)
    output = (*batch, *((i,) if left_rank > 1 else ()), *((k,) if right_rank > 1 else ()))
    return plan("matmul", (left, right), output, batch)


def matmul(x1: Operand, x2: Operand, /) -> Tensor:
    """Multiply matrices, stacks of them, or matrices and vectors; ``x1 @ x2``.

    yᵢₖ = Σⱼ aᵢⱼ bⱼₖ

    An operand with one axis is a row on the left, a column on the right. Leading axes are batch
    axes and broadcast.

    Shapes:  x1: ... i k   x2: ... k j   →   ... i j
             x1: k   x2: ... k j   →   ... j
             x1: ... i k   x2: k   →   ... i
    Raises:  ShapeError: the last axis of x1 and the axis before the last of x2 have two sizes.
    Cost:    2·i·j·k operations for each matrix.

    >>> cr.matmul(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.tensor([1.0, 1.0]))
    Tensor([3., 7.])
    """
    if _MATMUL.way is not None and (made := _MATMUL.way(x1, x2)) is not NotImplemented:
        return made  # type: ignore[no-any-return]
    if (known := _arrays(x1, x2)) is not None:
        _MATMUL.count()
        a, b = known
        shape, other = a.shape, b.shape
        rank, second = len(shape), len(other)
        try:
            if second == 1 and rank == 2 and shape[1] == other[0]:
                return of_value(quiet.call(a.dot, b))  # the same kernel, called in less time
            if 0 < rank < 3 and 0 < second < 3 and shape[-1] == other[0]:
                return of_value(np.asarray(quiet.call(np.matmul, a, b)))
            if 2 < rank == second and shape[:-2] == other[:-2] and shape[-1] == other[-2]:
                return of_value(quiet.call(np.matmul, a, b))
            fits = second == 2 < rank and shape[-1] == other[0]
            if fits and a.flags.c_contiguous and not overlaps(b):
                return of_value(quiet.call(rows_times, a, b))
        except RuntimeError:  # in the middle of another function: then the long way
            pass
    left, right = numbers("matmul", x1, x2)
    if not left.shape or not right.shape:
        name = "x2" if left.shape else "x1"
        raise ShapeError(
            f"matmul: {name} has no axes\n\n    x1  {describe(left)}\n    x2  {describe(right)}\n\n"
            "  A number is multiplied with *."
        )
    return contract(_matmul_plan(left.ndim, right.ndim), (left, right))


# ---------------------------------------------------------------- other products


@lru_cache(maxsize=256)
def _vecdot_plan(left_rank: int, right_rank: int, axis: int) -> Plan:
    """Labels count from the last axis, so they are aligned there; ``axis`` is negative."""
    inputs = tuple(tuple(range(-rank, 0)) for rank in (left_rank, right_rank))
    output = tuple(n for n in max(inputs, key=len) if n != axis)
    return plan("vecdot", inputs, output, output)


@lru_cache(maxsize=256)
def _dot_products(rank: int, axis: int) -> Kernel:
    """What gives the dot products along an axis of two arrays of one shape."""
    labels = tuple(range(rank))
    kept = tuple(n for n in labels if n != axis)
    kernel = einsum_kernel(canonical((labels, labels), kept))
    return lambda a, b: np.asarray(kernel(a, b))


def vecdot(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Tensor:
    """Give the dot product of vectors along an axis; the other axes broadcast.

    y = Σᵢ aᵢ bᵢ

    Shapes:  x1: ... n   x2: ... n   →   ...
    Raises:  ShapeError: the axis has two sizes, or one of the operands lacks it.

    >>> cr.vecdot(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.tensor([1.0, 10.0]))
    Tensor([21., 43.])
    """
    if axis == -1 and _VECDOT.way is not None:
        made = _VECDOT.way(x1, x2)
        if made is not NotImplemented:
            return made  # type: ignore[no-any-return]
    known = _arrays(x1, x2)
    if known is not None and (rank := known[0].ndim) and known[0].shape == known[1].shape:
        if axis == -1:
            _VECDOT.count()
            return of_value(np.asarray(quiet_call(np.vecdot, *known)))
        if -rank <= axis < rank:
            return of_value(quiet_call(_dot_products(rank, axis % rank), *known))
    left, right = numbers("vecdot", x1, x2)
    most, least = max(left.ndim, right.ndim), min(left.ndim, right.ndim)
    place = axis - most if axis >= 0 else axis
    if not -least <= place < 0:
        raise ShapeError(
            f"vecdot: there is no axis {axis} in both operands\n\n    x1  {describe(left)}\n"
            f"    x2  {describe(right)}\n\n  Axes are counted from the last, which is -1."
        )
    return contract(_vecdot_plan(left.ndim, right.ndim, place), (left, right))


Axes = int | tuple[Sequence[int], Sequence[int]]


def tensordot(x1: Operand, x2: Operand, /, *, axes: Axes = 2) -> Tensor:
    """Contract axes of one operand with axes of another.

    ``axes`` is the number of last axes of x1 and first axes of x2, or the two lists of axes. The
    result has the other axes of x1, then those of x2.

    Shapes:  x1: a i j   x2: i j b   →   a b
             x1: a i   x2: b i   →   a b   for axes=((1,), (1,))
    Raises:  ShapeError: two axes that are contracted have different sizes, or do not exist.
             ArgumentError: the two lists of axes are not of one length.

    >>> x = cr.ones((2, 3, 4))
    >>> cr.tensordot(x, cr.ones((4, 2)), axes=((2, 0), (0, 1)))
    Tensor([8., 8., 8.])
    """
    left, right = numbers("tensordot", x1, x2)
    if isinstance(axes, int):
        if not 0 <= axes <= min(left.ndim, right.ndim):
            raise ShapeError(
                f"tensordot: cannot contract {axes} axes\n\n    x1  {describe(left)}\n"
                f"    x2  {describe(right)}"
            )
        first, second = tuple(range(left.ndim - axes, left.ndim)), tuple(range(axes))
    else:
        first = axes_of("tensordot", tuple(axes[0]), left)
        second = axes_of("tensordot", tuple(axes[1]), right)
        if len(first) != len(second):
            raise ArgumentError(
                f"tensordot: axes has {plural(len(first), 'axis')} of x1 and {len(second)} "
                "of x2; they are "
                "contracted in pairs"
            )
    return contract(_tensordot_plan(left.ndim, right.ndim, first, second), (left, right))


@lru_cache(maxsize=1024)
def _tensordot_plan(left_rank: int, right_rank: int, first: Labels, second: Labels) -> Plan:
    left = tuple(range(left_rank))
    partner = dict(zip(second, first, strict=True))
    right = tuple(partner.get(a, left_rank + a) for a in range(right_rank))
    output = tuple(a for a in left if a not in first) + tuple(a for a in right if a >= left_rank)
    return plan("tensordot", (left, right), output)


_OUTER = plan("outer", ((0,), (1,)), (0, 1))


def outer(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the outer product of two vectors.

    yᵢⱼ = aᵢ bⱼ

    Shapes:  x1: m   x2: n   →   m n
    Raises:  ShapeError: an operand does not have one axis.

    >>> cr.outer(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 10.0]))
    Tensor([[ 1., 10.],
            [ 2., 20.]])
    """
    known = _arrays(x1, x2)
    if known is not None and known[0].ndim == known[1].ndim == 1:
        return of_value(quiet_call(product_of_all, *known))
    left, right = numbers("outer", x1, x2)
    if left.ndim != 1 or right.ndim != 1:
        raise ShapeError(
            f"outer: the operands have {left.ndim} and {plural(right.ndim, 'axis')}\n\n"
            f"    x1  {describe(left)}\n    x2  {describe(right)}\n\n"
            "  It is defined for vectors; cr.tensordot(x1, x2, axes=0) for any operands."
        )
    return contract(_OUTER, (left, right))


def kron(x1: Operand, x2: Operand, /) -> Tensor:
    """Give the Kronecker product: x2 as a block, times each element of x1.

    yᵢₚ,ⱼᵩ = aᵢⱼ bₚᵩ, where the index (i, p) counts through p first

    The operand with fewer axes gets leading axes of size 1.

    Shapes:  x1: m n   x2: p q   →   m·p n·q

    >>> cr.kron(cr.tensor([1.0, 10.0]), cr.tensor([1.0, 2.0]))
    Tensor([ 1.,  2., 10., 20.])
    """
    known = _arrays(x1, x2)
    if known is not None and known[0].ndim == known[1].ndim == 2:
        return of_value(quiet_call(_kron_of_matrices, *known))
    left, right = numbers("kron", x1, x2)
    rank = max(left.ndim, right.ndim)
    shapes = [(1,) * (rank - t.ndim) + t.shape for t in (left, right)]
    tensors = [reshaped(t, s) for t, s in zip((left, right), shapes, strict=True)]
    made = contract(_kron_plan(rank), tensors)
    return reshaped(made, tuple(m * n for m, n in zip(*shapes, strict=True)))


def _kron_of_matrices(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (m, n), (p, q) = a.shape, b.shape
    made = np.multiply(a[:, None, :, None], b[:, None, :])
    return np.asarray(made.reshape(m * p, n * q))


@lru_cache(maxsize=64)
def _kron_plan(rank: int) -> Plan:
    inputs = (tuple(range(0, 2 * rank, 2)), tuple(range(1, 2 * rank, 2)))
    return plan("kron", inputs, tuple(range(2 * rank)))


_swap_last = Lifted(build.swap_last)


def matrix_transpose(x: Operand, /) -> Tensor:
    """Swap the last two axes: each matrix of a stack, transposed.

    Shapes:  x: ... m n   →   ... n m
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.matrix_transpose(cr.tensor([[1, 2, 3], [4, 5, 6]])).shape
    (3, 2)
    """
    if (value := known_array(x)) is not None and value.ndim > 1:
        return of_value(value.swapaxes(-1, -2))
    return _swap_last([stack_of("matrix_transpose", x)])
