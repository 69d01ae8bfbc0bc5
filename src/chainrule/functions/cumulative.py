"""Running sums and products and differences along an axis."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.along_axes import kept_shape
from chainrule.functions.axes import axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    broadcast,
    cast,
    describe,
    known_array,
    made_at_once,
    promoted,
)
from chainrule.functions.reduction import WIDE, summed_dtype
from chainrule.ir import build
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.ir.routines.ordering import CUMPROD, CUMSUM
from chainrule.runtime.quiet import call_aligned
from chainrule.tensors import Tensor, of_value

__all__ = ["cumulative_prod", "cumulative_sum", "diff"]

_AT_ONCE: Final = {CUMSUM.name: np.add.accumulate, CUMPROD.name: np.multiply.accumulate}
_START: Final = {CUMSUM.name: 0, CUMPROD.name: 1}


def _running_node(node: Node, name: str, axis: int, include_initial: bool) -> Node:
    order = list(range(node.ndim))
    order[axis], order[-1] = order[-1], order[axis]
    params = (False,) if name == CUMSUM.name else ()
    (made,) = build.routine(name, build.transpose(node, order), params=params)
    made = build.transpose(made, order)
    if not include_initial:
        return made
    shape = (*node.shape[:axis], 1, *node.shape[axis + 1 :])
    return build.join([build.fill(_START[name], shape, node.dtype), made], axis)


_running: Final = Lifted(_running_node)


def _checked(
    name: str, routine: str, x: Operand, axis: int | None, dtype: Any, include_initial: bool
) -> Tensor:
    value = known_array(x)
    if value is not None and dtype is None and not include_initial:
        along = 0 if axis is None and value.ndim == 1 else axis
        found = made_at_once(_AT_ONCE[routine], value, along, WIDE[value.dtype.kind])
        if found is not None:
            return found
    tensor = as_tensor(x, name)
    if axis is None and tensor.ndim != 1:
        raise ShapeError(
            f"{name}: which axis?\n\n    {describe(tensor)}\n\n"
            "  The axis may be left out for a Tensor with one axis only."
        )
    place = 0 if axis is None else axis_of(name, axis, tensor)
    tensor = cast(tensor, summed_dtype(tensor.dtype, dtype))
    return _running([tensor], routine, place, include_initial)


@reduced
def cumulative_sum(
    x: Operand, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Add up the elements up to each one along an axis.

    sᵢ = x₀ + … + xᵢ

    With ``include_initial`` the result begins with the empty sum, 0, and is longer by one. Integers
    are added as int64 (uint64 if unsigned).

    Shapes:  x: ... n   →   ... n   for axis=-1
             x: ... n   →   ... n+1   for axis=-1, include_initial=True
    Raises:  ShapeError: the axis does not exist, or is left out for several axes.

    >>> cr.cumulative_sum(cr.tensor([1.0, 2.0, 3.0]), include_initial=True)
    Tensor([0., 1., 3., 6.])
    """
    return _checked("cumulative_sum", CUMSUM.name, x, axis, dtype, include_initial)


@reduced
def cumulative_prod(
    x: Operand, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Multiply the elements up to each one along an axis.

    pᵢ = x₀ · … · xᵢ

    With ``include_initial`` the result begins with the empty product, 1, and is longer by one. The
    derivative is formed by products only, so it is right where elements are 0. Integers are
    multiplied as int64 (uint64 if unsigned).

    Shapes:  x: ... n   →   ... n   for axis=-1
             x: ... n   →   ... n+1   for axis=-1, include_initial=True
    Raises:  ShapeError: the axis does not exist, or is left out for several axes.
    Cost:    n operations; the derivative 6·n·log₂ n.

    >>> cr.cumulative_prod(cr.tensor([2.0, 3.0, 4.0]))
    Tensor([ 2.,  6., 24.])
    """
    return _checked("cumulative_prod", CUMPROD.name, x, axis, dtype, include_initial)


def _diff_node(*arguments: Any) -> Node:
    *parts, axis, n = arguments
    node: Node = build.join(parts, axis)
    for _ in range(min(n, node.shape[axis])):
        size = node.shape[axis] - 1
        after, before = (build.slice_axis(node, axis, start, size) for start in (1, 0))
        if node.dtype is bool_:
            node = build.apply("not_equal", after, before)
        else:
            node = build.subtract(after, before)
    return node


_diff: Final = Lifted(_diff_node)


@reduced
def diff(
    x: Operand,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Operand | None = None,
    append: Operand | None = None,
) -> Tensor:
    """Subtract from each element along an axis the one before it, n times over.

    dᵢ = xᵢ₊₁ − xᵢ

    ``prepend`` and ``append`` are joined to x first, numbers as one more element. Of booleans it
    says whether the two differ.

    Shapes:  x: ... n   →   ... n−1
             x: ... n   →   ... n−2   for n=2
    Raises:  ShapeError: the axis does not exist, or what is joined does not fit.
             ArgumentError: n is negative.

    >>> cr.diff(cr.tensor([1.0, 4.0, 9.0]))
    Tensor([3., 5.])
    """
    value = known_array(x) if n == 1 and prepend is append is None else None
    if value is not None and value.dtype.kind != "b" and -value.ndim <= axis < value.ndim:
        rows = value if axis == -1 else value.swapaxes(axis, -1)
        made = call_aligned(np.subtract, rows[..., 1:], rows[..., :-1])
        return of_value(made if axis == -1 else made.swapaxes(axis, -1))
    if n < 0:
        raise ArgumentError(f"diff: n counts differences and cannot be {n}")
    tensor = as_tensor(x, "diff")
    place = axis_of("diff", axis, tensor)
    parts = [p for p in (prepend, x, append) if p is not None]
    if n == 0:
        return tensor
    single = kept_shape(tensor.shape, (place,))
    tensors = [p if p.ndim else broadcast(p, single) for p in promoted("diff", *parts)]
    for part in tensors:
        if not _joins(part, tensor, place):
            raise ShapeError(
                f"diff: what is joined to x has other sizes than x\n\n    {describe(part)}\n"
                f"    {describe(tensor)}\n\n  Sizes may differ on axis {place} only."
            )
    return _diff(tensors, place, n)


def _joins(part: Tensor, tensor: Tensor, axis: int) -> bool:
    return part.ndim == tensor.ndim and all(
        a == axis or n == m for a, (n, m) in enumerate(zip(part.shape, tensor.shape, strict=True))
    )
