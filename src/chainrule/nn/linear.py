"""The linear layer."""

from __future__ import annotations

import math
from typing import Any, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random
from chainrule.functions.elementwise import add
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.linear import tensordot
from chainrule.nn.initialization import Initializer, glorot_uniform, zeros
from chainrule.nn.keys import key_for
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Linear"]


@final
class Linear(Module):
    """An affine map of the last axis: the score function f(x) = W x + b of every row.

    Y = X Wᵀ + b

    The weights start by ``weight_init`` (Glorot's uniform distribution), the biases by
    ``bias_init`` (zeros); the key comes from the enclosing ``nn.seed`` if it is not given.

    Shapes:  x: ... in   weight: out in   bias: out   →   ... out
    Raises:  ShapeError: the last axis of x does not have ``in_features`` elements.
             ArgumentError: there is no key.

    >>> layer = Linear(3, 2, key=cr.random.key(0))
    >>> layer(cr.ones((5, 3), dtype="float32")).shape
    (5, 2)
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ArgumentError(f"Linear: {in_features} → {out_features} features; at least 1 each")
        keys = random.split(key_for("Linear", key))
        shape = (out_features, in_features)
        self.weight = (weight_init or glorot_uniform())(keys[0], shape, dtype)
        self.bias = (bias_init or zeros())(keys[1], (out_features,), dtype) if bias else None

    def __call__(self, x: Operand, /) -> Tensor:
        """Give X Wᵀ + b."""
        given = as_tensor(x, "Linear")
        if not given.ndim or given.shape[-1] != self.weight.shape[-1]:
            raise ShapeError(_misfit(given, self.weight))
        product = tensordot(given, self.weight, axes=((-1,), (1,)))
        return product if self.bias is None else add(product, self.bias)

    def describe(self) -> str:
        """Give the kind of this layer with its sizes."""
        out, in_ = getattr(self.weight, "shape", ("?", "?"))
        return f"Linear({in_} → {out}{'' if self.bias is not None else ', bias=False'})"


def _misfit(x: Tensor, weight: Tensor) -> str:
    wanted = weight.shape[-1]
    remedy = ""
    if math.prod(x.shape[1:]) == wanted:
        remedy = "; nn.Flatten() in front makes one of several"
    found = plural(x.shape[-1], "feature") if x.ndim else "no features"
    return (
        f"Linear: x has {found}, and the layer takes {wanted}"
        f"\n\n    x       {describe(x)}\n    weight  {describe(weight)}\n\n"
        f"  The last axis of x holds the features{remedy}."
    )
