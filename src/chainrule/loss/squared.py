"""The squared loss."""

from __future__ import annotations

from chainrule.functions.elementwise import multiply
from chainrule.functions.lift import Operand
from chainrule.loss.labels import batch_mean
from chainrule.loss.pairs import errors
from chainrule.tensors import Tensor

__all__ = ["squared"]


def squared(prediction: Operand, target: Operand) -> Tensor:
    """Sum the squared errors of each example; the mean over the batch, which is the first axis.

    L = (1/N) Σᵢ ‖yᵢ − ŷᵢ‖²,   ∂L/∂Ŷ = 2 (Ŷ − Y)/N

    Shapes:  prediction: n ...   target: n ...   →
    Raises:  ShapeError: the shapes differ.

    >>> squared(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0, 0.0], [0.0, 4.0]]))
    Tensor(6.5)
    """
    error = errors("squared", prediction, target)
    return batch_mean(multiply(error, error), error.shape[:1])
