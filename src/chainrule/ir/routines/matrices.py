"""Matrix algebra on stacks, in nodes: the words in which the tangent rules of routines are written.

All operands of a function have the same batch axes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.ir import build
from chainrule.ir.dtype import from_numpy
from chainrule.ir.graph import Node


def batch_of(node: Node) -> tuple[int, ...]:
    """The labels of a stack's batch axes; ``len(batch_of(x))`` is the first free label."""
    return tuple(range(node.ndim - 2))


def product(*factors: Node) -> Node:
    """A·B·C…, from left to right."""
    result = factors[0]
    for factor in factors[1:]:
        result = build.matmul(result, factor)
    return result


def transposed(node: Node) -> Node:
    """Xᵀ."""
    return build.swap_last(node)


def symmetric(node: Node) -> Node:
    """(X + Xᵀ) / 2."""
    return build.scale(build.add((node, transposed(node))), 0.5)


def diagonal(node: Node) -> Node:
    """The vector xᵢᵢ of each matrix."""
    b = batch_of(node)
    return build.einsum((node,), ((*b, len(b), len(b)),), (*b, len(b)))


def inner(left: Node, right: Node) -> Node:
    """⟨X, Y⟩ = Σᵢⱼ xᵢⱼ yᵢⱼ of each pair of matrices."""
    labels = (*batch_of(left), left.ndim - 2, left.ndim - 1)
    return build.einsum((left, right), (labels, labels), labels[:-2])


def scaled(scalar: Node, node: Node) -> Node:
    """c · X, with one number for each matrix."""
    labels = (*batch_of(node), node.ndim - 2, node.ndim - 1)
    return build.einsum((scalar, node), (labels[:-2], labels), labels)


def weighted(node: Node, weights: np.ndarray) -> Node:
    """W ⊙ X, with the same constant weights for each matrix."""
    labels = (*batch_of(node), node.ndim - 2, node.ndim - 1)
    constant = build.data(weights.astype(node.dtype.numpy))
    return build.einsum((constant, node), (labels[-2:], labels), labels)


def differences(left: Node, right: Node) -> Node:
    """The matrices rⱼ − lᵢ of pairs of vectors."""
    shape = (*left.shape, right.shape[-1])
    b = left.ndim - 1
    rows = build.expand(left, shape, (*range(b), b))
    columns = build.expand(right, shape, (*range(b), b + 1))
    return build.subtract(columns, rows)


def first_columns(node: Node, count: int) -> Node:
    """X[:, :count]."""
    return node if count == node.shape[-1] else build.slice_axis(node, node.ndim - 1, 0, count)


def first_rows(node: Node, count: int) -> Node:
    """X[:count]."""
    return node if count == node.shape[-2] else build.slice_axis(node, node.ndim - 2, 0, count)


# ---------------------------------------------------------------- errors


def describe_stack(array: np.ndarray, name: str = "x") -> str:
    """A stack in an error message: ``x  f64[3, 2, 2]``."""
    shape = ", ".join(map(str, array.shape))
    return f"    {name}  {from_numpy(array.dtype).short}[{shape}]"


def first_matrix(bad: np.ndarray) -> tuple[tuple[int, ...], str]:
    """The index of the first matrix of a stack that is bad, and what a message calls it."""
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return index, f"matrix {list(index)} of the stack" if index else "the matrix"


def converged(name: str, function: Callable[..., Any], a: np.ndarray, *rest: Any) -> Any:
    """Call a routine of LAPACK; where it does not converge, say why."""
    try:
        return function(a, *rest)
    except np.linalg.LinAlgError:
        finite = np.asarray(np.isfinite(a).all(axis=(-1, -2)))
        if finite.all():
            raise ArgumentError(f"{name}: LAPACK did not converge\n\n{describe_stack(a)}") from None
        _, which = first_matrix(~finite)
        raise ArgumentError(
            f"{name}: {which} has elements that are inf or nan\n\n{describe_stack(a)}"
        ) from None
