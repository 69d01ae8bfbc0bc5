"""What a training shows while it runs: a bar on a terminal, a line an epoch elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, final

from chainrule.train.progress import Progress

__all__ = ["Display", "display"]

_PAUSE = 0.1  # seconds between two looks of a bar


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
        tally, figures = progress.tally, ""
        if tally.seen:
            rate = tally.seen / max(tally.seconds, 1e-9)
            figures = f"loss {tally.loss / tally.seen:.4f}"
            figures += f"  accuracy {tally.correct / tally.seen * 100:.1f} %  {rate:,.0f} samples/s"
        self._bar.update(
            self._task,
            completed=progress.step,
            description=f"epoch {min(progress.epoch + 1, self._epochs)}/{self._epochs}",
            figures=figures,
        )

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def display(epochs: int, batches: int) -> Display:
    """Give the display that fits where the output goes."""
    return Bar(epochs, batches) if sys.stdout.isatty() else Lines(epochs)


def line(record: Mapping[str, Any], epochs: int) -> str:
    """Write the figures of an epoch on a line.

    >>> line({"epoch": 3, "loss": 0.25, "accuracy": 0.915, "samples_per_second": 51234.5}, 10)
    'epoch  3/10  loss 0.2500  accuracy 91.5 %  51,234 samples/s'
    """
    parts = [f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}"]
    for prefix in ("", "validation_"):
        loss, accuracy = record.get(f"{prefix}loss"), record.get(f"{prefix}accuracy")
        if loss is not None:
            parts.append(f"{prefix[:-1] or 'loss'} {loss:.4f}")
        if accuracy is not None:
            parts.append(f"{'' if prefix else 'accuracy '}{accuracy * 100:.1f} %")
    if record.get("samples_per_second"):
        parts.append(f"{record['samples_per_second']:,.0f} samples/s")
    return "  ".join(parts)
