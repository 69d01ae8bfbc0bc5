"""The number in front of a term."""

from __future__ import annotations

import numpy as np

from chainrule.algebra.structure import Summand
from chainrule.functions.elementwise import multiply
from chainrule.functions.lift import reshaped
from chainrule.tensors import Tensor, of_value
from chainrule.transform.operators import Structured

__all__ = ["scalar_of"]


def scalar_of(block: Structured, summand: Summand, like: Tensor) -> Tensor:
    """The coefficient of a term, with its parts that are numbers."""
    made = of_value(np.asarray(float(summand.coefficient), like.dtype.numpy))
    for part in summand.parts:
        if not part.labels:
            made = multiply(made, reshaped(block.matrix(part), ()))
    return made
