"""The model of a run folder, ready to be used: the final one, or that of the last checkpoint."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy.typing as npt

from chainrule.cli.config import Config, from_stored
from chainrule.cli.form import MEAN, STD, describe, form_of, restore
from chainrule.cli.models import make_model
from chainrule.cli.parts import make_task, split
from chainrule.cli.sources import load_source
from chainrule.data import Dataset
from chainrule.errors import CheckpointError
from chainrule.train import checkpoint, run
from chainrule.train.final import arrays_of, with_arrays
from chainrule.train.progress import unpack
from chainrule.train.task import begin

__all__ = ["Trained", "description_of", "open_config", "open_trained", "stored_arrays"]


@final
@dataclass(frozen=True, eq=False)
class Trained:
    """A model of a run and what it takes.

    form         the data set without its rows, see ``chainrule.cli.form``
    step         the step of the checkpoint; None for the final model
    description  what the final model says of itself; empty while the run is unfinished
    """

    opened: run.Run
    config: Config
    model: Any
    form: Dataset
    step: int | None
    description: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Which model this is."""
        after = "" if self.step is None else f", unfinished, after step {self.step:,},"
        return f"{self.opened.path}{after}"


def stored_arrays(model: Any, form: Dataset) -> dict[str, npt.NDArray[Any]]:
    """Give what the final model consists of: parameters, State cells, the standardization."""
    return arrays_of(model) | describe(form)[1]


def description_of(config: Config, data: Dataset) -> dict[str, Any]:
    """Give what the final model says of itself."""
    return {"model": config.model, **describe(form_of(data))[0]}


def open_config(path: str) -> tuple[run.Run, Config]:
    """Open a run folder to read it.

    Raises:  CheckpointError: it is no run folder, or its configuration is broken.
    """
    opened = run.open(path)
    return opened, from_stored(opened.config, str(Path(path) / "config.json"))


def open_trained(path: str) -> Trained:
    """Open a run folder and its model.

    Raises:  CheckpointError: it is no run folder; there is no model yet, or it is broken.
    """
    opened, config = open_config(path)
    return _final(opened, config) if opened.finished else _unfinished(opened, config)


def _final(opened: run.Run, config: Config) -> Trained:
    arrays, description = opened.load_model()
    form = restore(description, arrays)
    weights = {name: value for name, value in arrays.items() if name not in (MEAN, STD)}
    model = with_arrays(make_model(config, form), weights)
    return Trained(opened, config, model, form, None, description)


def _unfinished(opened: run.Run, config: Config) -> Trained:
    """What the inputs are scaled by is measured once more: only the final model holds it."""
    if not checkpoint.steps(opened.checkpoints):
        raise CheckpointError(f"{opened.path} has neither a final model nor a checkpoint yet")
    parts = split(config, load_source(config.stored()))
    task = make_task(config, parts)
    first = begin(task, make_model(config, parts.training))
    loaded = checkpoint.load(opened.checkpoints)
    for warning in loaded.warnings:
        sys.stderr.write(f"{warning}\n")
    progress = unpack(loaded.checkpoint, first)
    model = task.optimizer.evaluated(progress.slots, progress.model)
    return Trained(opened, config, model, form_of(parts.training), loaded.step, {})
