"""A small training with all that is drawn or gathered, in a run folder, and what it leaves.

It saves after each step. Run as a program, it trains in the folder that is its argument.
"""

import functools
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.errors import CheckpointError
from chainrule.train import run
from chainrule.train.checkpointing import Checkpoints

CLOCK = {"seconds", "samples_per_second"}


def network() -> cr.nn.Sequential:
    """A network that has State cells of two kinds."""
    with cr.nn.seed(1):
        layers = cr.nn.Flatten(), cr.nn.Linear(64, 8), cr.nn.BatchNorm(8), cr.nn.Dropout(0.3)
        return cr.nn.Sequential(*layers, cr.nn.Linear(8, 10))


def train(folder: Path, epochs: int = 3, **changes: Any) -> cr.train.Fitted:
    """Train in a folder, or go on there."""
    defaults = Checkpoints.__init__.__kwdefaults__
    assert defaults is not None
    usual = defaults["pauses"]
    defaults["pauses"] = (0.0, 0.0)
    settings: dict[str, Any] = {
        "batch": 25,
        "seed": 3,
        "validation": 0.2,
        "augment": "crop:1",
        "prefetch": 2,
        "keep": 2,
        "optimizer": cr.optim.Averaged(cr.optim.Adam(0.01), decay=0.9),
    }
    try:
        return cr.train.fit(
            network(), images(), epochs=epochs, folder=folder, **{**settings, **changes}
        )
    finally:
        defaults["pauses"] = usual


@functools.cache
def images() -> cr.data.Dataset:
    """Sixty digits, channels first."""
    return cr.data.digits()[0].take(np.arange(60)).as_images("CHW")


def outcome(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The digest of the final weights, and the records without the clock."""
    opened = run.open(folder)
    opened.load_model()
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return weights, [{k: v for k, v in r.items() if k not in CLOCK} for r in opened.metrics()]


def partials(folder: Path) -> list[str]:
    """The temporary files and folders that are there."""
    return [path.name for path in folder.rglob(".*")]


def fault_of(action: Any) -> str:
    """What a CheckpointError says that an action raises; nothing if it raises none."""
    try:
        action()
    except CheckpointError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    train(Path(sys.argv[1]))
