"""Schedules give the learning rates of torch.optim.lr_scheduler, where PyTorch is installed."""

import warnings
from typing import Any

import numpy as np
import pytest

from chainrule import optim, schedule

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
S = torch.optim.lr_scheduler if torch else None
RATE = 0.3

PAIRS: dict[str, tuple[schedule.Schedule, Any]] = {
    "step": (schedule.step(RATE, 7, 0.5), lambda o: S.StepLR(o, 7, 0.5)),
    "milestones": (
        schedule.milestones(RATE, (5, 12), 0.2),
        lambda o: S.MultiStepLR(o, [5, 12], 0.2),
    ),
    "exponential": (schedule.exponential(RATE, 0.9), lambda o: S.ExponentialLR(o, 0.9)),
    "polynomial": (schedule.polynomial(RATE, 20), lambda o: S.PolynomialLR(o, 20)),
    "polynomial of power 3": (
        schedule.polynomial(RATE, 20, power=3.0),
        lambda o: S.PolynomialLR(o, 20, 3.0),
    ),
    "warm-up": (
        schedule.warm_up(RATE, 6, start=0.25),
        lambda o: S.LinearLR(o, 0.25, total_iters=6),
    ),
    "cosine": (schedule.cosine(RATE, 40), lambda o: S.CosineAnnealingLR(o, 40)),
    "restarts": (
        schedule.cosine_restarts(RATE, 7, floor=0.01),
        lambda o: S.CosineAnnealingWarmRestarts(o, 7, eta_min=0.01),
    ),
    "growing restarts": (
        schedule.cosine_restarts(RATE, 5, growth=2),
        lambda o: S.CosineAnnealingWarmRestarts(o, 5, 2),
    ),
    "chain": (
        schedule.chain(
            (schedule.warm_up(RATE, 6, start=0.25), schedule.exponential(RATE, 0.8)), (8,)
        ),
        lambda o: S.SequentialLR(
            o, [S.LinearLR(o, 0.25, total_iters=6), S.ExponentialLR(o, 0.8)], [8]
        ),
    ),
    "product": (
        schedule.product((schedule.warm_up(1.0, 6, start=0.25), schedule.exponential(RATE, 0.8))),
        lambda o: S.ChainedScheduler(
            [S.LinearLR(o, 0.25, total_iters=6), S.ExponentialLR(o, 0.8)], optimizer=o
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_forty_rates_are_those_of_torch(name: str) -> None:
    ours, make = PAIRS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = make(optimizer)
        rates = []
        for _ in range(40):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            theirs.step()
    np.testing.assert_allclose([ours(t).item() for t in range(40)], rates, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_the_plateau_is_that_of_torch(seed: int) -> None:
    settings: dict[str, Any] = {"factor": 0.5, "patience": 2, "threshold": 0.05, "cooldown": 3}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    theirs = S.ReduceLROnPlateau(optimizer, min_lr=RATE / 10, **settings)
    ours = optim.ReduceOnPlateau(optim.SGD(RATE), floor=0.1, **settings)
    state = ours.init({})
    figures = 1 + np.cumsum(np.random.default_rng(seed).normal(-0.005, 0.05, 60))
    for figure in np.abs(figures):
        theirs.step(figure)
        state = ours.observe(state, float(figure))
        rate = optimizer.param_groups[0]["lr"]
        np.testing.assert_allclose(ours.current_rate(state), rate, rtol=1e-12)
    assert rate < RATE
