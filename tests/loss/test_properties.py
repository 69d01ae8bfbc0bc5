"""Properties of losses, on random scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import loss

ROWS: dict[str, Callable[..., Any]] = {
    "cross_entropy": loss.cross_entropy,
    "negative_log_likelihood": loss.negative_log_likelihood,
    "hinge": loss.hinge,
    "squared_hinge": loss.squared_hinge,
}
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 5))
SEEDS = st.integers(0, 2**32 - 1)
each_loss = pytest.mark.parametrize("name", ROWS)
few = settings(max_examples=25)


def drawn(shape: tuple[int, int], seed: int, scale: float = 3.0) -> tuple[Any, Any, Any]:
    """Scores, labels, and the generator for what else is needed."""
    generator = np.random.default_rng(seed)
    scores = scale * generator.standard_normal(shape)
    return cr.tensor(scores), cr.tensor(generator.integers(0, shape[1], shape[0])), generator


def assert_same(name: str, *calls: tuple[Any, Any, dict[str, Any]]) -> None:
    """All calls have one loss."""
    values = [ROWS[name](s, y, **settings).item() for s, y, settings in calls]
    np.testing.assert_allclose(values, values[0], rtol=1e-10, atol=1e-12)


@each_loss
@few
@given(SHAPES, SEEDS, st.floats(0.01, 100))
def test_equal_weights_are_no_weights(
    name: str, shape: tuple[int, int], seed: int, weight: float
) -> None:
    scores, labels, _ = drawn(shape, seed)
    weights = [weight] * shape[1]
    assert_same(name, (scores, labels, {}), (scores, labels, {"class_weights": weights}))


@each_loss
@few
@given(SHAPES, SEEDS)
def test_whole_weights_are_repeated_rows(name: str, shape: tuple[int, int], seed: int) -> None:
    scores, labels, generator = drawn(shape, seed)
    weights = generator.integers(1, 4, shape[1])
    often = np.repeat(np.arange(shape[0]), weights[labels.numpy()])
    repeated = cr.tensor(scores.numpy()[often]), cr.tensor(labels.numpy()[often])
    assert_same(name, (scores, labels, {"class_weights": weights}), (*repeated, {}))


@each_loss
@few
@given(SHAPES, SEEDS, st.sampled_from([-100, 0, 2, 99]))
def test_ignoring_rows_is_dropping_them(
    name: str, shape: tuple[int, int], seed: int, ignored: int
) -> None:
    scores, labels, generator = drawn(shape, seed)
    marked = np.where(generator.random(shape[0]) < 0.4, ignored, labels.numpy())
    kept = marked != ignored
    if not kept.any():
        return
    weights = generator.uniform(0.5, 2, shape[1])
    for given_weights in ({}, {"class_weights": weights}):
        assert_same(
            name,
            (scores, cr.tensor(marked), {"ignore_index": ignored, **given_weights}),
            (cr.tensor(scores.numpy()[kept]), cr.tensor(marked[kept]), given_weights),
        )


@few
@given(SHAPES, SEEDS, st.floats(0, 1))
def test_smoothing_mixes_with_the_even_targets(
    shape: tuple[int, int], seed: int, share: float
) -> None:
    scores, labels, generator = drawn(shape, seed)
    weights = generator.uniform(0.5, 2, shape[1])
    assert_same("cross_entropy", (scores, labels, {}), (scores, labels, {"label_smoothing": 0.0}))
    mixed = (1 - share) * np.eye(shape[1])[labels.numpy()] + share / shape[1]
    assert_same(
        "cross_entropy",
        (scores, labels, {"label_smoothing": share}),
        (scores, cr.tensor(mixed), {}),
    )
    one_hot = cr.one_hot(labels, shape[1])
    smoothed = {"label_smoothing": share, "class_weights": weights}
    assert_same("cross_entropy", (scores, one_hot, smoothed), (scores, mixed, smoothed | {
        "label_smoothing": 0.0
    }))  # fmt: skip


@few
@given(SHAPES, SEEDS, st.floats(-1e6, 1e6))
def test_a_shift_of_all_logits_changes_nothing(
    shape: tuple[int, int], seed: int, shift: float
) -> None:
    scores, labels, generator = drawn(shape, seed)
    probabilities = cr.tensor(generator.dirichlet(np.ones(shape[1]), shape[0]))
    cases: list[tuple[Callable[..., Any], Any]] = [
        (loss.cross_entropy, labels),
        (loss.cross_entropy, probabilities),
        (loss.kl_divergence, probabilities),
        (loss.hinge, labels),
        (loss.squared_hinge, labels),
    ]
    for function, targets in cases:
        value, gradient = cr.value_and_grad(function)(scores, targets)
        again, same = cr.value_and_grad(function)(scores + shift, targets)
        np.testing.assert_allclose(again.item(), value.item(), rtol=1e-7, atol=1e-7)
        if function not in (loss.hinge, loss.squared_hinge):  # a kink may be crossed by rounding
            np.testing.assert_allclose(same.numpy(), gradient.numpy(), atol=1e-7)
        np.testing.assert_allclose(gradient.numpy().sum(axis=-1), 0, atol=1e-9)


@few
@given(SHAPES, SEEDS, st.sampled_from(["float32", "float64"]))
def test_losses_and_their_gradients_are_finite_at_logits_of_ten_thousand(
    shape: tuple[int, int], seed: int, dtype: str
) -> None:
    generator = np.random.default_rng(seed)
    scores = cr.tensor(1e4 * generator.choice([-1.0, 0.0, 1.0], shape), dtype=dtype)
    labels = cr.tensor(generator.integers(0, shape[1], shape[0]))
    probabilities = cr.one_hot(labels, shape[1]).astype(dtype)
    weights = generator.uniform(0.5, 2, shape[1])
    cases: list[tuple[Callable[..., Any], Any, dict[str, Any]]] = [
        *[(f, labels, {"class_weights": weights, "ignore_index": -1}) for f in ROWS.values()],
        *[(f, labels, {}) for f in ROWS.values()],
        (loss.cross_entropy, labels, {"label_smoothing": 0.1}),
        (loss.cross_entropy, probabilities, {}),
        (loss.kl_divergence, probabilities, {}),
        (loss.binary_logistic, probabilities, {"positive_weight": 3.0}),
        (loss.absolute, probabilities, {}),
        (loss.huber, probabilities, {}),
        (loss.squared, probabilities, {}),
    ]
    for function, targets, given_settings in cases:
        value, gradient = cr.value_and_grad(function)(scores, targets, **given_settings)
        assert value.dtype.name == gradient.dtype.name == dtype
        assert np.isfinite(value.numpy()), function
        assert np.isfinite(gradient.numpy()).all(), function


@few
@given(st.floats(-50, 50), st.floats(0, 1))
def test_the_binary_loss_of_the_other_answer_is_that_of_the_other_logit(
    logit: float, answer: float
) -> None:
    one = loss.binary_logistic(cr.tensor([logit]), cr.tensor([answer])).item()
    other = loss.binary_logistic(cr.tensor([-logit]), cr.tensor([1 - answer])).item()
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)


@few
@given(SHAPES, SEEDS, st.floats(0.01, 10))
def test_huber_lies_below_half_the_squared_and_delta_times_the_absolute_loss(
    shape: tuple[int, int], seed: int, delta: float
) -> None:
    generator = np.random.default_rng(seed)
    a, b = (cr.tensor(generator.standard_normal(shape)) for _ in range(2))
    value = loss.huber(a, b, delta=delta).item()
    assert value <= 0.5 * loss.squared(a, b).item() * (1 + 1e-12)
    assert value <= delta * loss.absolute(a, b).item() * (1 + 1e-12)
