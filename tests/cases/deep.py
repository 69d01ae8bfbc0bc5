"""What deep learning composes: softmax, normalization, convolution, pooling, attention."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import scipy.special

from chainrule.functions import attention, convolution, embedding, normalization, pooling, random
from chainrule.functions import softmax as softmaxes
from chainrule.functions.lift import cast
from tests.cases.case import Case, Spec

EPS = 1e-5


def normal(*shape: int) -> Spec:
    return Spec("normal", shape)


# ---------------------------------------------------------------- oracles, as plain as can be


def standardized(x: np.ndarray, axes: Any, eps: float = EPS) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def channels(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (x.ndim - 2))


def grouped(x: np.ndarray, groups: int) -> np.ndarray:
    parts = x.reshape(len(x), groups, -1)
    return np.asarray(standardized(parts, 2)).reshape(x.shape)


def batch_normalized(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Any:
    axes = tuple(a for a in range(x.ndim) if a != 1)
    return standardized(x, axes) * channels(weight, x) + channels(bias, x)


def padded(x: np.ndarray, pads: Any, rank: int, fill: float = 0.0) -> np.ndarray:
    return np.pad(x, [(0, 0)] * (x.ndim - rank) + list(pads), constant_values=fill)


def correlate(
    x: np.ndarray,
    w: np.ndarray,
    stride: tuple[int, ...],
    pads: Any,
    dilation: tuple[int, ...],
    groups: int = 1,
) -> np.ndarray:
    """One place after another, in Python."""
    rank, x = w.ndim - 2, padded(x, pads, w.ndim - 2)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    y = np.zeros((x.shape[0], w.shape[0], *counts))
    taken, made = w.shape[1], w.shape[0] // groups
    for f, *place in itertools.product(range(w.shape[0]), *map(range, counts)):
        window = tuple(
            slice(s * o, s * o + r, d)
            for s, o, r, d in zip(stride, place, reach, dilation, strict=True)
        )
        first = f // made * taken
        read = x[(slice(None), slice(first, first + taken), *window)]
        y[(slice(None), f, *place)] = (read * w[f]).sum(tuple(range(1, rank + 2)))
    return y


def pooled(x: np.ndarray, how: Any, window: Any, stride: Any, pads: Any, fill: float) -> np.ndarray:
    rank = len(window)
    x = padded(x, pads, rank, fill)
    read = np.lib.stride_tricks.sliding_window_view(x, window, tuple(range(x.ndim - rank, x.ndim)))
    places = (..., *(slice(None, None, s) for s in stride), *[slice(None)] * rank)
    return np.asarray(how(read[places], axis=tuple(range(-rank, 0))))


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: Any = 0.0) -> Any:
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]) + mask
    return scipy.special.softmax(scores, -1) @ v


# ---------------------------------------------------------------- the list

PAIR = ((1, 1), (1, 1))
KEY = random.key(3)
MASK = np.array([[True, False, True], [True, True, False]])
CAUSAL = np.where(np.tri(2, 3, dtype=bool), 0, -np.inf)

CASES: list[Case] = [
    Case("softmax", softmaxes.softmax, (normal(2, 3),), lambda x: scipy.special.softmax(x, -1)),
    Case(
        "softmax over two axes",
        lambda x: softmaxes.softmax(x, axis=(0, 2)),
        (normal(2, 3, 2),),
        lambda x: scipy.special.softmax(x, (0, 2)),
    ),
    Case("softmax of nothing", softmaxes.softmax, (normal(2, 0),), lambda x: x),
    Case(
        "log_softmax",
        lambda x: softmaxes.log_softmax(x, axis=0),
        (normal(3, 2),),
        lambda x: scipy.special.log_softmax(x, 0),
    ),
    Case("logsumexp", softmaxes.logsumexp, (normal(2, 3),), scipy.special.logsumexp),
    Case(
        "logsumexp keeping axes",
        lambda x: softmaxes.logsumexp(x, axis=(2, 0), keepdims=True),
        (normal(2, 3, 2),),
        lambda x: scipy.special.logsumexp(x, (0, 2), keepdims=True),
    ),
    Case(
        "logsumexp of integers",
        lambda x: softmaxes.logsumexp(x, axis=1),
        (Spec("integer", (2, 3)),),
        lambda x: scipy.special.logsumexp(x, 1),
        orders=0,
    ),
    Case(
        "layer_norm",
        normalization.layer_norm,
        (normal(2, 4), normal(4), normal(4)),
        lambda x, w, b: standardized(x, -1) * w + b,
    ),
    Case(
        "layer_norm without vectors",
        normalization.layer_norm,
        (normal(2, 1, 3),),
        lambda x: standardized(x, -1),
    ),
    Case(
        "rms_norm",
        lambda x, w: normalization.rms_norm(x, w, 1e-3),
        (normal(2, 3), normal(3)),
        lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3) * w,
    ),
    Case(
        "group_norm",
        lambda x, w, b: normalization.group_norm(x, 2, w, b),
        (normal(2, 4, 3), normal(4), normal(4)),
        lambda x, w, b: grouped(x, 2) * channels(w, x) + channels(b, x),
    ),
    Case(
        "batch_norm of the batch",
        lambda x, w, b: normalization.batch_norm(x, *normalization.batch_statistics(x), w, b),
        (normal(3, 2, 2), normal(2), normal(2)),
        batch_normalized,
    ),
    Case(
        "batch_norm by given moments",
        lambda x, m, v: normalization.batch_norm(x, m, v),
        (normal(3, 2), normal(2), Spec("positive", (2,))),
        lambda x, m, v: (x - m) / np.sqrt(v + EPS),
    ),
    Case(
        "l2_normalize",
        normalization.l2_normalize,
        (normal(2, 3),),
        lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True),
    ),
    Case(
        "one_hot",
        lambda i: embedding.one_hot(i, 4),
        (Spec("integer", (2, 3)),),
        lambda i: (i[..., None] == np.arange(4)).astype(float),
        orders=0,
    ),
    Case(
        "embedding",
        embedding.embedding,
        (Spec("integer", (2, 3)), normal(5, 2)),
        lambda i, table: table[i],
    ),
    Case(
        "conv1d",
        lambda x, w: convolution.conv1d(x, w, stride=2, padding=1),
        (normal(2, 2, 5), normal(3, 2, 3)),
        lambda x, w: correlate(x, w, (2,), ((1, 1),), (1,)),
    ),
    Case(
        "conv2d",
        convolution.conv2d,
        (normal(2, 2, 4, 3), normal(3, 2, 2, 2)),
        lambda x, w: correlate(x, w, (1, 1), ((0, 0), (0, 0)), (1, 1)),
    ),
    Case(
        "conv2d same with an even kernel",
        lambda x, w: convolution.conv2d(x, w, padding="same", stride=(1, 2)),
        (normal(1, 2, 3, 5), normal(1, 2, 2, 3)),
        lambda x, w: correlate(x, w, (1, 2), ((0, 1), (1, 1)), (1, 1)),
    ),
    Case(
        "conv2d dilated",
        lambda x, w: convolution.conv2d(x, w, dilation=(2, 1), padding=((1, 0), (0, 2))),
        (normal(1, 2, 4, 3), normal(2, 2, 2, 2)),
        lambda x, w: correlate(x, w, (1, 1), ((1, 0), (0, 2)), (2, 1)),
    ),
    Case(
        "conv2d in groups",
        lambda x, w: convolution.conv2d(x, w, groups=2, padding=1),
        (normal(1, 4, 3, 2), normal(4, 2, 2, 2)),
        lambda x, w: correlate(x, w, (1, 1), PAIR, (1, 1), 2),
    ),
    Case(
        "conv in three dimensions",
        convolution.conv,
        (normal(1, 1, 3, 2, 3), normal(2, 1, 2, 2, 2)),
        lambda x, w: correlate(x, w, (1, 1, 1), ((0, 0),) * 3, (1, 1, 1)),
    ),
    Case(
        "conv_transpose2d",
        lambda x, w: convolution.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
        (normal(1, 2, 2, 3), normal(2, 1, 3, 3)),
    ),
    Case(
        "max_pool2d",
        lambda x: pooling.max_pool2d(x, 2),
        (Spec("distinct", (1, 2, 4, 5)),),
        lambda x: pooled(x[..., :4], np.max, (2, 2), (2, 2), ((0, 0), (0, 0)), 0),
    ),
    Case(
        "max_pool2d overlapping with padding",
        lambda x: pooling.max_pool2d(x, (3, 2), stride=(2, 1), padding=1),
        (Spec("distinct", (2, 3, 4)),),
        lambda x: pooled(x, np.max, (3, 2), (2, 1), PAIR, -np.inf),
    ),
    Case(
        "max_pool2d of integers",
        lambda x: pooling.max_pool2d(x, 2, padding=1),
        (Spec("integer", (2, 2)),),
        lambda x: x,
        orders=0,
    ),
    Case(
        "max_pool1d",
        lambda x: pooling.max_pool1d(x, 2, stride=1),
        (Spec("distinct", (2, 4)),),
        lambda x: np.maximum(x[:, :-1], x[:, 1:]),
    ),
    Case(
        "avg_pool1d",
        lambda x: pooling.avg_pool1d(x, 2),
        (normal(2, 4),),
        lambda x: (x[:, ::2] + x[:, 1::2]) / 2,
    ),
    Case(
        "avg_pool2d with padding",
        lambda x: pooling.avg_pool2d(x, 2, stride=1, padding=1),
        (normal(2, 3, 3),),
        lambda x: pooled(x, np.mean, (2, 2), (1, 1), PAIR, 0),
    ),
    Case(
        "avg_pool2d without its padding",
        lambda x: pooling.avg_pool2d(x, 2, stride=1, padding=1, include_padding=False),
        (normal(2, 3, 3),),
        lambda x: pooled(x, np.nanmean, (2, 2), (1, 1), PAIR, np.nan),
    ),
    Case(
        "global_avg_pool", pooling.global_avg_pool, (normal(2, 3, 2, 2),), lambda x: x.mean((2, 3))
    ),
    Case(
        "global_max_pool",
        pooling.global_max_pool,
        (Spec("distinct", (2, 3, 2)),),
        lambda x: x.max(2),
    ),
    Case(
        "attention",
        attention.scaled_dot_product_attention,
        (normal(2, 2, 4), normal(2, 3, 4), normal(2, 3, 2)),
        attend,
    ),
    Case(
        "attention with a mask and broadcast heads",
        lambda q, k, v: attention.scaled_dot_product_attention(q, k, v, MASK),
        (normal(2, 2, 2), normal(3, 2), normal(1, 3, 1)),
        lambda q, k, v: attend(q, k, v, np.where(MASK, 0, -np.inf)),
    ),
    Case(
        "attention with an added mask",
        attention.scaled_dot_product_attention,
        (normal(2, 2), normal(3, 2), normal(3, 2), normal(2, 3)),
        attend,
    ),
    Case(
        "causal attention",
        lambda q, k, v: attention.scaled_dot_product_attention(q, k, v, is_causal=True),
        (normal(2, 2), normal(3, 2), normal(3, 2)),
        lambda q, k, v: attend(q, k, v, CAUSAL),
    ),
    Case(
        "random.normal",
        lambda m, s: cast(random.normal(KEY, (2, 3), m, s), m.dtype),
        (normal(2, 1), Spec("positive", ())),
    ),
    Case(
        "random.uniform",
        lambda a, b: cast(random.uniform(KEY, (2, 3), a, b), a.dtype),
        (normal(3), Spec("large", (2, 1))),
    ),
    Case("random.dropout", lambda x: random.dropout(x, 0.25, KEY), (normal(4, 3),)),
    Case("random.permutation", lambda x: random.permutation(KEY, x), (normal(4, 3),)),
]
