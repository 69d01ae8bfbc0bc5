"""Keep a training in its run folder as it goes on: figures, the last checkpoints and the best.

Most of the time that a checkpoint takes is that of the disk, so a thread writes it while the next
steps are taken. What goes wrong is told at the next pause.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, final

from chainrule.runtime.background import Background
from chainrule.train import checkpoint
from chainrule.train.callbacks import Callback, Records
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.monitor import Monitor
from chainrule.train.progress import Progress, pack
from chainrule.train.run import Run

__all__ = ["Checkpoints"]

_SMALL: Final = 2**28  # bytes that may be held beside the training, while a thread writes them


@final
class Checkpoints(Callback):
    """Write the records of a training, its last checkpoints and that of its best epoch.

    A checkpoint is saved at the end of an epoch or inside of one when enough time has passed since
    the last, and after the last step. The best epoch is that of the best finite figure; it is
    saved no later than the next checkpoint, and stays.

    run      an open run folder
    monitor  which figure says which epoch is the best
    keep     how many of the last checkpoints stay
    pauses   the seconds between two checkpoints: at the ends of epochs, and inside of epochs
    """

    def __init__(
        self,
        run: Run,
        monitor: Monitor | None = None,
        *,
        keep: int = 3,
        pauses: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        self.run, self.monitor, self.keep, self.pauses = run, monitor or Monitor(), keep, pauses
        self.figure: float | None = None
        self._best: Checkpoint | None = None
        self._writing: Background[None] | None = None
        self._saved_step, self._saved_at = -1, time.monotonic()

    def on_start(self, progress: Progress, history: Records, saved: Path | None) -> None:
        """Find the best figure so far."""
        self.figure, self._best = None, None
        for record in history:
            figure = self.monitor.of(record)
            if self.monitor.is_better(figure, self.figure):
                self.figure = figure
        is_saved = checkpoint.is_there(self.run.checkpoints)
        self._saved_step, self._saved_at = progress.step if is_saved else -1, time.monotonic()

    def on_pause(self, progress: Progress) -> None:
        """Save inside an epoch if it is time."""
        if self._writing is not None and self._writing.is_done:
            self.wait()
        if progress.record is None and self._pause_is_over(self.pauses[1]):
            self.save(progress)

    def on_epoch(self, record: Mapping[str, Any], progress: Progress) -> None:
        """Write the record, note the best, and save if it is time."""
        self.run.append_metrics(record)
        figure = self.monitor.of(record)
        if self.monitor.is_better(figure, self.figure):
            self.figure, self._best = figure, pack(progress)
        if self._pause_is_over(self.pauses[0]):
            self.save(progress)

    def on_failure(self, progress: Progress) -> None:
        """Save the last good step."""
        self.save(progress)
        self.wait()

    def on_end(self, progress: Progress) -> None:
        """Save the last step."""
        self.save(progress)
        self.wait()

    def on_leave(self) -> None:
        """Wait until nothing is written any more."""
        with suppress(Exception):  # what ends the training now has been raised
            self.wait()

    def save(self, progress: Progress) -> None:
        """Save where the training stands, and the best epoch if that is not saved yet.

        A thread does, if it is not much; ``wait`` for it.

        Raises:  CheckpointError: the one before was not saved.
        """
        self.wait()
        best, found = self._best, list[tuple[Checkpoint, bool]]()
        best_step = -1 if best is None else best.position["step"]
        if best is not None and best_step != progress.step:
            found.append((best, True))
        self._best = None
        if progress.step > self._saved_step or best_step == progress.step:
            found.append((pack(progress), best_step == progress.step))
        self._saved_step, self._saved_at = progress.step, time.monotonic()
        write = partial(checkpoint.save, self.run.checkpoints, keep=self.keep)
        work = [partial(write, each, best=is_best) for each, is_best in found]
        is_small = sum(_size(each) for each, _ in found) <= _SMALL
        if work and is_small:
            self._writing = Background(partial(_each, work), "chainrule-save")
        else:
            _each(work)

    def wait(self) -> None:
        """Wait until what was to be saved is.

        Raises:  CheckpointError: it was not; every checkpoint that was there is unchanged.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _pause_is_over(self, pause: float) -> bool:
        return time.monotonic() - self._saved_at >= pause


def _each(work: Sequence[Callable[[], object]]) -> None:
    for write in work:
        write()


def _size(found: Checkpoint) -> int:
    parts = found.model, found.optimizer, found.state
    return sum(array.nbytes for part in parts for array in part.values())
