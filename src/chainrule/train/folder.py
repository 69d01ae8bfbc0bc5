"""The run folder of a ``fit``: made, gone on with, finished."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chainrule import tree
from chainrule.errors import CheckpointError
from chainrule.train import run
from chainrule.train.durable import PathLike
from chainrule.train.encoding import decode_json, encode_json
from chainrule.train.evaluation import evaluate
from chainrule.train.final import arrays_of
from chainrule.train.progress import Progress, unpack
from chainrule.train.reporting import machine, report_of, write_report
from chainrule.train.run import Run
from chainrule.train.task import Task
from chainrule.wording import plural

__all__ = ["finish", "go_on", "is_done", "open_or_create"]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def open_or_create(folder: PathLike, task: Task, model: Any) -> Run:
    """Open the run of this task in a folder to write in it, or make one.

    Raises:  CheckpointError: the folder holds a run with other settings, or something else.
    """
    config = decode_json(encode_json(_settings(task, model), "settings"), "settings")
    if not (Path(folder) / "config.json").exists():
        return run.create(folder, config)
    opened = run.open(folder, write=True)
    try:
        _check_same(opened, config)
    except BaseException:
        opened.close()
        raise
    return opened


def go_on(opened: Run, start: Progress) -> tuple[Progress, tuple[Mapping[str, Any], ...]]:
    """Give the Progress of the last checkpoint and the records up to it; or the beginning.

    Warns:   RuntimeWarning: a checkpoint that is not whole was passed over for one before it.
    """
    progress, loaded = start, opened.latest()
    if loaded is not None:
        progress = unpack(loaded.checkpoint, start)
        for warning in loaded.warnings:
            warnings.warn(f"{opened.path}: {warning}", RuntimeWarning, stacklevel=2)
    opened.rewind(progress.step, progress.epoch)
    return progress, tuple(opened.metrics())


def is_done(opened: Run, history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the final model of a training with these records is there, and whole.

    Warns:   RuntimeWarning: it is there and not whole.
    """
    if not opened.finished:
        return False
    try:
        opened.load_model()
    except CheckpointError as error:
        warnings.warn(f"{error}; it is written anew", RuntimeWarning, stacklevel=2)
        return False
    return opened.finished_epochs() == len(history)


def finish(opened: Run, task: Task, model: Any, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the final model, and the report with its figures on the validation data."""
    last = dict(history[-1]) if history else {}
    figures = {name: value for name, value in last.items() if isinstance(value, float)}
    opened.save_model(
        arrays_of(model), {"model": "of the caller's own", "figures": _finite(figures)}
    )
    held_out, seconds = task.validation, sum(record.get("seconds") or 0.0 for record in history)
    report = report_of(
        f"{task.data.name} · {type(model).__name__}",
        task,
        model,
        history,
        None if held_out is None else evaluate(model, held_out, task.loss),
        held_out,
        part="validation",
        config={name: value for name, value in opened.config.items() if name != "model"},
        timings={"training": seconds},
        machine=machine(),
    )
    write_report(opened.path, report)


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if abs(value) < float("inf")}


def _check_same(opened: Run, config: Mapping[str, Any]) -> None:
    there = {"precision": "float32", **opened.config}  # older folders do not say it
    others = [n for n in {**config, **there} if config.get(n) != there.get(n)]
    if not others:
        return
    width = max(map(len, others))
    rows = [f"    {n:<{width}}  {_shown(there, n)} there, {_shown(config, n)} now" for n in others]
    raise CheckpointError(
        f"fit: {opened.path} holds a run with other settings\n\n" + "\n".join(rows) + "\n\n"
        "  To go on with it they must be the same. Give another folder."
    )


def _shown(config: Mapping[str, Any], name: str) -> str:
    text = str(config.get(name, "nothing"))
    return text if len(text) <= 60 else f"{text[:59]}…"


def _settings(task: Task, model: Any) -> dict[str, Any]:
    """What decides a training, as far as it can be written down."""
    return {
        "model": {path: f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in tree.paths(model)},
        "data": f"{task.data.name}, {plural(len(task.data), 'example')}",
        "validation": len(task.validation) if task.validation is not None else 0,
        "loss": _name(task.loss),
        "optimizer": _ADDRESS.sub("", repr(task.optimizer)),
        "epochs": task.epochs,
        "batch": task.batch,
        "steps_per_epoch": task.steps_per_epoch,
        "seed": task.seed,
        "l2": task.l2,
        "l1": task.l1,
        "penalty": None if task.penalty is None else _name(task.penalty),
        "augment": [_ADDRESS.sub("", repr(step)) for step in task.augment],
        "precision": task.precision,
    }


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else _ADDRESS.sub("", repr(function))
