"""Losses, penalties, layers and networks of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import huber, log_softmax, rel_entr

import chainrule as cr
from chainrule.functions import random
from tests.cases.case import Case, Spec

N, K = 4, 5
LAYER = cr.nn.Linear(3, 2, key=random.key(0), dtype="float64")
DROPOUT = cr.nn.Dropout(0.0, key=random.key(3))


def _cross_entropy(s: Any, y: Any) -> Any:
    truth = y if y.shape == s.shape else np.eye(s.shape[-1])[y]
    return -np.sum(truth * log_softmax(s, axis=-1)) / np.prod(s.shape[:-1])


def _weighted_cross_entropy(s: Any, y: Any, w: Any) -> Any:
    """With smoothing 0.2, weights, and label 1 ignored."""
    each = -np.sum((0.8 * np.eye(K)[y] + 0.2 / K) * w * log_softmax(s, axis=-1), axis=-1)
    return np.sum(each[y != 1]) / np.sum(w[y][y != 1])


def _hinge(s: Any, y: Any, margin: float = 1.0, power: int = 1) -> Any:
    right = np.take_along_axis(s, y[..., None], -1)
    room = np.maximum(0, s - right + margin)
    np.put_along_axis(room, y[..., None], 0, -1)
    return np.sum(room**power) / np.prod(y.shape)


def _mean(rows: Any, y: Any, w: Any) -> Any:
    return np.sum(w[y] * rows) / np.sum(w[y])


def _likelihood(s: Any, y: Any) -> Any:
    return -np.mean(np.take_along_axis(s, y[..., None], -1))


def _divergence(s: Any, p: Any) -> Any:
    return np.sum(rel_entr(p, np.exp(log_softmax(s, axis=-1)))) / np.prod(s.shape[:-1])


def _binary(s: Any, y: Any, weight: float = 1.0) -> Any:
    terms = weight * y * np.logaddexp(0, -s) + (1 - y) * np.logaddexp(0, s)
    return np.sum(terms) / len(s)


def _huber(p: Any, t: Any) -> Any:
    return np.sum(huber(0.7, p - t)) / len(p)


def _squared(p: Any, t: Any) -> Any:
    return np.sum((p - t) ** 2) / (p.shape[0] if p.ndim else 1)


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
        "cross_entropy with everything",
        lambda s, y, w: cr.loss.cross_entropy(
            s, y, label_smoothing=0.2, class_weights=w, ignore_index=1
        ),
        (Spec("distinct", (6, K)), Spec("integer", (6,)), Spec("positive", (K,))),
        _weighted_cross_entropy,
    ),
    Case(
        "cross_entropy of weighted probabilities",
        lambda s, y, w: cr.loss.cross_entropy(s, y, class_weights=w, label_smoothing=0.1),
        (SCORES, Spec("simplex", (N, K)), Spec("positive", (K,))),
        lambda s, y, w: (
            -np.sum(w * (0.9 * y + 0.1 / K) * log_softmax(s, axis=-1)) / np.prod(s.shape[:-1])
        ),
    ),
    Case(
        "negative_log_likelihood",
        cr.loss.negative_log_likelihood,
        (Spec("normal", (2, 3, K)), Spec("integer", (2, 3))),
        _likelihood,
    ),
    Case(
        "negative_log_likelihood with weights",
        lambda s, y, w: cr.loss.negative_log_likelihood(s, y, class_weights=w),
        (SCORES, LABELS, Spec("positive", (K,))),
        lambda s, y, w: _mean(-np.take_along_axis(s, y[..., None], -1)[..., 0], y, w),
    ),
    Case("kl_divergence", cr.loss.kl_divergence, (SCORES, Spec("simplex", (N, K))), _divergence),
    Case("squared_hinge", cr.loss.squared_hinge, (SCORES, LABELS), lambda s, y: _hinge(s, y, 1, 2)),
    Case(
        "squared_hinge with a margin",
        lambda s, y: cr.loss.squared_hinge(s, y, margin=0.3),
        (SCORES, LABELS),
        lambda s, y: _hinge(s, y, 0.3, 2),
    ),
    *[
        Case(
            f"binary_logistic {shape}",
            cr.loss.binary_logistic,
            (Spec("normal", shape), Spec("simplex", shape)),
            _binary,
        )
        for shape in ((3,), (3, 2))
    ],
    Case(
        "binary_logistic with a weight",
        lambda s, y: cr.loss.binary_logistic(s, y, positive_weight=2.5),
        (Spec("normal", (3, 2)), Spec("simplex", (3, 2))),
        lambda s, y: _binary(s, y, 2.5),
    ),
    Case(
        "absolute",
        cr.loss.absolute,
        (Spec("normal", (3, 2)),) * 2,
        lambda p, t: np.sum(np.abs(p - t)) / len(p),
    ),
    Case(
        "huber",
        lambda p, t: cr.loss.huber(p, t, delta=0.7),
        (Spec("normal", (4, 2)),) * 2,
        _huber,
    ),
    Case(
        "l2",
        lambda w, b: cr.loss.l2({"w": w, "b": b}, 0.3),
        (Spec("normal", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * np.sum(w * w),
    ),
    Case(
        "l2 of all",
        lambda w, b: cr.loss.l2({"w": w, "b": b}, 0.3, where="*"),
        (Spec("normal", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * (np.sum(w * w) + np.sum(b * b)),
    ),
    Case(
        "l1",
        lambda w, b: cr.loss.l1({"w": w, "b": b}, 0.3),
        (Spec("positive", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * np.sum(np.abs(w)),
    ),
    Case(
        "elastic",
        lambda w, b: cr.loss.elastic({"w": w, "b": b}, 0.3, 0.2, where="b"),
        (Spec("positive", (2, 3)), Spec("normal", (3,))),
        lambda w, b: 0.3 * np.sum(np.abs(b)) + 0.2 * np.sum(b * b),
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
