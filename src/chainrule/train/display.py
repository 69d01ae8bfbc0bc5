"""What a training shows while it runs: a bar on a terminal or in a notebook, else lines."""

import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, final

from chainrule.train.progress import Progress, Tally
from chainrule.view.figures import decimal

__all__ = ["Bar", "Display", "Lines", "NotebookBar", "Silence", "display", "line"]

_PAUSE = 0.1  # seconds between two looks of a bar
_BESIDE = 34  # columns for the epoch, some of the bar, the share and the time that is left


class Display(ABC):
    """Where a training says how it is getting on. Use it as a context manager."""

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def note(self, text: str) -> None:
        """Say something that stays."""

    @abstractmethod
    def step(self, progress: Progress) -> None:
        """Show where the training stands after a step."""

    @abstractmethod
    def close(self) -> None:
        """Say no more."""


@final
class Silence(Display):
    """Nothing, for programs that read what comes at the end."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def step(self, progress: Progress) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is left to do."""


@final
class Lines(Display):
    """A line an epoch, for files and pipes."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def note(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def step(self, progress: Progress) -> None:
        """Print a line if an epoch has ended."""
        if progress.record is not None:
            self.note(line(progress.record, self._epochs))

    def close(self) -> None:
        """Nothing is left to do."""


@final
class Bar(Display):
    """One bar for the whole training; the epochs that have ended stay above it as lines."""

    def __init__(self, epochs: int, batches: int) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._epochs, self._batches, self._shown = epochs, batches, 0.0
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("starting", total=epochs * batches, figures="")
        self._bar.start()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def step(self, progress: Progress) -> None:
        """Move the bar, and leave a line for an epoch that has ended."""
        if progress.record is not None:
            # The bar tells the speed; without it the line fits into 80 columns.
            self.note(line({**progress.record, "samples_per_second": None}, self._epochs))
        now = time.monotonic()
        if now - self._shown < _PAUSE:
            return
        self._shown = now
        self._bar.update(
            self._task,
            completed=progress.step,
            description=f"epoch {min(progress.epoch + 1, self._epochs)}/{self._epochs}",
            figures=fitting(figures(progress.tally), self._bar.console.width - _BESIDE),
        )

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


@final
class NotebookBar(Display):
    """The same bar in a notebook, drawn by tqdm."""

    def __init__(self, epochs: int, batches: int) -> None:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]

        self._epochs, self._shown = epochs, 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without ipywidgets it draws with characters
            self._bar = tqdm(total=epochs * batches, unit="step", leave=False)

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.write(text)

    def step(self, progress: Progress) -> None:
        """Move the bar, and leave a line for an epoch that has ended."""
        if progress.record is not None:
            self.note(line(progress.record, self._epochs))
        now = time.monotonic()
        if now - self._shown < _PAUSE and progress.record is None:
            return
        self._shown = now
        self._bar.set_description(
            f"epoch {min(progress.epoch + 1, self._epochs)}/{self._epochs}", refresh=False
        )
        self._bar.set_postfix_str(figures(progress.tally), refresh=False)
        self._bar.update(progress.step - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def display(epochs: int, batches: int, progress: bool | None = True) -> Display:
    """Give the display that fits where the output goes.

    On a terminal a bar; in a notebook one, if tqdm is installed; elsewhere a line an epoch, or
    nothing if ``progress`` is None.
    """
    if progress is False:
        return Silence()
    if _is_notebook() and find_spec("tqdm") is not None:
        return NotebookBar(epochs, batches)
    if sys.stdout.isatty():
        return Bar(epochs, batches)
    return Lines(epochs) if progress or _is_notebook() else Silence()


def _is_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def fitting(told: str, width: int) -> str:
    """The first of the figures, as many as fit: a narrow terminal would cut all of them.

    >>> fitting("loss 0.2500  accuracy 75.0 %  8 samples/s", 30)
    'loss 0.2500  accuracy 75.0 %'
    """
    while len(told) > width and "  " in told:
        told = told.rpartition("  ")[0]
    return told


def figures(tally: Tally) -> str:
    """Write the figures of the epoch that is under way.

    >>> figures(Tally(loss=1.0, correct=3, seen=4, seconds=0.5, examples=4))
    'loss 0.2500  accuracy 75.0 %  8 samples/s'
    """
    if not tally.seen:
        return ""
    parts = [f"loss {decimal(tally.loss / tally.seen)}"]
    if tally.correct:  # quantities have none
        parts.append(f"accuracy {tally.correct / tally.seen * 100:.1f} %")
    parts.append(f"{tally.examples / max(tally.seconds, 1e-9):,.0f} samples/s")
    return "  ".join(parts)


def line(record: Mapping[str, Any], epochs: int) -> str:
    """Write the figures of an epoch on a line.

    >>> line({"epoch": 3, "loss": 0.25, "accuracy": 0.915, "samples_per_second": 51234.5}, 10)
    'epoch  3/10  loss 0.2500  accuracy 91.5 %  51,234 samples/s'
    """
    parts = [f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}"]
    for prefix in ("", "validation_"):
        loss, accuracy = record.get(f"{prefix}loss"), record.get(f"{prefix}accuracy")
        if loss is not None:
            parts.append(f"{prefix[:-1] or 'loss'} {decimal(loss)}")
        if accuracy is not None:
            parts.append(f"{'' if prefix else 'accuracy '}{accuracy * 100:.1f} %")
    if record.get("samples_per_second"):
        parts.append(f"{record['samples_per_second']:,.0f} samples/s")
    return "  ".join(parts)
