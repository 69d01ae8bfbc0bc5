"""Attention with several heads."""

from __future__ import annotations

from typing import Any, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import attention, random
from chainrule.functions.elementwise import add
from chainrule.functions.joining import concat, split
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.linear import tensordot
from chainrule.functions.manipulation import moveaxis, reshape
from chainrule.nn.initialization import Initializer, glorot_uniform, zeros
from chainrule.nn.keys import key_for
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["MultiHeadAttention"]


@final
class MultiHeadAttention(Module):
    """Let each position read the others, in several ways at once.

    Y = [H₁ … H_h] Wᵒᵀ + bᵒ,   Hᵢ = softmax(Qᵢ Kᵢᵀ/√(d/h)) Vᵢ,   [Q K V] = X Wᵀ + b

    Each head has d/h of the ``width`` d features. With ``causal`` position i reads positions 0 … i
    only. A ``mask`` (true: may read; or numbers that are added to the scores) broadcasts to
    ``... heads queries keys``. Keys and values are those of ``memory`` where it is given (cross
    attention). The weights start by ``weight_init`` (Glorot's uniform distribution for each of the
    four d×d maps), the biases with zeros.

    Shapes:  x: ... t h·k   weight: 3·h·k h·k   bias: 3·h·k   →   ... t h·k
             x: ... t h·k   memory: ... s h·k   →   ... t h·k
    Cost:    4 · t · d² + 2 · t² · d multiplications for each sequence.
    Raises:  ShapeError: x, memory or the mask do not fit.
             ArgumentError: the heads do not share the width evenly, or there is no key.
    Source:  vaswani2017attention, sec. 3.2

    >>> layer = MultiHeadAttention(8, 2, causal=True, key=cr.random.key(0))
    >>> layer(cr.ones((5, 3, 8), dtype="float32")).shape
    (5, 3, 8)
    """

    weight: Tensor
    bias: Tensor | None
    output: Linear
    heads: int
    causal: bool

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool = False,
        bias: bool = True,
        weight_init: Initializer | None = None,
        output_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        if width < 1 or heads < 1 or width % heads:
            raise ArgumentError(
                f"MultiHeadAttention: {heads} heads do not share a width of {width} evenly"
            )
        keys = random.split(key_for("MultiHeadAttention", key), 4)
        init = weight_init or glorot_uniform()
        maps = [init(keys[k], (width, width), dtype) for k in range(3)]
        self.weight = concat(maps)
        self.bias = zeros()(keys[3], (3 * width,), dtype) if bias else None
        self.output = Linear(
            width, width, bias, weight_init=output_init or init, key=keys[3], dtype=dtype
        )
        self.heads = heads
        self.causal = causal

    def __call__(
        self, x: Operand, /, memory: Operand | None = None, *, mask: Operand | None = None
    ) -> Tensor:
        """Let each position of x read x, or the memory."""
        given = self._sequence("x", x)
        if memory is None:
            query, key, value = split(self._projected(given, 0, 3), 3, axis=-1)
        else:
            key, value = split(self._projected(self._sequence("memory", memory), 1, 3), 2, axis=-1)
            query = self._projected(given, 0, 1)
        q, k, v = (self._apart(t) for t in (query, key, value))
        read = attention.scaled_dot_product_attention(q, k, v, mask, is_causal=self.causal)
        together = moveaxis(read, -3, -2)
        return self.output(reshape(together, (*together.shape[:-2], given.shape[-1])))

    def _projected(self, x: Tensor, first: int, last: int) -> Tensor:
        """Some of queries, keys and values of all heads, beside each other."""
        width = x.shape[-1]
        rows = slice(first * width, last * width)
        made = tensordot(x, self.weight[rows], axes=((-1,), (1,)))
        return made if self.bias is None else add(made, self.bias[rows])

    def _apart(self, x: Tensor) -> Tensor:
        """... t d  →  ... heads t d/heads."""
        return moveaxis(reshape(x, (*x.shape[:-1], self.heads, x.shape[-1] // self.heads)), -2, -3)

    def _sequence(self, name: str, x: Operand) -> Tensor:
        given, width = as_tensor(x, "MultiHeadAttention"), self.weight.shape[-1]
        if given.ndim < 2 or given.shape[-1] != width:
            found = f"shape {list(given.shape)}"
            raise ShapeError(
                f"MultiHeadAttention: {name} has {found}, and the layer takes sequences of {width} "
                f"features\n\n    {name}   {describe(given)}\n\n"
                "  The last axis holds the features, the one before it the positions."
            )
        return given

    def describe(self) -> str:
        """Give the kind of this layer with its width and its heads."""
        shape = getattr(self.weight, "shape", ("?", "?"))
        causal = ", causal" if self.causal else ""
        return f"MultiHeadAttention({shape[-1]}, {plural(self.heads, 'head')}{causal})"
