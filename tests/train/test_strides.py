"""Several steps as one program: the bits of single steps, and nobody is told later than promised."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import augmentation, digits
from chainrule.train import checkpoint, loop
from chainrule.train.loop import steps
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress, cells, pack, unpack
from chainrule.train.task import Task, begin
from tests.train.test_resume import OPTIMIZERS, everything, network, records


def images(count: int = 460) -> cr.data.Dataset:
    """Digits as bytes, channels first: 14 full batches of 32 and one of 12."""
    return digits()[0].take(np.arange(count)).as_images("CHW")


def task(optimizer: Any = None, **changes: Any) -> Task:
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch": 32,
        "seed": 5,
        "l2": 1e-4,
        "augment": augmentation.parse("flip,crop:1,cutout:2"),
    }
    data = changes.pop("data", None)
    return Task(
        images() if data is None else data,
        changes.pop("loss", cr.loss.cross_entropy),
        optimizer or cr.optim.Adam(0.01),
        **{**settings, **changes},
    )


def willing(given: Task, most: int = 5) -> Pace:
    """Strides as soon as enough single steps were taken."""
    return Pace(given, aim=1e9, saved=(1e9, 0.0), most=most)


def taken(make: Callable[[], Task], model: Callable[[], Any], most: int) -> list[Progress]:
    given = make()
    return list(steps(given, begin(given, model()), willing(given, most) if most else None))


def check(make: Callable[[], Task], model: Callable[[], Any] = network, most: int = 5) -> None:
    """Strides give the bits of single steps."""
    single, strides = taken(make, model, 0), taken(make, model, most)
    assert len(strides) < len(single)
    assert everything(strides[-1]) == everything(single[-1])
    assert records(strides) == records(single)
    of_step = {progress.step: progress for progress in single}
    for progress in strides:
        then = of_step[progress.step]
        assert (progress.epoch, progress.batch) == (then.epoch, then.batch)
        assert progress.loss == then.loss
        assert progress.tally.loss == then.tally.loss
        assert progress.tally.correct == then.tally.correct
        assert progress.tally.seen == then.tally.seen
        assert progress.tally.examples == then.tally.examples


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_strides_give_the_bits_of_single_steps(optimizer: str) -> None:
    check(lambda: task(OPTIMIZERS[optimizer]()))
