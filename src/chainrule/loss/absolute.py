"""The absolute loss."""

from __future__ import annotations

from chainrule.functions.elementwise import abs
from chainrule.functions.lift import Operand
from chainrule.loss.labels import batch_mean
from chainrule.loss.pairs import errors
from chainrule.tensors import Tensor

__all__ = ["absolute"]


def absolute(prediction: Operand, target: Operand) -> Tensor:
    """Sum the magnitudes of each example's errors; the mean over the batch, the first axis.

    L = (1/N) Σᵢ ‖ŷᵢ − yᵢ‖₁,   ∂L/∂Ŷ = sign(Ŷ − Y)/N, which is 0 where the error is 0

    Its minimum is the median, where that of ``squared`` is the mean: outliers weigh less.

    Shapes:  prediction: n ...   target: n ...   →
    Raises:  ShapeError: the shapes differ.

    >>> absolute(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0, 0.0], [0.0, 4.0]]))
    Tensor(2.5)
    """
    error = errors("absolute", prediction, target)
    return batch_mean(abs(error), error.shape[:1])
