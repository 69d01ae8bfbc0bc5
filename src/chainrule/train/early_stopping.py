"""End a training that gets no better, and go back to where it was best."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from chainrule.errors import ArgumentError
from chainrule.train import checkpoint
from chainrule.train.callbacks import Callback, Records
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.monitor import Monitor
from chainrule.train.progress import Progress, pack, unpack

__all__ = ["EarlyStopping"]


@final
class EarlyStopping(Callback):
    """End a training when a figure has not become better for a number of epochs.

    monitor    the figure; None: validation_loss, or loss where nothing is held out
    patience   how many epochs in a row may be no better
    min_delta  better means: by more than this
    largest    whether more is better; None: unless the name ends with loss, error or perplexity
    restore    give the model of the best epoch, with its State cells, rather than the last one

    The best is that of the best finite figure, by however little it is better. What has been seen
    follows from the records, so that a resumed training ends where it would have.

    Raises:  ArgumentError: a setting is out of range, or the records have no such figure.
    Source:  prechelt1998early

    >>> with cr.nn.seed(0):
    ...     model = cr.nn.mlp((64, 16, 10))
    >>> train, test = cr.data.digits()
    >>> fitted = cr.train.fit(model, train, validation=test, epochs=50, batch=32,
    ...     optimizer=cr.optim.Adam(0.01), callbacks=[EarlyStopping(patience=2)])
    >>> losses = [record["validation_loss"] for record in fitted.history]
    >>> fitted.ended_by, len(losses) - 1 - losses.index(min(losses))
    ('EarlyStopping', 2)
    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        largest: bool | None = None,
        restore: bool = True,
    ) -> None:
        if patience < 1:
            raise ArgumentError(f"EarlyStopping: patience is {patience}; it must be at least 1")
        if not min_delta >= 0:
            raise ArgumentError(f"EarlyStopping: min_delta is {min_delta}; it must be at least 0")
        self.monitor = Monitor(monitor, largest)
        self.patience, self.min_delta, self.restore = patience, float(min_delta), restore
        self._clear()

    def _clear(self) -> None:
        self.figure: float | None = None
        self.best: Checkpoint | None = None
        self._mark: float | None = None
        self._waited = 0

    def on_start(self, progress: Progress, history: Records, saved: Path | None) -> bool:
        """Go through the records so far; the best model of these is read from its checkpoint."""
        self._clear()
        best = None
        for record in history:
            if self._see(record):
                best = record["step"]
        if best is not None and self.restore and saved is not None:
            self.best = checkpoint.load(saved, best).checkpoint
        return self._waited >= self.patience

    def on_epoch(self, record: Mapping[str, Any], progress: Progress) -> bool:
        """Compare the figure of the epoch with the best."""
        if self._see(record) and self.restore:
            self.best = pack(progress)
        return self._waited >= self.patience

    def on_end(self, progress: Progress) -> Progress | None:
        """Give the best model back."""
        return None if self.best is None else unpack(self.best, progress)

    def _see(self, record: Mapping[str, Any]) -> bool:
        """Count an epoch; say whether it is the best so far."""
        figure = self.monitor.of(record)
        if self.monitor.is_better(figure, self._mark, by=self.min_delta):
            self._mark, self._waited = figure, 0
        else:
            self._waited += 1
        if not self.monitor.is_better(figure, self.figure):
            return False
        self.figure = figure
        return True

    def __repr__(self) -> str:
        name = self.monitor.name or "validation_loss"
        return f"EarlyStopping({name!r}, patience={self.patience}, min_delta={self.min_delta:g})"
