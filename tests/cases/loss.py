"""Losses, penalties, schedules, layers and networks of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax

import chainrule as cr
from chainrule.functions import random
from tests.cases.case import Case, Spec

N, K = 4, 5
LAYER = cr.nn.Linear(3, 2, key=random.key(0), dtype="float64")
DROPOUT = cr.nn.Dropout(0.0, key=random.key(3))
CONSTANT = cr.schedule.constant(0.25)
COSINE = cr.schedule.cosine(0.1, 10, warmup=2, floor=0.01)
ONE_CYCLE = cr.schedule.one_cycle(0.1, 11)
INVERSE_TIME = cr.schedule.inverse_time(0.5, 0.25)


def _cross_entropy(s: Any, y: Any) -> Any:
    truth = y if y.shape == s.shape else np.eye(s.shape[-1])[y]
    return -np.sum(truth * log_softmax(s, axis=-1)) / np.prod(s.shape[:-1])


def _hinge(s: Any, y: Any, margin: float = 1.0) -> Any:
    right = np.take_along_axis(s, y[..., None], -1)
    room = np.maximum(0, s - right + margin)
    np.put_along_axis(room, y[..., None], 0, -1)
    return np.sum(room) / np.prod(y.shape)


def _squared(p: Any, t: Any) -> Any:
    return np.sum((p - t) ** 2) / (p.shape[0] if p.ndim else 1)


def _cosine(t: Any) -> Any:
    warm = 0.1 * (t + 1) / 3
    return np.where(t < 2, warm, 0.01 + 0.045 * (1 + np.cos(np.pi * (t - 2) / 8)))


def _one_cycle(t: Any) -> Any:
    up = 0.1 + 0.5 * (0.004 - 0.1) * (1 + np.cos(np.pi * t / 2.3))
    low = 0.004 / 1e4
    down = low + 0.5 * (0.1 - low) * (1 + np.cos(np.pi * (t - 2.3) / 7.7))
    return np.where(t < 2.3, up, down)


SCORES, LABELS = Spec("distinct", (N, K)), Spec("integer", (N,))


def _mlp() -> cr.nn.Sequential:
    return cr.nn.mlp((6, 4, 2), cr.tanh, key=random.key(1), dtype="float64")


def _network(x: Any) -> Any:
    layers = cr.nn.Sequential(cr.nn.Flatten(), *_mlp())
    return cr.tree.map_(lambda leaf: leaf.astype(x.dtype), layers)(x)


def _network_value(x: Any) -> Any:
    first, _, last = _mlp()
    hidden = np.tanh(x.reshape(len(x), -1) @ first.weight.numpy().T)
    return hidden @ last.weight.numpy().T


CASES = [
    Case("cross_entropy of labels", cr.loss.cross_entropy, (SCORES, LABELS), _cross_entropy),
    Case(
        "cross_entropy of probabilities",
        cr.loss.cross_entropy,
        (SCORES, Spec("simplex", (N, K))),
        _cross_entropy,
    ),
    Case(
        "cross_entropy of one row",
        cr.loss.cross_entropy,
        (Spec("normal", (K,)), Spec("integer", ())),
        _cross_entropy,
    ),
    Case(
        "cross_entropy of sequences",
        cr.loss.cross_entropy,
        (Spec("normal", (2, 3, K)), Spec("integer", (2, 3))),
        _cross_entropy,
    ),
    Case("hinge", cr.loss.hinge, (SCORES, LABELS), _hinge),
    Case(
        "hinge with a margin",
        lambda s, y: cr.loss.hinge(s, y, margin=0.3),
        (SCORES, LABELS),
        lambda s, y: _hinge(s, y, 0.3),
    ),
    *[
        Case(f"squared {shape}", cr.loss.squared, (Spec("normal", shape),) * 2, _squared)
        for shape in ((), (3,), (3, 2), (1, 2), (2, 3, 2))
    ],
    Case(
        "l2",
        lambda w, b: cr.loss.l2({"w": w, "b": b}, 0.3),
        (Spec("normal", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * np.sum(w * w),
    ),
    Case(
        "l2 of all",
        lambda w, b: cr.loss.l2({"w": w, "b": b}, 0.3, biases=True),
        (Spec("normal", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * (np.sum(w * w) + np.sum(b * b)),
    ),
    Case(
        "l1",
        lambda w, b: cr.loss.l1({"w": w, "b": b}, 0.3),
        (Spec("positive", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * np.sum(np.abs(w)),
    ),
    Case("constant schedule", CONSTANT, (Spec("positive", ()),), lambda t: np.full_like(t, 0.25)),
    Case("cosine schedule", COSINE, (Spec("positive", ()),), _cosine),
    Case("one-cycle schedule", ONE_CYCLE, (Spec("large", ()),), _one_cycle),
    Case(
        "inverse-time schedule",
        INVERSE_TIME,
        (Spec("positive", ()),),
        lambda t: 0.5 / (1 + 0.25 * t),
    ),
    Case(
        "Linear",
        lambda x, w, b: LAYER.replace(weight=w, bias=b)(x),
        (Spec("normal", (4, 3)), Spec("normal", (2, 3)), Spec("normal", (2,))),
        lambda x, w, b: x @ w.T + b,
    ),
    Case("Dropout of nothing", DROPOUT, (Spec("normal", (4, 3)),), lambda x: x),
    Case("mlp behind Flatten", _network, (Spec("normal", (4, 2, 3)),), _network_value),
]
