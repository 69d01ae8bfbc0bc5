"""The squared loss."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.functions.elementwise import multiply, subtract
from chainrule.functions.lift import Operand, describe, floating, promoted
from chainrule.loss.labels import batch_mean
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
    found, wanted = (floating(t) for t in promoted("squared", prediction, target))
    if found.shape != wanted.shape:
        raise ShapeError(
            f"squared: a prediction of shape {list(found.shape)} for a target of shape "
            f"{list(wanted.shape)}\n\n"
            f"    prediction  {describe(found)}\n    target      {describe(wanted)}\n\n"
            "  They must be equal: repeating one along an axis would compare every prediction with "
            "every target."
        )
    error = subtract(found, wanted)
    return batch_mean(multiply(error, error), found.shape[:1])
