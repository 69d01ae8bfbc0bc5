"""A training in a run folder: from the first step, or from the last checkpoint, to the report."""

import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import click

from chainrule.cli.closed_form import check_settings, is_closed
from chainrule.cli.config import Config, from_stored, resolve
from chainrule.cli.finish import finish
from chainrule.cli.meanwhile import Begun
from chainrule.cli.models import make_model
from chainrule.cli.parts import Parts, make_task, split
from chainrule.cli.sources import TABLE, Source, load_source
from chainrule.cli.threads import use_threads
from chainrule.data import Dataset
from chainrule.data.registry import NAMES
from chainrule.errors import ArgumentError, CheckpointError, NonFiniteError
from chainrule.train import checkpoint, run
from chainrule.train.callbacks import Callback, Records
from chainrule.train.checkpointing import Checkpoints
from chainrule.train.display import Display, display
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.evaluation import evaluate
from chainrule.train.folder import go_on
from chainrule.train.interrupt import catch_signals
from chainrule.train.progress import Progress
from chainrule.train.task import Task, begin
from chainrule.train.training import Ended, train
from chainrule.wording import plural

__all__ = ["made", "resume", "start", "start_or_go_on"]

_FEW_TEXTS = 20  # that a column may have, whatever the number of rows
_KEYS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM"}


def start(given: Mapping[str, Any], begun: Begun | None = None) -> int:
    """Make a run folder and train in it; return the exit code."""
    config, parts, model = made(given, begun)
    out = Path(given["out"]) if "out" in given else _free_folder(config)
    with run.create(out, config.stored()) as opened:
        return _Session(opened, config, parts, model).train()


def start_or_go_on(given: Mapping[str, Any], out: Path, quiet: bool = False) -> int:
    """Train in a folder, whether or not it holds a run with these settings; return the exit code.

    A finished run stays as it is.

    Raises:  CheckpointError: the folder holds a run with other settings.
    """
    config, parts, model = made(given)
    if (out / "config.json").exists():
        with run.open(out, write=True) as opened:
            _check_same(config, from_stored(opened.config, str(out / "config.json")), out)
            if opened.finished:
                return 0
            return _Session(opened, config, parts, model, quiet).train()
    with run.create(out, config.stored()) as opened:
        return _Session(opened, config, parts, model, quiet).train()


def _check_same(config: Config, there: Config, out: Path) -> None:
    ours, theirs = config.stored(), there.stored()
    others = [name for name in ours if ours[name] != theirs[name] and name != "threads"]
    if others:
        width = max(map(len, others))
        rows = (f"    {n:<{width}}  {theirs[n]} there, {ours[n]} now" for n in others)
        raise CheckpointError(
            f"{out} holds a run with other settings\n\n" + "\n".join(rows) + "\n\n"
            "  Give another folder."
        )


def made(given: Mapping[str, Any], begun: Begun | None = None) -> tuple[Config, Parts, Any]:
    """Give the configuration that settings resolve to, its data and its first model.

    begun  what has been begun with already

    Raises:  UsageError: settings that cannot be meant. DataError: broken files.
    """
    source = begun.source() if begun else load_source(given)
    try:
        _check_meant(given, source)
        check_settings(given, source.training)
        labeled = source.training.classes is not None
        config = resolve(source.kind, {**given, **source.settings}, labeled)
        parts = split(config, source)
        make_task(config, parts)  # says what cannot be meant before there is a folder
        if begun:
            begun.weights()
        return config, parts, make_model(config, parts.training)
    except ArgumentError as error:
        raise click.UsageError(str(error)) from error


def _check_meant(given: Mapping[str, Any], source: Source) -> None:
    """Refuse what says how to read other data than these."""
    for name in ("label", *TABLE, "size", "sound", "tokens", "context", "test"):
        if given.get(name) is not None and name not in source.settings:
            about = "has a part to test on" if name == "test" else "is read without it"
            raise ArgumentError(f"--{name}: {source.kind} {about}")


def resume(path: str, folder: str | None, threads: int | None) -> int:
    """Go on with the training of a run folder; return the exit code."""
    with run.open(path, write=True) as opened:
        config = from_stored(opened.config, str(Path(path) / "config.json"))
        if folder is not None:  # the data have moved
            place = str(Path(folder).absolute())
            is_named = config.data in NAMES
            config = replace(config, folder=place) if is_named else replace(config, data=place)
        config = replace(config, threads=threads or config.threads)
        parts = split(config, load_source(config.stored()))
        return _Session(opened, config, parts, make_model(config, parts.training)).train()


def _free_folder(config: Config) -> Path:
    name = f"{Path(config.data).stem}-{config.model}".replace(":", "-").replace(",", "-")
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
    quiet: bool = False

    def train(self) -> int:
        """Train until the end or until someone asks to stop."""
        if is_closed(self.config.model):
            return self._solve()
        use_threads(self.config.threads)
        clock = time.perf_counter()
        task = make_task(self.config, self.parts)
        with display(task.epochs, task.batches, progress=not self.quiet) as shown:
            begun, history = self._begun(begin(task, self.model), shown)
            _introduce(shown, self.opened.path, self.parts, begun, task)
            ended = self._trained(task, begun, history, shown)
            if ended.complete:
                progress = self._chosen(task, ended, shown)
                with catch_signals():  # the little that is left is not cut off
                    finish(self.opened, self.config, self.parts, task, progress, clock, shown)
                return 0
        return self._stopped(ended, task)

    def _solve(self) -> int:
        """Find a model at once, and record it as one epoch of one step."""
        from chainrule.cli.solutions import solved

        use_threads(self.config.threads, self.config.threads or 1)  # it is all linear algebra
        clock = time.perf_counter()
        task = make_task(self.config, self.parts)
        with display(1, 1, progress=not self.quiet) as shown:
            _introduce_parts(shown, self.parts)
            model = solved(self.config, self.parts.training, self.model)
            seconds = time.perf_counter() - clock
            record = {"epoch": 1, "step": 1, **_figures("", model, self.parts.training, task)}
            if self.parts.validation is not None:
                record |= _figures("validation_", model, self.parts.validation, task)
            self.opened.rewind(0, 0)
            self.opened.append_metrics({**record, "seconds": seconds})
            progress = replace(begin(task, self.model), model=model)
            with catch_signals():
                finish(self.opened, self.config, self.parts, task, progress, clock, shown)
        return 0

    def _begun(self, first: Progress, shown: Display) -> tuple[Progress, Records]:
        """Where to go on, and the records up to there."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            progress, history = go_on(self.opened, first)
        for warning in told:
            sys.stderr.write(f"{warning.message}\n")
        if progress.step:
            shown.note(f"going on after step {progress.step:,}")
        return progress, history

    def _trained(self, task: Task, begun: Progress, history: Records, shown: Display) -> Ended:
        callbacks: list[Callback] = [Checkpoints(self.opened)]
        if self.config.early_stopping is not None:
            callbacks.append(EarlyStopping(patience=self.config.early_stopping))
        try:
            return train(task, begun, callbacks, shown, history, self.opened.checkpoints)
        except NonFiniteError as error:
            raise self._diverged(error) from error

    def _chosen(self, task: Task, ended: Ended, shown: Display) -> Progress:
        """What is tested and kept: the last weights, or the best; averaged, if that was wished."""
        progress = ended.progress
        if self.config.early_stopping is not None and progress.step:
            shown.note(f"the best weights are those after step {progress.step:,}")
        return replace(progress, model=task.optimizer.evaluated(progress.slots, progress.model))

    def _diverged(self, error: NonFiniteError) -> NonFiniteError:
        """Say what a user of the command line can do."""
        kept = max(checkpoint.steps(self.opened.checkpoints), default=0)
        told, _, _ = str(error).removeprefix("fit: ").rpartition("\n\n")
        return NonFiniteError(
            f"{told}\n\n"
            f"  The step was not taken; step {kept:,} is kept in {self.opened.path}.\n"
            "  To go on from there ends here again, since the same numbers give the same bits:\n"
            "  start anew with a smaller --lr."
        )

    def _stopped(self, ended: Ended, task: Task) -> int:
        assert ended.signal is not None
        command = click.get_current_context().info_name  # train, resume or sweep
        remedy = f"Go on with: chainrule resume {self.opened.path}"
        if command == "sweep":
            remedy = "The same command goes on from here."
        sys.stderr.write(
            f"chainrule {command}: stopped by {_KEYS[ended.signal.name]} after step {ended.step:,} "
            f"of {task.total_steps:,}; nothing is lost\n\n"
            f"  {remedy}\n"
        )
        return 128 + ended.signal


def _figures(prefix: str, model: Any, data: Dataset, task: Task) -> dict[str, float]:
    """The loss, and of classes the accuracy, by the names of a record."""
    found = evaluate(model, data, task.loss)
    told = {f"{prefix}loss": found.loss}
    return told if found.accuracy is None else {**told, f"{prefix}accuracy": found.accuracy}


def _introduce_parts(shown: Display, parts: Parts) -> None:
    validation = f", {len(parts.validation):,} to validate" if parts.validation else ""
    shown.note(
        f"{parts.training.name}: {plural(len(parts.training), 'example')} to train on{validation}, "
        f"{len(parts.test):,} to test"
    )
    _note_names_of_rows(shown, parts.training)


def _note_names_of_rows(shown: Display, training: Dataset) -> None:
    """Say so where a column has a text of its own in most rows, from which little is learned."""
    columns = (training.preparation or {}).get("categories", {})
    for name, texts in columns.items():
        if len(texts) > max(_FEW_TEXTS, len(training) // 2):
            shown.note(
                f"{name}: {len(texts):,} different texts, a feature each; "
                f"--ignore {name} leaves the column out"
            )


def _introduce(shown: Display, path: Path, parts: Parts, progress: Progress, task: Task) -> None:
    _introduce_parts(shown, parts)
    left = f"{task.total_steps - progress.step:,}"
    if progress.step:
        left += f" of {task.total_steps:,}"
    shown.note(f"{left} {'step' if task.total_steps == 1 else 'steps'} to take in {path}")
