"""Schedules, as functions of a step that need not be a whole number."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule import schedule
from tests.cases.case import Case, Spec


def _cosine(t: Any) -> Any:
    warm = 0.1 * (t + 1) / 3
    return np.where(t < 2, warm, 0.01 + 0.045 * (1 + np.cos(np.pi * (t - 2) / 8)))


def _one_cycle(t: Any) -> Any:
    up = 0.1 + 0.5 * (0.004 - 0.1) * (1 + np.cos(np.pi * t / 2.3))
    low = 0.004 / 1e4
    down = low + 0.5 * (0.1 - low) * (1 + np.cos(np.pi * (t - 2.3) / 7.7))
    return np.where(t < 2.3, up, down)


def _restarts(t: Any) -> Any:
    start, length = (0, 1) if t < 1 else (1, 3) if t < 4 else (4, 9)
    return 0.1 + 0.2 * (1 + np.cos(np.pi * (t - start) / length))


RISING, FALLING = schedule.warm_up(0.5, 4), schedule.exponential(0.5, 0.25, steps=2)
WARM_AND_FALLING = schedule.product((schedule.warm_up(1.0, 4, start=0.2), FALLING, 3.0))

# The steps drawn are between 0.5 and 2.5 (positive), or between 1.2 and 4 (large).
CASES = [
    Case(name, function, (Spec(kind, ()),), value)
    for name, function, kind, value in (
        (
            "constant schedule",
            schedule.constant(0.25),
            "positive",
            lambda t: np.full_like(t, 0.25),
        ),
        ("cosine schedule", schedule.cosine(0.1, 10, warmup=2, floor=0.01), "positive", _cosine),
        ("one-cycle schedule", schedule.one_cycle(0.1, 11), "large", _one_cycle),
        (
            "inverse-time schedule",
            schedule.inverse_time(0.5, 0.25),
            "positive",
            lambda t: 0.5 / (1 + 0.25 * t),
        ),
        (
            "step schedule",
            schedule.step(0.5, 1, 0.5),
            "positive",
            lambda t: 0.5 * 0.5 ** np.floor(t),
        ),
        (
            "milestones schedule",
            schedule.milestones(0.5, (1, 3), 0.1),
            "large",
            lambda t: np.where(t < 3, 0.05, 0.005),
        ),
        ("exponential schedule", FALLING, "positive", lambda t: 0.5 * 0.5**t),
        (
            "polynomial schedule",
            schedule.polynomial(0.5, 5, power=2.5, floor=0.1),
            "large",
            lambda t: 0.1 + 0.4 * (1 - t / 5) ** 2.5,
        ),
        ("line schedule", schedule.polynomial(0.5, 5), "large", lambda t: 0.5 * (1 - t / 5)),
        ("warm-up schedule", RISING, "positive", lambda t: 0.5 * (t + 1) / 5),
        ("restarts schedule", schedule.cosine_restarts(0.5, 1, 3, 0.1), "large", _restarts),
        (
            "even restarts schedule",
            schedule.cosine_restarts(0.5, 5),
            "large",
            lambda t: 0.25 * (1 + np.cos(np.pi * t / 5)),
        ),
        (
            "chain of schedules",
            schedule.chain((RISING, FALLING), (1,)),
            "large",
            lambda t: 0.5 * 0.5 ** (t - 1),
        ),
        (
            "product of schedules",
            WARM_AND_FALLING,
            "positive",
            lambda t: 3 * (0.2 + 0.2 * t) * 0.5 * 0.5**t,
        ),
    )
]
