"""Operands that are matrices or stacks of them: one place that checks and explains."""

from __future__ import annotations

import numpy as np

from chainrule.errors import ShapeError
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    broadcast,
    describe,
    floating,
    promoted,
    reshaped,
)
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__: list[str] = []


def stack_of(name: str, x: Operand, label: str = "x") -> Tensor:
    """A Tensor with at least two axes."""
    tensor = as_tensor(x, name)
    if tensor.ndim < 2:
        raise ShapeError(f"{name}: a matrix has two axes\n\n    {label}  {describe(tensor)}")
    return tensor


def matrices(name: str, x: Operand, label: str = "x") -> Tensor:
    """A floating Tensor with at least two axes."""
    return floating(stack_of(name, x, label))


def squares(name: str, x: Operand, label: str = "x") -> Tensor:
    """A floating Tensor of square matrices."""
    tensor = matrices(name, x, label)
    m, n = tensor.shape[-2:]
    if m != n:
        raise ShapeError(
            f"{name}: the last two axes have sizes {m} and {n}\n\n    {label}  {describe(tensor)}"
            "\n\n  It is defined for square matrices."
        )
    return tensor


def system(name: str, x1: Operand, x2: Operand, square: bool = True) -> tuple[Tensor, Tensor, bool]:
    """Matrices and right-hand sides with equal batch axes, and whether x2 was a vector."""
    left, right = (floating(t) for t in promoted(name, x1, x2))
    left = squares(name, left, "x1") if square else matrices(name, left, "x1")
    vector = right.ndim == 1
    shape: Shape = (*right.shape, 1) if vector else right.shape
    if len(shape) < 2 or shape[-2] != left.shape[-2]:
        axes = "no axes" if len(shape) < 2 else plural(shape[-2], "row")
        raise ShapeError(
            f"{name}: the matrices have {plural(left.shape[-2], 'row')} and the right-hand "
            f"side has {axes}"
            f"\n\n    x1  {describe(left)}\n    x2  {describe(right)}\n\n"
            "  x2 is one vector, or a stack of matrices with a column for each system."
        )
    if vector:
        right = reshaped(right, shape)
    try:
        batch = np.broadcast_shapes(left.shape[:-2], shape[:-2])
    except ValueError:
        raise ShapeError(
            f"{name}: the batch axes {list(left.shape[:-2])} and {list(shape[:-2])} do not "
            f"broadcast\n\n    x1  {describe(left)}\n    x2  {describe(right)}\n\n"
            "  Leading axes are aligned at their last one; there, sizes must be equal or 1."
        ) from None
    full = broadcast(left, (*batch, *left.shape[-2:]))
    return full, broadcast(right, (*batch, *shape[-2:])), vector
