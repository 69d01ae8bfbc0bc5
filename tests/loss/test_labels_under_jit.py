"""Labels whose values are not known when a program is recorded: one that is no class is noticed."""

from collections.abc import Callable
from typing import Any

import pytest

import chainrule as cr
from chainrule import loss

SCORES = cr.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]])
LOSSES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (loss.cross_entropy, {}),
    (loss.cross_entropy, {"label_smoothing": 0.1}),
    (loss.cross_entropy, {"class_weights": [1.0, 2.0, 1.0]}),
    (loss.cross_entropy, {"ignore_index": 9}),
    (loss.negative_log_likelihood, {}),
    (loss.hinge, {}),
    (loss.squared_hinge, {"ignore_index": 9}),
]


@pytest.mark.parametrize(("function", "settings"), LOSSES)
@pytest.mark.parametrize("stranger", [3, -1])
def test_a_label_that_is_no_class_makes_the_loss_nan(
    function: Callable[..., Any], settings: dict[str, Any], stranger: int
) -> None:
    jitted = cr.jit(lambda s, y: function(s, y, **settings))
    labels = cr.tensor([0, 2])
    assert float(jitted(SCORES, labels)) == pytest.approx(
        float(function(SCORES, labels, **settings)), rel=1e-12
    )
    assert cr.isnan(jitted(SCORES, cr.tensor([0, stranger])))


def test_the_ignored_label_is_no_stranger() -> None:
    jitted = cr.jit(lambda s, y: loss.cross_entropy(s, y, ignore_index=-1))
    assert not cr.isnan(jitted(SCORES, cr.tensor([0, -1])))


def test_small_integers_are_labels_too() -> None:
    jitted = cr.jit(loss.cross_entropy)
    assert not cr.isnan(jitted(SCORES, cr.tensor([0, 2], dtype=cr.uint8)))
    assert cr.isnan(jitted(SCORES, cr.tensor([0, 200], dtype=cr.uint8)))


@pytest.mark.parametrize(("function", "settings"), LOSSES)
def test_a_loss_keeps_the_dtype_of_the_scores(
    function: Callable[..., Any], settings: dict[str, Any]
) -> None:
    jitted = cr.jit(lambda s, y: function(s, y, **settings))
    assert jitted(SCORES.astype(cr.float32), cr.tensor([0, 2])).dtype is cr.float32
