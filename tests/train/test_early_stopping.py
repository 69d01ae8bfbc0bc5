"""When a training that gets no better ends, and with which model."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.fit import fit
from chainrule.train.monitor import Monitor
from chainrule.train.progress import Progress

NAN = float("nan")


def epochs_until_the_end(figures: list[float], **settings: Any) -> int:
    """Feed figures, one an epoch; say after how many it ends."""
    stopping = EarlyStopping("loss", **settings)
    progress = Progress(cr.tensor(0.0), {}, 1)
    stopping.on_start(progress, (), None)
    for count, figure in enumerate(figures, 1):
        if stopping.on_epoch({"loss": figure, "step": count}, progress):
            return count
    return 0


@pytest.mark.parametrize(
    ("figures", "settings", "end"),
    [
        ([3.0, 2.0, 1.0], {"patience": 1}, 0),
        ([3.0, 2.0, 2.0], {"patience": 1}, 3),
        ([3.0, 2.0, 2.5, 1.9, 2.0, 2.0], {"patience": 2}, 6),
        ([3.0, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5}, 3),
        ([3.0, 2.9, 2.8, 2.4, 2.3], {"patience": 3, "min_delta": 0.5}, 0),  # together it is enough
        ([NAN, NAN, 1.0], {"patience": 2}, 2),
        ([1.0, NAN, 0.5, NAN], {"patience": 2}, 0),
        ([1.0, -float("inf"), 0.9], {"patience": 2}, 0),
        ([0.1, 0.2, 0.2], {"patience": 1, "largest": True}, 3),
    ],
)
def test_it_ends_when_patience_is_over(
    figures: list[float], settings: dict[str, Any], end: int
) -> None:
    assert epochs_until_the_end(figures, **settings) == end


@pytest.mark.parametrize("restore", [True, False])
def test_the_best_model_comes_back_with_its_state(restore: bool) -> None:
    class Counting(cr.nn.Module):
        w: cr.Tensor
        calls: cr.State

        def __call__(self, x: Any) -> Any:
            self.calls.value = self.calls.value + 1.0
            return x[:, 0] * self.w

    data = cr.data.Dataset(np.ones((4, 1), np.float32), np.zeros(4, np.float32))
    rate = 2.5  # w ← (1 − 2.5) w: it diverges from the first step on
    model = Counting(cr.tensor(1.0), cr.State(0.0))

    def loss(outputs: Any, targets: Any) -> Any:
        return 0.5 * cr.mean((outputs - targets) ** 2)

    stopping = EarlyStopping(patience=2, restore=restore)
    fitted = fit(
        model, data, loss=loss, optimizer=cr.optim.SGD(rate), epochs=9, callbacks=[stopping]
    )
    assert len(fitted.history) == 3
    assert fitted.model.w.item() == pytest.approx(-1.5 if restore else -3.375)
    assert fitted.model.calls.value.item() == (1.0 if restore else 3.0)
    assert stopping.figure == fitted.history[0]["loss"]


def test_what_is_better_follows_from_the_name() -> None:
    for name in ("loss", "validation_loss", "mean_absolute_error", "perplexity", None):
        assert Monitor(name).is_better(1.0, than=2.0)
    for name in ("accuracy", "validation_r_squared"):
        assert Monitor(name).is_better(2.0, than=1.0)
    assert not Monitor("loss").is_better(1.0, than=1.0)
    assert Monitor().named({"loss": 1.0}) == "loss"
    assert Monitor().named({"loss": 1.0, "validation_loss": 1.0}) == "validation_loss"
    assert np.isnan(Monitor("loss").of({"loss": None}))
