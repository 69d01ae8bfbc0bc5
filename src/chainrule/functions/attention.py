"""Attention: each query reads a weighted mean of the values."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    broadcast,
    cast,
    describe,
    floating,
    promoted,
)
from chainrule.functions.softmax import softmax
from chainrule.ir import build
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = ["scaled_dot_product_attention"]


def _score_nodes(q: Node, k: Node, scale: float) -> Node:
    """scale · q kᵀ for stacks of matrices."""
    lead = tuple(range(q.ndim - 2))
    i, j, d = len(lead), len(lead) + 1, len(lead) + 2
    product = build.einsum((q, k), ((*lead, i, d), (*lead, j, d)), (*lead, i, j))
    return build.scale(product, scale)


def _masked_nodes(scores: Node, mask: Node) -> Node:
    """−∞ where the mask is false; a mask of numbers is added."""
    mask = build.broadcast(mask, scores.shape)
    if mask.dtype is not bool_:
        return build.add((scores, mask))
    return build.select(mask, scores, build.fill(-math.inf, scores.shape, scores.dtype))


_scores: Final = Lifted(_score_nodes)
_masked: Final = Lifted(_masked_nodes)
_matmul: Final = Lifted(build.matmul)


def scaled_dot_product_attention(
    q: Operand,
    k: Operand,
    v: Operand,
    mask: Operand | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Let each query read the mean of the values, weighted by how its key fits.

    y = softmax(scale · q kᵀ) v,   scale = 1/√d unless it is given

    Leading axes (examples, heads) broadcast. A boolean ``mask`` (true: may read) or one of numbers
    (added to the scores) broadcasts to the scores; ``is_causal`` lets query i read keys 0 … i. A
    query that may read nothing gives 0, and its derivative is 0.

    Shapes:  q: ... i d   k: ... j d   v: ... j e   →   ... i e
    Cost:    i · j · (d + e) multiplications; the scores are held in memory.
    Raises:  ShapeError: q, k, v or the mask do not fit together.
             DTypeError: the mask holds integers.
    Source:  vaswani2017attention, eq. 1

    >>> q, k, v = tensor([[1.0, 0.0]]), tensor([[0.0, 1.0], [0.0, 2.0]]), tensor([[1.0], [3.0]])
    >>> scaled_dot_product_attention(q, k, v)
    Tensor([[2.]])
    """
    tensors = [floating(t) for t in promoted("scaled_dot_product_attention", q, k, v)]
    lead = _lead(tensors)
    q, k, v = (broadcast(t, (*lead, *t.shape[-2:])) for t in tensors)
    scores = _scores([q, k], 1 / math.sqrt(q.shape[-1] or 1) if scale is None else float(scale))
    if mask is not None:
        scores = _masked([scores, _mask(mask, scores)])
    if is_causal:
        causal = np.tri(*scores.shape[-2:], dtype=np.bool_)
        scores = _masked([scores, of_value(causal)])
    return _matmul([softmax(scores), v])


def _lead(tensors: list[Tensor]) -> tuple[int, ...]:
    """The common leading axes of q, k and v, whose last two axes must fit."""
    q, k, v = tensors
    lines = "\n".join(f"    {n}   {describe(t)}" for n, t in zip("qkv", tensors, strict=True))
    if min(t.ndim for t in tensors) < 2:
        fault = "q, k and v have at least two axes"
    elif q.shape[-1] != k.shape[-1]:
        fault = f"queries have {plural(q.shape[-1], 'feature')} and keys {k.shape[-1]}"
    elif k.shape[-2] != v.shape[-2]:
        fault = f"there are {plural(k.shape[-2], 'key')} and {plural(v.shape[-2], 'value')}"
    else:
        try:
            return np.broadcast_shapes(*(t.shape[:-2] for t in tensors))
        except ValueError:
            fault = "the leading axes do not broadcast"
    raise ShapeError(
        f"scaled_dot_product_attention: {fault}\n\n{lines}\n\n"
        "  q is (..., queries, d), k is (..., keys, d), v is (..., keys, e)."
    )


def _mask(mask: Operand, scores: Tensor) -> Tensor:
    found = as_tensor(mask, "scaled_dot_product_attention")
    lines = f"\n\n    mask     {describe(found)}\n    scores   {describe(scores)}"
    if found.dtype.is_integer:
        raise DTypeError(
            "scaled_dot_product_attention: the mask is boolean or floating, "
            f"not {found.dtype}{lines}"
        )
    aligned = zip(reversed(found.shape), reversed(scores.shape), strict=False)
    if found.ndim > scores.ndim or any(a not in (1, b) for a, b in aligned):
        raise ShapeError(
            f"scaled_dot_product_attention: the mask does not fit the scores{lines}\n\n"
            "  The mask broadcasts to (..., queries, keys)."
        )
    return found if found.dtype is bool_ else cast(found, scores.dtype)
