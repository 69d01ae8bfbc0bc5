"""The mean of the rows of a table for a bag of integers."""

from __future__ import annotations

from typing import Any, final

from chainrule.functions import reduction
from chainrule.functions.comparison import not_equal
from chainrule.functions.elementwise import divide, maximum
from chainrule.functions.lift import Operand, as_tensor
from chainrule.nn.embedding import Embedding
from chainrule.nn.initialization import Initializer
from chainrule.nn.module import Module
from chainrule.tensors import Tensor

__all__ = ["EmbeddingBag"]


@final
class EmbeddingBag(Module):
    """Give a row of tokens the mean of their vectors: their order and the padding do not count.

    y = Σₜ E[xₜ] / n   over the n tokens that are not padding; 0 if there are none

    ``weight_init`` is how the rows of E start.

    Shapes:  indices: ... t   →   ... d
    Raises:  DTypeError: the indices are not integers. IndexingError: there is no such row.
             ArgumentError: there is no key.
    Source:  joulin2017bag, sec. 2

    >>> bag = EmbeddingBag(65, 4, key=cr.random.key(0))
    >>> short, filled = cr.tensor([3, 5]), cr.tensor([5, 3, 0, 0])
    >>> cr.all(bag(short) == bag(filled))
    Tensor(True)
    """

    tokens: Embedding

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        padding: int = 0,
        weight_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        self.tokens = Embedding(
            vocabulary, features, padding=padding, weight_init=weight_init, key=key, dtype=dtype
        )

    def __call__(self, indices: Operand, /) -> Tensor:
        """Average over the last axis."""
        given, padding = as_tensor(indices, "EmbeddingBag"), self.tokens.padding
        assert padding is not None
        counted = not_equal(given, padding)
        count = maximum(reduction.sum(counted, axis=-1, keepdims=True), 1)
        total = reduction.sum(self.tokens(given), axis=-2)
        return divide(total, count.astype(total.dtype))
