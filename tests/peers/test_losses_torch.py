"""Losses and their gradients are PyTorch's, where it is installed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import loss

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

generator = np.random.default_rng(0)
SHAPE = N, K = 12, 5
SCORES = 3 * generator.standard_normal(SHAPE)
OTHER = SCORES + generator.standard_normal(SHAPE)
LABELS = generator.integers(0, K, N)
IGNORED = np.where(np.arange(N) % 3, LABELS, -100)
SHARES = generator.dirichlet(np.ones(K), N)
WEIGHTS = generator.uniform(0.5, 2, K)
ANSWERS = generator.integers(0, 2, SHAPE).astype(float)
T = torch.tensor


def _smoothed(name: str, targets: Any, **ours: Any) -> tuple[Any, Any, Any, Any]:
    theirs = {
        "label_smoothing": ours.get("label_smoothing", 0.0),
        "weight": T(ours["class_weights"]) if "class_weights" in ours else None,
        "ignore_index": ours.get("ignore_index", -100),
    }
    return (
        name,
        lambda s: loss.cross_entropy(s, targets, **ours),
        lambda s: F.cross_entropy(s, T(targets), **theirs),
        SCORES,
    )


PAIRS: list[tuple[str, Callable[..., Any], Callable[..., Any], Any]] = [
    _smoothed("labels", LABELS),
    _smoothed("smoothing", LABELS, label_smoothing=0.2),
    _smoothed("weights", LABELS, class_weights=WEIGHTS),
    _smoothed("ignored", IGNORED, ignore_index=-100),
    _smoothed("ignored class", LABELS, ignore_index=2),
    _smoothed("weights, smoothed", LABELS, class_weights=WEIGHTS, label_smoothing=0.2),
    _smoothed("weights, ignored", IGNORED, class_weights=WEIGHTS, ignore_index=-100),
    _smoothed(
        "weights, ignored, smoothed",
        IGNORED,
        class_weights=WEIGHTS,
        ignore_index=-100,
        label_smoothing=0.3,
    ),
    _smoothed("probabilities", SHARES),
    _smoothed("probabilities, smoothed", SHARES, label_smoothing=0.2),
    _smoothed("probabilities, weights", SHARES, class_weights=WEIGHTS),
    _smoothed("all of it", SHARES, class_weights=WEIGHTS, label_smoothing=0.2),
    (
        "likelihood",
        lambda s: loss.negative_log_likelihood(
            s, IGNORED, class_weights=WEIGHTS, ignore_index=-100
        ),
        lambda s: F.nll_loss(s, T(IGNORED), weight=T(WEIGHTS)),
        SCORES,
    ),
    (
        "divergence",
        lambda s: loss.kl_divergence(s, SHARES),
        lambda s: F.kl_div(F.log_softmax(s, -1), T(SHARES), reduction="batchmean"),
        SCORES,
    ),
    (
        "divergence with zeros",
        lambda s: loss.kl_divergence(s, np.eye(K)[LABELS]),
        lambda s: F.kl_div(F.log_softmax(s, -1), T(np.eye(K)[LABELS]), reduction="batchmean"),
        SCORES,
    ),
    (
        "hinge",
        lambda s: loss.hinge(s, LABELS, 0.5),
        lambda s: K * F.multi_margin_loss(s, T(LABELS), margin=0.5),
        SCORES,
    ),
    (
        "squared hinge",
        lambda s: loss.squared_hinge(s, LABELS, 0.5),
        lambda s: K * F.multi_margin_loss(s, T(LABELS), p=2, margin=0.5),
        SCORES,
    ),
    (
        "binary",
        lambda s: loss.binary_logistic(s, ANSWERS),
        lambda s: K * F.binary_cross_entropy_with_logits(s, T(ANSWERS)),
        SCORES,
    ),
    (
        "binary of probabilities",
        lambda s: loss.binary_logistic(s, SHARES, positive_weight=2.5),
        lambda s: K * F.binary_cross_entropy_with_logits(s, T(SHARES), pos_weight=T(2.5)),
        SCORES,
    ),
    ("absolute", lambda p: loss.absolute(p, OTHER), lambda p: K * F.l1_loss(p, T(OTHER)), SCORES),
    ("squared", lambda p: loss.squared(p, OTHER), lambda p: K * F.mse_loss(p, T(OTHER)), SCORES),
    (
        "huber",
        lambda p: loss.huber(p, OTHER, 0.6),
        lambda p: K * F.huber_loss(p, T(OTHER), delta=0.6),
        SCORES,
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "x"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS])
def test_value_and_gradient_are_those_of_torch(
    ours: Callable[..., Any], theirs: Callable[..., Any], x: np.ndarray
) -> None:
    their_x = torch.tensor(x, requires_grad=True)
    their_value = theirs(their_x)
    their_value.backward()
    value, gradient = cr.value_and_grad(ours)(cr.tensor(x))
    np.testing.assert_allclose(value.item(), their_value.item(), rtol=1e-13)
    np.testing.assert_allclose(gradient.numpy(), their_x.grad.numpy(), atol=1e-15)
