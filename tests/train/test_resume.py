"""Going on from a checkpoint gives the bits of a training that was never stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import augmentation, digits
from chainrule.optim import (
    SGD,
    Accumulated,
    Adagrad,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    Grouped,
    Lion,
    Muon,
    ReduceOnPlateau,
    RMSProp,
)  # fmt: skip
from chainrule.train import checkpoint
from chainrule.train.loop import steps
from chainrule.train.progress import Progress, cells, pack, unpack
from chainrule.train.task import Task, begin

CLOCK = {"seconds", "samples_per_second"}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.05, momentum=0.9, weight_decay=1e-4),
    "nesterov": lambda: SGD(cr.schedule.cosine(0.05, 12), momentum=0.9, nesterov=True),
    "adam": lambda: Adam(cr.schedule.one_cycle(0.01, 12)),
    "adamw": lambda: AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda: RMSProp(0.001),
    "adagrad": lambda: Adagrad(0.01),
    "lion": lambda: Lion(0.001),
    "muon": lambda: Muon(0.01),
    "clipped by norm": lambda: Clipped(Adam(0.01), norm=0.1),
    "clipped by value": lambda: Clipped(SGD(0.1), value=0.01),
    "accumulated": lambda: Accumulated(Adam(0.01), every=3),
    "averaged": lambda: Averaged(AdamW(0.01), decay=0.9),
    "grouped": lambda: Grouped({"layers.0.*": SGD(0.01, momentum=0.9), "*": Adam(0.01)}),
    "plateau": lambda: ReduceOnPlateau(SGD(0.1), factor=0.5, patience=0, threshold=10.0),
    "all around": lambda: Averaged(
        ReduceOnPlateau(Accumulated(Clipped(AdamW(0.01), norm=1.0), every=2), patience=0)
    ),
}


def images(count: int = 150) -> cr.data.Dataset:
    """Digits as images, channels first."""
    return digits()[0].take(np.arange(count)).as_images("CHW")


def network() -> cr.nn.Sequential:
    """A network with all that is drawn or gathered while it trains."""
    with cr.nn.seed(1):
        return cr.nn.Sequential(
            cr.nn.Conv2d(1, 4, 3),
            cr.nn.BatchNorm(4),
            cr.relu,
            cr.nn.Flatten(),
            cr.nn.Dropout(0.3),
            cr.nn.Linear(4 * 6 * 6, 10),
        )


def task(optimizer: str, *, count: int = 150, **changes: Any) -> Task:
    """Two epochs of five steps, the last one smaller than the others unless there are 160."""
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch": 32,
        "seed": 5,
        "l2": 1e-4,
        "validation": images(40),
        "augment": augmentation.parse("flip,crop:1,cutout:2"),
    }
    settings |= changes
    return Task(images(count), cr.loss.cross_entropy, OPTIMIZERS[optimizer](), **settings)


def everything(progress: Progress) -> dict[str, bytes]:
    """All bits that a training has gathered."""
    trees = {"model": progress.model, "slots": progress.slots}
    bits = {
        f"{part}.{path}": leaf.numpy().tobytes()
        for part, values in trees.items()
        for path, leaf in cr.tree.paths(values)
    }
    held = {path: cell.value.numpy().tobytes() for path, cell in cells(progress.model).items()}
    return {**bits, **held}


def records(taken: list[Progress]) -> list[dict[str, Any]]:
    """The figures without those of the clock."""
    found = [progress.record for progress in taken if progress.record is not None]
    return [{k: v for k, v in record.items() if k not in CLOCK} for record in found]


def check(make: Callable[[], Task], places: tuple[int, ...], folder: Path) -> None:
    """N steps give the bits of k steps, a checkpoint, and N − k steps."""
    whole = []
    for progress in steps(make(), begin(make(), network())):
        whole.append(progress)
        if progress.step in places:  # what is saved here is what a training that ends here saves
            checkpoint.save(folder / str(progress.step), pack(progress))
    end = everything(whole[-1])
    for k in places:
        fresh = make()
        again = unpack(checkpoint.load(folder / str(k)).checkpoint, begin(fresh, network()))
        rest = list(steps(fresh, again))
        assert everything(rest[-1]) == end
        assert records(whole[:k] + rest) == records(whole)
        assert [p.step for p in whole[:k] + rest] == [p.step for p in whole]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_training_is_bit_equal_to_one_that_was_never_stopped(
    optimizer: str, tmp_path: Path
) -> None:
    places = (5,) if optimizer == "plateau" else (3,)
    check(lambda: task(optimizer, count=160), places, tmp_path)  # one program for all steps


@pytest.mark.parametrize(
    "changes",
    [
        {"prefetch": 2},
        {"steps_per_epoch": 3, "epochs": 3},  # goes on with the data across the ends of epochs
        {"steps_per_epoch": 12, "epochs": 1, "prefetch": 1},
        {"augment": augmentation.parse("color:0.3"), "validation": None},
        {"penalty": lambda model: cr.loss.l1(model, 1e-3, "layers.0.*")},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_with_every_setting(changes: dict[str, Any], tmp_path: Path) -> None:
    check(lambda: task("adam", **changes), (2, 4), tmp_path)


def test_prefetching_changes_no_bit() -> None:
    ends = [list(steps(task("adam", prefetch=n), begin(task("adam"), network()))) for n in (0, 3)]
    assert everything(ends[0][-1]) == everything(ends[1][-1])


def test_epochs_of_another_length_take_the_same_steps() -> None:
    usual, short = (
        list(steps(task("sgd", **changes), begin(task("sgd"), network())))
        for changes in ({"epochs": 2}, {"epochs": 5, "steps_per_epoch": 2})
    )
    assert everything(usual[-1]) == everything(short[-1])
    assert len(records(usual)) == 2
    assert [record["step"] for record in records(short)] == [2, 4, 6, 8, 10]
    for two, one in zip(zip(usual[::2], usual[1::2], strict=True), records(short), strict=True):
        assert one["loss"] == pytest.approx(np.mean([p.loss for p in two]), rel=0.2)
