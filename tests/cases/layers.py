"""Layers and ready models, as functions of their inputs and, where it is short, their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from chainrule import nn, tree
from chainrule.functions import random
from tests.cases.case import Case, Spec

KEY = random.key(5)


def normal(*shape: int) -> Spec:
    return Spec("normal", shape)


def layer(made: Any) -> Any:
    """A layer as a function: its parameters, drawn anew, take the dtype of the input."""
    generator = np.random.default_rng(0)
    first = tree.map_(lambda p: p * 0 + generator.standard_normal(p.shape) * 0.5, made)

    def apply(x: Any) -> Any:
        return tree.map_(lambda p: p.astype(x.dtype), first)(x)

    return apply


def embedded(table: Any, padding: int | None = None) -> Any:
    return nn.Embedding(5, 3, padding=padding, key=KEY).replace(weight=table)


TOKENS = np.array([[0, 2, 4], [4, 4, 1]])
RNN, GRU, LSTM = (kind(3, 2, key=KEY) for kind in (nn.RNN, nn.GRU, nn.LSTM))
BACKWARD = nn.RNN(3, 2, reverse=True, key=KEY)
BAG = nn.EmbeddingBag(5, 3, key=KEY)
CONV = nn.Conv2d(2, 3, 2, stride=2, padding=1, key=KEY)
SEQUENCE = nn.Conv1d(2, 3, 2, key=KEY)
SPREAD = nn.ConvTranspose2d(2, 3, 2, stride=2, key=KEY)
ATTENTION = nn.MultiHeadAttention(4, 2, key=KEY)
TINY = nn.character_transformer(5, 4, layers=1, heads=2, width=4, key=KEY)
TIED = nn.character_transformer(5, 4, layers=1, heads=2, width=4, tied=True, key=KEY)
sigmoid = scipy.special.expit


def elman(x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    h, states = np.zeros((len(x), u.shape[1])), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ w.T + h @ u.T + b)
        states.append(h)
    return np.stack(states, 1), h


def backward(x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    states, last = elman(x[:, ::-1], w, u, b)
    return states[:, ::-1], last


def gated(
    x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, ...]:
    h, states = np.zeros((len(x), u.shape[1])), []
    for t in range(x.shape[1]):
        (r, z, n), (ur, uz, un) = np.split(x[:, t] @ w.T + b, 3, -1), np.split(h @ u.T, 3, -1)
        z = sigmoid(z + uz)
        h = (1 - z) * np.tanh(n + sigmoid(r + ur) * (un + c)) + z * h
        states.append(h)
    return np.stack(states, 1), h


def long_short(
    x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, ...]:
    h = c = np.zeros((len(x), u.shape[1]))
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ w.T + h @ u.T + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, 1), h, c


def windows_of_two(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    cut = padded.reshape(*x.shape[:2], 2, 2, 2, 2)  # n c o k p l
    return np.asarray(np.einsum("ncokpl,fckl->nfop", cut, w)) + b[:, None, None]


def _state(result: Any) -> Any:
    outputs, (h, c) = result
    return outputs, h, c


CASES = [
    Case(
        "Conv2d",
        lambda x, w, b: CONV.replace(weight=w, bias=b)(x),
        (normal(2, 2, 2, 2), normal(3, 2, 2, 2), normal(3)),
        windows_of_two,
    ),
    Case(
        "Conv1d",
        lambda x, w, b: SEQUENCE.replace(weight=w, bias=b)(x),
        (normal(2, 2, 3), normal(3, 2, 2), normal(3)),
        lambda x, w, b: (
            np.einsum("ncl,fc->nfl", x[..., :-1], w[..., 0])
            + np.einsum("ncl,fc->nfl", x[..., 1:], w[..., 1])
            + b[:, None]
        ),
    ),
    Case(
        "ConvTranspose2d",
        lambda x, w, b: SPREAD.replace(weight=w, bias=b)(x),
        (normal(2, 2, 2, 3), normal(2, 3, 2, 2), normal(3)),
        lambda x, w, b: np.einsum("nchw,cfkl->nfhkwl", x, w).reshape(2, 3, 4, 6) + b[:, None, None],
    ),
    Case(
        "MaxPool2d",
        nn.MaxPool2d(2),
        (Spec("distinct", (2, 1, 4, 4)),),
        lambda x: x.reshape(2, 1, 2, 2, 2, 2).max((3, 5)),
    ),
    Case(
        "MaxPool1d",
        nn.MaxPool1d(2),
        (Spec("distinct", (2, 2, 4)),),
        lambda x: x.reshape(2, 2, 2, 2).max(3),
    ),
    Case(
        "AvgPool2d",
        nn.AvgPool2d(2),
        (normal(2, 1, 4, 4),),
        lambda x: x.reshape(2, 1, 2, 2, 2, 2).mean((3, 5)),
    ),
    Case("AvgPool1d", nn.AvgPool1d(2), (normal(2, 2, 4),), lambda x: x.reshape(2, 2, 2, 2).mean(3)),
    Case("GlobalAvgPool", nn.GlobalAvgPool(), (normal(2, 3, 2, 2),), lambda x: x.mean((2, 3))),
    Case(
        "GlobalMaxPool",
        nn.GlobalMaxPool(),
        (Spec("distinct", (2, 3, 4)),),
        lambda x: x.max(2),
    ),
    Case(
        "BatchNorm",
        nn.BatchNorm(3, affine=False, dtype="float64"),
        (normal(4, 3),),
        lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5),
    ),
    Case("LayerNorm", layer(nn.LayerNorm(4)), (normal(3, 4),)),
    Case("RMSNorm", layer(nn.RMSNorm(4)), (normal(3, 4),)),
    Case("GroupNorm", layer(nn.GroupNorm(2, 4)), (normal(2, 4, 3),)),
    Case(
        "Embedding",
        lambda table: embedded(table)(TOKENS),
        (normal(5, 3),),
        lambda table: table[TOKENS],
    ),
    Case(
        "Embedding with padding",
        lambda table: embedded(table, padding=4)(TOKENS),
        (normal(5, 3),),
        lambda table: np.where(TOKENS[..., None] == 4, 0, table[TOKENS]),
    ),
    Case(
        "EmbeddingBag",
        lambda table: BAG.replace(tokens=BAG.tokens.replace(weight=table))(TOKENS),
        (normal(5, 3),),
        lambda table: np.stack([table[[2, 4]].mean(0), table[[4, 4, 1]].mean(0)]),
    ),
    Case("MultiHeadAttention", layer(ATTENTION), (normal(2, 3, 4),)),
    Case(
        "causal MultiHeadAttention",
        layer(ATTENTION.replace(causal=True)),
        (normal(3, 4),),
    ),
    Case("TransformerBlock", layer(nn.TransformerBlock(4, 2, key=KEY)), (normal(1, 3, 4),)),
    Case(
        "CharacterTransformer",
        lambda table, rows: TINY.replace(tokens=TINY.tokens.replace(weight=table), positions=rows)(
            TOKENS
        ).astype(table.dtype),
        (normal(5, 4), normal(4, 4)),
        tolerance=1e-4,
    ),
    Case(
        "RNN",
        lambda x, w, u, b: RNN.replace(weight=w, recurrent=u, bias=b)(x),
        (normal(2, 3, 3), normal(2, 3), normal(2, 2), normal(2)),
        elman,
    ),
    Case(
        "RNN from the end",
        lambda x, w, u, b: BACKWARD.replace(weight=w, recurrent=u, bias=b)(x),
        (normal(2, 3, 3), normal(2, 3), normal(2, 2), normal(2)),
        backward,
    ),
    Case(
        "GRU",
        lambda x, w, u, b, c: GRU.replace(weight=w, recurrent=u, bias=b, recurrent_bias=c)(x),
        (normal(2, 2, 3), normal(6, 3), normal(6, 2), normal(6), normal(2)),
        gated,
    ),
    Case(
        "LSTM",
        lambda x, w, u, b: _state(LSTM.replace(weight=w, recurrent=u, bias=b)(x)),
        (normal(2, 2, 3), normal(8, 3), normal(8, 2), normal(8)),
        long_short,
    ),
    Case("Residual", nn.Residual(np.tanh), (normal(2, 3),), lambda x: x + np.tanh(x)),
]
