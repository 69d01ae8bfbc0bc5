"""A training in a run folder: from the first step, or from the last checkpoint, to the report."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import click

from chainrule.cli.config import Config, from_stored, resolve
from chainrule.cli.display import Display, display
from chainrule.cli.finish import finish
from chainrule.cli.parts import Parts, load_parts, make_model, make_task, split
from chainrule.cli.threads import use_threads
from chainrule.data.registry import NAMES
from chainrule.errors import ArgumentError, NonFiniteError
from chainrule.train import checkpoint, run
from chainrule.train.interrupt import Stop, catch_signals
from chainrule.train.loop import Task, begin, steps
from chainrule.train.progress import Progress, pack, unpack

__all__ = ["resume", "start"]

_EPOCH_PAUSE, _STEP_PAUSE = 1.0, 30.0  # seconds between checkpoints at epochs' ends, inside epochs
_KEYS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM"}


def start(given: Mapping[str, Any]) -> int:
    """Make a run folder and train in it; return the exit code."""
    whole, folder = load_parts(given.get("name"), given.get("data"))
    try:
        options = {name: given[name] for name in Config.__dataclass_fields__ if name in given}
        config = resolve(whole[0].name, folder, {**options, "data": None})
        parts = split(config, whole)
        model = make_model(config, parts.training)
    except ArgumentError as error:
        raise click.UsageError(str(error)) from error
    out = Path(given["out"]) if "out" in given else _free_folder(config)
    with run.create(out, config.stored()) as opened:
        return _Session(opened, config, parts, model).train()


def resume(path: str, folder: str | None, threads: int | None) -> int:
    """Go on with the training of a run folder; return the exit code."""
    with run.open(path, write=True) as opened:
        config = from_stored(opened.config, str(Path(path) / "config.json"), NAMES)
        if folder is not None:
            config = replace(config, folder=str(Path(folder).absolute()))
        use_threads(threads or config.threads)
        whole, _ = load_parts(config.data, config.folder)
        parts = split(config, whole)
        return _Session(opened, config, parts, make_model(config, parts.training)).train()


def _free_folder(config: Config) -> Path:
    name = f"{config.data}-{config.model}".replace(":", "-").replace(",", "-")
    candidate, number = Path("runs") / name, 1
    while candidate.exists():
        number += 1
        candidate = Path("runs") / f"{name}-{number}"
    return candidate


@final
@dataclass(frozen=True, eq=False)
class _Session:
    """A run folder, and what is trained in it: ``model`` has the first weights."""

    opened: run.Run
    config: Config
    parts: Parts
    model: Any

    def train(self) -> int:
        """Train until the end or until someone asks to stop."""
        clock = time.perf_counter()
        task = make_task(self.config, self.parts)
        first = begin(task, self.model)
        with (
            display(task.epochs, task.data.batch_count(task.batch)) as shown,
            catch_signals() as stop,
        ):
            progress = self._latest(first, shown)
            _introduce(shown, self.opened.path, self.parts, progress, task)
            progress = self._advance(task, progress, shown, stop)
            if progress.step == task.total_steps:
                finish(self.opened, self.config, self.parts, task, progress, clock, shown)
                return 0
        return self._stopped(stop, progress, task)

    def _latest(self, first: Progress, shown: Display) -> Progress:
        """The last checkpoint, or the beginning if there is none yet."""
        progress = first
        if checkpoint.steps(self.opened.checkpoints):
            loaded = checkpoint.load(self.opened.checkpoints)
            for warning in loaded.warnings:
                sys.stderr.write(f"{warning}\n")
            progress = unpack(loaded.checkpoint, first)
            shown.note(f"going on after step {progress.step:,}")
        self.opened.rewind(progress.step)
        return progress

    def _advance(self, task: Task, progress: Progress, shown: Display, stop: Stop) -> Progress:
        saved, start = time.monotonic(), progress
        going = steps(task, start)
        while progress.step < task.total_steps:
            try:
                progress = next(going)
            except NonFiniteError as error:
                raise self._diverged(error, progress) from error
            shown.step(progress)
            if progress.record is not None:
                self.opened.append_metrics(progress.record)
            pause = _STEP_PAUSE if progress.record is None else _EPOCH_PAUSE
            last = progress.step == task.total_steps
            if last or stop.requested or time.monotonic() - saved >= pause:
                checkpoint.save(self.opened.checkpoints, pack(progress))
                saved = time.monotonic()
            if stop.requested:
                break
        return progress

    def _diverged(self, error: NonFiniteError, before: Progress) -> NonFiniteError:
        """Keep the last good step, and say what a user of the command line can do."""
        checkpoint.save(self.opened.checkpoints, pack(before))
        told, _, _ = str(error).removeprefix("fit: ").rpartition("\n\n")
        return NonFiniteError(
            f"{told}\n\n"
            f"  The step was not taken; step {before.step:,} is kept in {self.opened.path}.\n"
            "  To go on from there ends here again, since the same numbers give the same bits:\n"
            "  start anew with a smaller --lr."
        )

    def _stopped(self, stop: Stop, progress: Progress, task: Task) -> int:
        assert stop.signal is not None
        sys.stderr.write(
            f"chainrule train: stopped by {_KEYS[stop.signal.name]} after step {progress.step:,} "
            f"of {task.total_steps:,}; nothing is lost\n\n"
            f"  Go on with: chainrule train --resume {self.opened.path}\n"
        )
        return stop.exit_code


def _introduce(shown: Display, path: Path, parts: Parts, progress: Progress, task: Task) -> None:
    validation = f", {len(parts.validation):,} to validate" if parts.validation else ""
    shown.note(
        f"{parts.training.name}: {len(parts.training):,} examples to train on{validation}, "
        f"{len(parts.test):,} to test"
    )
    left = f"{task.total_steps - progress.step:,}"
    if progress.step:
        left += f" of {task.total_steps:,}"
    shown.note(f"{left} {'step' if task.total_steps == 1 else 'steps'} to take in {path}")
