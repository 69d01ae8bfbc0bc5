"""Rows of a table for integers."""

from __future__ import annotations

from typing import Any, final

from chainrule.errors import ArgumentError
from chainrule.functions import embedding
from chainrule.functions.comparison import equal
from chainrule.functions.elementwise import where
from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.manipulation import expand_dims
from chainrule.nn.initialization import Initializer, normal
from chainrule.nn.keys import key_for
from chainrule.nn.module import Module
from chainrule.tensors import Tensor

__all__ = ["Embedding"]


@final
class Embedding(Module):
    """Give each integer its row of a table: tokens become vectors.

    y[…, :] = weight[x[…], :]

    With ``padding``, that integer gives zeros and learns nothing. The rows start by ``weight_init``
    (the normal distribution with standard deviation 0.02).

    Shapes:  indices: ...   weight: v d   →   ... d
    Raises:  DTypeError: the indices are not integers. IndexingError: there is no such row.
             ArgumentError: there is no key.
    Source:  radford2019language, sec. 2.3

    >>> layer = Embedding(65, 4, padding=0, key=cr.random.key(0))
    >>> layer(cr.tensor([3, 0])).shape, layer(cr.tensor([0]))
    ((2, 4), Tensor([[0., 0., 0., 0.]], float32))
    """

    weight: Tensor
    padding: int | None

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        padding: int | None = None,
        weight_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        if vocabulary < 1 or features < 1:
            raise ArgumentError(
                f"Embedding: {vocabulary} rows of {features} features; at least 1 each"
            )
        if padding is not None and not 0 <= padding < vocabulary:
            raise ArgumentError(f"Embedding: padding={padding} is none of the {vocabulary} rows")
        start = weight_init or normal(0.02)
        self.weight = start(key_for("Embedding", key), (vocabulary, features), dtype)
        self.padding = padding

    def __call__(self, indices: Operand, /) -> Tensor:
        """Look up the rows."""
        given = as_tensor(indices, "Embedding")
        rows = embedding.embedding(given, self.weight)
        if self.padding is None:
            return rows
        return where(expand_dims(equal(given, self.padding), -1), 0.0, rows)

    def describe(self) -> str:
        """Give the kind of this layer with the sizes of its table."""
        rows, features = getattr(self.weight, "shape", ("?", "?"))
        padding = "" if self.padding is None else f", padding={self.padding}"
        return f"Embedding({rows} × {features}{padding})"
