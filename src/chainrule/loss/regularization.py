"""Penalties on the weights, to be added to a loss."""

from __future__ import annotations

from typing import Any

from chainrule import tree
from chainrule.functions.elementwise import abs, add, multiply
from chainrule.functions.lift import as_tensor
from chainrule.functions.reduction import sum
from chainrule.tensors import Tensor

__all__ = ["l1", "l2"]


def l2(model: Any, strength: float, *, biases: bool = False) -> Tensor:
    """Sum the squares of the weights: parameters with two or more axes, or with ``biases`` all.

    R = strength · Σ w²,   ∂R/∂w = 2 · strength · w

    >>> l2({"weight": tensor([[1.0, -2.0]]), "bias": tensor([5.0])}, 0.1)
    Tensor(0.5)
    """
    return _total([sum(multiply(w, w)) for w in _weights("l2", model, biases)], strength)


def l1(model: Any, strength: float, *, biases: bool = False) -> Tensor:
    """Sum the magnitudes of the weights: parameters with two or more axes, or with ``biases`` all.

    R = strength · Σ |w|,   ∂R/∂w = strength · sign w, which is 0 at 0

    It drives weights to exactly 0. The sum of l1 and l2 is the elastic net.

    Source:  tibshirani1996regression; zou2005regularization

    >>> l1({"weight": tensor([[1.0, -2.0]]), "bias": tensor([5.0])}, 0.1, biases=True)
    Tensor(0.8)
    """
    return _total([sum(abs(w)) for w in _weights("l1", model, biases)], strength)


def _weights(name: str, model: Any, biases: bool) -> list[Tensor]:
    found = [as_tensor(leaf, name) for leaf in tree.flatten(model)[0]]
    return [w for w in found if w.dtype.is_float and (biases or w.ndim >= 2)]


def _total(terms: list[Tensor], strength: float) -> Tensor:
    total = terms[0] if terms else as_tensor(0.0, "l2")
    for term in terms[1:]:
        total = add(total, term)
    return multiply(total, strength)
