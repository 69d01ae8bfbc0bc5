"""Transformers: the block, and a model of characters made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import random
from chainrule.functions.activations import gelu
from chainrule.functions.elementwise import add
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.linear import tensordot
from chainrule.nn.attention import MultiHeadAttention
from chainrule.nn.dropout import Dropout
from chainrule.nn.embedding import Embedding
from chainrule.nn.initialization import Initializer, normal
from chainrule.nn.keys import key_for
from chainrule.nn.linear import Linear
from chainrule.nn.module import Module
from chainrule.nn.normalization import LayerNorm
from chainrule.nn.sequential import Sequential
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["CharacterTransformer", "TransformerBlock", "character_transformer"]


@final
class TransformerBlock(Module):
    """Attention, then a perceptron for each position; each is normalized before and added to x.

    h = x + Attention(LayerNorm(x)),   y = h + W₂ σ(W₁ LayerNorm(h) + b₁) + b₂

    The perceptron is ``expansion`` times as wide as x. σ is gelu unless it is given. Dropout acts
    on both branches before they are added. The weights start by ``weight_init`` (the normal
    distribution with standard deviation 0.02), those of the two maps that end a branch by
    ``output_init`` (the same), the biases with zeros.

    Shapes:  x: ... t h·k   →   ... t h·k
    Raises:  ShapeError: x or the mask does not fit.
             ArgumentError: a setting is none, or there is no key.
    Source:  vaswani2017attention, sec. 3; xiong2020layer, sec. 3; radford2019language, sec. 2.3

    >>> block = TransformerBlock(8, 2, causal=True, key=cr.random.key(0))
    >>> block(cr.ones((5, 3, 8), dtype="float32")).shape
    (5, 3, 8)
    """

    attention_norm: LayerNorm
    attention: MultiHeadAttention
    perceptron_norm: LayerNorm
    perceptron: Sequential
    dropout: Dropout | None

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool = False,
        expansion: int = 4,
        activation: Callable[[Tensor], Tensor] = gelu,
        dropout: float = 0.0,
        bias: bool = True,
        weight_init: Initializer | None = None,
        output_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        keys = random.split(key_for("TransformerBlock", key), 4)
        start = weight_init or normal(0.02)
        end = output_init or start
        self.attention_norm = LayerNorm(width, bias=bias, dtype=dtype)
        self.attention = MultiHeadAttention(
            width, heads, causal=causal, bias=bias, weight_init=start, output_init=end,
            key=keys[0], dtype=dtype,
        )  # fmt: skip
        self.perceptron_norm = LayerNorm(width, bias=bias, dtype=dtype)
        wide = expansion * width
        self.perceptron = Sequential(
            Linear(width, wide, bias, weight_init=start, key=keys[1], dtype=dtype),
            activation,
            Linear(wide, width, bias, weight_init=end, key=keys[2], dtype=dtype),
        )
        self.dropout = Dropout(dropout, key=keys[3]) if dropout else None

    def __call__(self, x: Operand, /, *, mask: Operand | None = None) -> Tensor:
        """Add what attention and perceptron make of x."""
        given = as_tensor(x, "TransformerBlock")
        read = self.attention(self.attention_norm(given), mask=mask)
        h = add(given, self._dropped(read))
        return add(h, self._dropped(self.perceptron(self.perceptron_norm(h))))

    def _dropped(self, x: Tensor) -> Tensor:
        return x if self.dropout is None else self.dropout(x)


@final
class CharacterTransformer(Module):
    """A language model: at each position the scores of the token that comes next.

    f(x) = W LayerNorm(Bₙ(… B₁(E[x] + P) …)),   E the tokens' table, P the positions'

    ``character_transformer`` makes one. Without ``head`` the scores use the tokens' table: W = E.

    Shapes:  indices: n t   →   n t v
    Raises:  ShapeError: there are more positions than the context has.
             DTypeError: the tokens are not integers. IndexingError: there is no such token.
    Source:  radford2019language, sec. 2.3
    """

    tokens: Embedding
    positions: Tensor
    dropout: Dropout | None
    blocks: tuple[TransformerBlock, ...]
    norm: LayerNorm
    head: Linear | None

    def __call__(self, indices: Operand, /) -> Tensor:
        """Give the scores of the next token at each position."""
        given = as_tensor(indices, "CharacterTransformer")
        context = self.positions.shape[0]
        if not given.ndim or given.shape[-1] > context:
            found = plural(given.shape[-1], "position") if given.ndim else "no positions"
            raise ShapeError(
                f"CharacterTransformer: x has {found}, and the context {context}\n\n"
                f"    x   {describe(given)}\n\n  The last axis of x holds the tokens of a sequence."
            )
        h = add(self.tokens(given), self.positions[: given.shape[-1]])
        if self.dropout is not None:
            h = self.dropout(h)
        for block in self.blocks:
            h = block(h)
        h = self.norm(h)
        if self.head is not None:
            return self.head(h)
        return tensordot(h, self.tokens.weight, axes=((-1,), (1,)))

    def describe(self) -> str:
        """Give the kind of this model with its context."""
        return f"CharacterTransformer(context {getattr(self.positions, 'shape', '?')[0]})"


def character_transformer(
    vocabulary: int,
    context: int,
    *,
    layers: int = 4,
    heads: int = 4,
    width: int = 128,
    dropout: float = 0.0,
    bias: bool = True,
    tied: bool = False,
    key: Tensor | None = None,
    dtype: Any = "float32",
) -> CharacterTransformer:
    """Make a small GPT: a transformer that scores the next character at each position.

    All weights start by N(0, 0.02²), those that end a residual branch by N(0, 0.02²/(2 · layers)),
    the biases with zeros. With ``tied`` the table of tokens is also the matrix of scores.

    Raises:  ArgumentError: a size is less than 1, or there is no key.
    Source:  radford2019language, sec. 2.3

    >>> model = cr.nn.character_transformer(65, 64, key=cr.random.key(0))
    >>> model(cr.zeros((12, 64), dtype="int64")).shape, cr.nn.count(model)
    ((12, 64, 65), 818176)
    """
    if min(vocabulary, context, layers, heads, width) < 1:
        raise ArgumentError(
            f"character_transformer: vocabulary={vocabulary}, context={context}, layers={layers}, "
            f"heads={heads}, width={width}; at least 1 each"
        )
    keys = random.split(key_for("character_transformer", key), layers + 4)
    start, end = normal(0.02), normal(0.02 / math.sqrt(2 * layers))
    blocks = tuple(
        TransformerBlock(
            width,
            heads,
            causal=True,
            dropout=dropout,
            bias=bias,
            weight_init=start,
            output_init=end,
            key=keys[k],
            dtype=dtype,
        )
        for k in range(layers)
    )
    head = Linear(width, vocabulary, False, weight_init=start, key=keys[layers], dtype=dtype)
    return CharacterTransformer(
        tokens=Embedding(vocabulary, width, key=keys[layers + 1], dtype=dtype),
        positions=start(keys[layers + 2], (context, width), dtype),
        dropout=Dropout(dropout, key=keys[layers + 3]) if dropout else None,
        blocks=blocks,
        norm=LayerNorm(width, bias=bias, dtype=dtype),
        head=None if tied else head,
    )
