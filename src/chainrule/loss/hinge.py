"""The multi-class hinge losses of support vector machines."""

from __future__ import annotations

from chainrule.functions.activations import relu
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, as_tensor, floating
from chainrule.functions.manipulation import expand_dims
from chainrule.functions.reduction import sum
from chainrule.loss.labels import Counting, Weights, check_labels, weights_of_classes
from chainrule.tensors import Tensor

__all__ = ["hinge", "squared_hinge"]


def hinge(
    scores: Operand,
    labels: Operand,
    margin: float = 1.0,
    *,
    class_weights: Weights = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Measure by how much wrong classes come within a margin of the right one; the batch's mean.

    L = (1/N) Σᵢ Σ_{j≠yᵢ} rᵢⱼ,   rᵢⱼ = max(0, sᵢⱼ − sᵢ[yᵢ] + margin)
    ∂L/∂S = (A − diag(A 1) Y)/N   with Aᵢⱼ = 1 where rᵢⱼ > 0 and j ≠ yᵢ, else 0; Y one-hot rows

    At its kinks the derivative is 0. Where labels have no values yet, as under ``jit``, one that
    names no class makes the loss NaN.

    class_weights  a factor for each class: the mean becomes Σᵢ w[yᵢ] Lᵢ / Σᵢ w[yᵢ]
    ignore_index   the label of rows that do not count, in the sum or in N

    Shapes:  scores: ... k   labels: ...   →
    Raises:  ShapeError: there is not one label for each row, or one weight for each class.
             DTypeError: labels are not integers.
             ArgumentError: a label names no class, or a weight is negative.
    Source:  weston1999support, eq. 2

    >>> hinge(tensor([[3.2, 5.1, -1.7]]), tensor([0]))
    Tensor(2.9)
    """
    room, counting = _violations("hinge", scores, labels, margin, class_weights, ignore_index)
    return counting.mean(sum(room, axis=-1))


def squared_hinge(
    scores: Operand,
    labels: Operand,
    margin: float = 1.0,
    *,
    class_weights: Weights = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Measure the squares of what ``hinge`` measures: smooth, and hard on large violations.

    L = (1/N) Σᵢ Σ_{j≠yᵢ} rᵢⱼ²,   rᵢⱼ = max(0, sᵢⱼ − sᵢ[yᵢ] + margin)
    ∂L/∂S = 2 (R − diag(R 1) Y)/N   with R = [rᵢⱼ], 0 where j = yᵢ; Y one-hot rows

    Where labels have no values yet, as under ``jit``, one that names no class makes the loss NaN.

    class_weights  a factor for each class: the mean becomes Σᵢ w[yᵢ] Lᵢ / Σᵢ w[yᵢ]
    ignore_index   the label of rows that do not count, in the sum or in N

    Shapes:  scores: ... k   labels: ...   →
    Raises:  ShapeError: there is not one label for each row, or one weight for each class.
             DTypeError: labels are not integers.
             ArgumentError: a label names no class, or a weight is negative.
    Source:  weston1999support, eq. 2; tang2013deep

    >>> squared_hinge(tensor([[3.2, 5.1, -1.7]]), tensor([0]))
    Tensor(8.41)
    """
    room, counting = _violations(
        "squared_hinge", scores, labels, margin, class_weights, ignore_index
    )
    return counting.mean(sum(multiply(room, room), axis=-1))


def _violations(
    name: str,
    scores: Operand,
    labels: Operand,
    margin: float,
    class_weights: Weights,
    ignore_index: int | None,
) -> tuple[Tensor, Counting]:
    """The matrix R, and how much each of its rows counts."""
    found = floating(as_tensor(scores, name))
    truth = as_tensor(labels, name)
    weights = weights_of_classes(name, class_weights, found)
    check_labels(name, "scores", found, "labels", truth, ignore_index)
    one = one_hot(truth, found.shape[-1], dtype=found.dtype)
    right = expand_dims(sum(multiply(one, found), axis=-1), -1)
    room = multiply(subtract(1.0, one), margin)  # the right class itself has none: it adds 0
    violations = relu(add(subtract(found, right), room))
    return violations, Counting(found, truth, weights, ignore_index)
