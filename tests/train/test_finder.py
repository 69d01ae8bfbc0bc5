"""The learning-rate range test."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.train.finder import RateCurve, find_learning_rate
from chainrule.train.progress import cells


def quadratic(curvature: float) -> tuple[Any, Any]:
    """A model w and data whose loss is curvature/2 · w²: rates above 2/curvature diverge."""
    data = cr.data.Dataset(np.ones((64, 1), np.float32), np.zeros(64, np.float32))

    class Number(cr.nn.Module):
        w: cr.Tensor
        calls: cr.State

        def __call__(self, x: Any) -> Any:
            self.calls.value = self.calls.value + 1.0
            return x[:, 0] * self.w

    return Number(cr.tensor(1.0), cr.State(0.0)), data


@pytest.mark.parametrize("curvature", [0.1, 1.0, 100.0])
def test_the_suggested_rate_is_one_that_converges(curvature: float) -> None:
    model, data = quadratic(curvature)

    def loss(outputs: Any, targets: Any) -> Any:
        return 0.5 * curvature * cr.mean((outputs - targets) ** 2)

    found = find_learning_rate(
        model, data, loss=loss, optimizer=cr.optim.SGD, low=1e-4 / curvature, high=100 / curvature
    )
    limit = 2 / curvature
    assert 0.01 * limit < found.suggestion < 0.5 * limit
    assert found.lowest > found.suggestion
    assert len(found.rates) < 100  # it ended when the loss had diverged
    assert found.losses[-1] > found.losses.min()


def test_the_rates_rise_by_one_factor_and_the_steps_are_taken_with_them() -> None:
    model, data = quadratic(1.0)

    def loss(outputs: Any, targets: Any) -> Any:
        return cr.mean(outputs) + 10.0  # the gradient is 1, so w falls by the rate

    found = find_learning_rate(
        model, data, loss=loss, optimizer=cr.optim.SGD, low=1e-3, high=1.0, steps=31
    )
    np.testing.assert_allclose(found.rates, np.geomspace(1e-3, 1.0, 31))
    np.testing.assert_allclose(-np.diff(found.losses), found.rates[:-1], rtol=1e-4)
    assert found.smoothed[0] == pytest.approx(found.losses[0])


def test_the_model_is_as_it_was() -> None:
    model, data = quadratic(1.0)
    find_learning_rate(model, data, loss=cr.loss.squared)
    assert model.w.item() == 1.0
    assert [cell.value.item() for cell in cells(model).values()] == [0.0]


def test_the_suggestion_is_where_the_loss_falls_fastest() -> None:
    rates = np.geomspace(1e-5, 1.0, 51)
    fall = 1 / (1 + np.exp(4 * np.log10(rates / 1e-3)))  # steepest at 0.001
    rise = np.where(rates > 0.3, 10 * (rates - 0.3), 0)
    curve = RateCurve(rates, fall + rise, fall + rise)
    assert curve.steepest == pytest.approx(1e-3, rel=0.3)
    assert curve.suggestion == pytest.approx(1e-3, rel=0.3)
    assert repr(curve).startswith("RateCurve(51 steps from 1e-05 to 1: suggestion 0.00")


def test_where_the_loss_falls_at_no_rate_there_is_no_suggestion() -> None:
    rising = np.linspace(1.0, 2.0, 30)
    curve = RateCurve(np.geomspace(1e-5, 1.0, 30), rising, rising)
    assert curve.suggestion is None
    assert repr(curve) == "RateCurve(30 steps from 1e-05 to 1: no suggestion)"
