"""Gradients that are not too large."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, final

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.comparison import greater
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import add, clip, divide, multiply, where
from chainrule.functions.lift import as_tensor, cast
from chainrule.functions.reduction import sum
from chainrule.ir.dtype import float64
from chainrule.optim.optimizer import Factor, Model, Scalar, State, Wrapper
from chainrule.tensors import Tensor

__all__ = ["Clipped"]


@final
@dataclass(frozen=True)
class Clipped(Wrapper):
    """Clip the gradients before another optimizer sees them: by value, by norm, or both in order.

    g ← clip(g, −value, value)
    g ← g · min(1, norm/‖g‖)   where ‖g‖ is the length of all gradients as one vector

    By norm, the direction stays. A gradient that is not finite stays so.

    Raises:  ArgumentError: neither is given, or one is not greater than 0.
    Cost:    4 operations for each number by norm, 2 by value.
    Source:  pascanu2013difficulty, alg. 1

    >>> from chainrule.optim import SGD
    >>> clipped = Clipped(SGD(1.0), norm=1.0)
    >>> w = tensor([0.0, 0.0])
    >>> clipped.update(tensor([3.0, -4.0]), clipped.init(w), w)[0]
    Tensor([-0.6,  0.8])
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm is None and self.value is None:
            raise ArgumentError("Clipped: give norm or value, such as norm=1.0")
        for name, bound in (("norm", self.norm), ("value", self.value)):
            if bound is not None and not bound > 0:
                raise ArgumentError(f"Clipped: {name}={bound}, which must be greater than 0")

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step with the clipped gradients."""
        if self.value is not None:
            bound = float(self.value)
            gradients = tree.map_(lambda g: clip(as_tensor(g, "Clipped"), -bound, bound), gradients)
        if self.norm is not None:
            gradients = _shortened(gradients, float(self.norm))
        model, inner = self.optimizer.update(gradients, self.inner(state), model, factor)
        return model, {"optimizer": inner}


def _shortened(gradients: Any, most: float) -> Any:
    leaves = [as_tensor(g, "Clipped") for g in tree.flatten(gradients)[0]]
    if not leaves:
        return gradients
    length = sqrt(reduce(add, map(_square, leaves)))
    share = Scalar(where(greater(length, most), divide(most, length), 1.0))
    return tree.map_(lambda g: multiply(g, share.like(as_tensor(g, "Clipped"))), gradients)


def _square(gradient: Tensor) -> Tensor:
    """The sum of squares in float64: in float32 it would overflow from 1e19 on."""
    wide = cast(gradient, float64)
    return sum(multiply(wide, wide))
