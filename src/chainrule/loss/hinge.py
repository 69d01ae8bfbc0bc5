"""The multi-class hinge loss of support vector machines."""

from __future__ import annotations

from chainrule.functions.activations import relu
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, as_tensor, floating
from chainrule.functions.manipulation import expand_dims
from chainrule.functions.reduction import sum
from chainrule.loss.labels import batch_mean, check_labels
from chainrule.tensors import Tensor

__all__ = ["hinge"]


def hinge(scores: Operand, labels: Operand, margin: float = 1.0) -> Tensor:
    """Measure by how much wrong classes come within a margin of the right one; the batch's mean.

    L = (1/N) Σᵢ Σ_{j≠yᵢ} max(0, sᵢⱼ − sᵢ[yᵢ] + margin)

    At its kinks the derivative is 0. Labels under ``jit`` are not checked.

    Shapes:  scores: ... k   labels: ...   →
    Raises:  ShapeError: there is not one label for each row. DTypeError: labels are not integers.
             ArgumentError: a label names no class.
    Source:  weston1999support, eq. 2

    >>> hinge(tensor([[3.2, 5.1, -1.7]]), tensor([0]))
    Tensor(2.9)
    """
    found = floating(as_tensor(scores, "hinge"))
    truth = as_tensor(labels, "hinge")
    check_labels("hinge", "scores", found, "labels", truth)
    one = one_hot(truth, found.shape[-1], dtype=found.dtype)
    right = expand_dims(sum(multiply(one, found), axis=-1), -1)
    room = multiply(subtract(1.0, one), margin)  # the right class itself has none: it adds 0
    return batch_mean(relu(add(subtract(found, right), room)), truth.shape)
