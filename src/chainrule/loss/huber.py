"""Huber's loss: squared near 0, absolute far away."""

from __future__ import annotations

from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import clip, multiply, subtract
from chainrule.functions.lift import Operand
from chainrule.loss.labels import batch_mean
from chainrule.loss.pairs import errors
from chainrule.tensors import Tensor

__all__ = ["huber"]


def huber(prediction: Operand, target: Operand, delta: float = 1.0) -> Tensor:
    """Sum squares of small errors and magnitudes of large ones; the mean over the first axis.

    L = (1/N) Σᵢⱼ h(ŷᵢⱼ − yᵢⱼ),   h(e) = c (e − c/2)   with c = clip(e, −δ, δ)
                                     = ½ e² for |e| ≤ δ, else δ (|e| − ½ δ)
    ∂L/∂Ŷ = clip(Ŷ − Y, −δ, δ)/N

    Shapes:  prediction: n ...   target: n ...   →
    Raises:  ShapeError: the shapes differ. ArgumentError: delta is not greater than 0.
    Source:  huber1964robust

    >>> huber(tensor([0.5, -3.0]), tensor([0.0, 0.0]))
    Tensor(1.3125)
    """
    if not delta > 0:
        raise ArgumentError(f"huber: delta is {delta}, which must be greater than 0")
    error = errors("huber", prediction, target)
    near = clip(error, -delta, delta)
    terms = multiply(near, subtract(error, multiply(near, 0.5)))
    return batch_mean(terms, error.shape[:1])
