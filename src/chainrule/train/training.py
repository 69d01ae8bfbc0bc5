"""A training from where it stands to its end: the steps, and everyone who is told of them."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any, final

from chainrule.errors import NonFiniteError
from chainrule.runtime.engine import host_target
from chainrule.runtime.programs import is_native
from chainrule.train.callbacks import Callbacks, Records
from chainrule.train.display import Display
from chainrule.train.interrupt import catch_signals
from chainrule.train.loop import steps
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress
from chainrule.train.task import Task

__all__ = ["Ended", "train"]


@final
@dataclass(frozen=True, eq=False)
class Ended:
    """How a training ended.

    progress  where the callbacks want the model to be taken from; else where it stands
    step      the last step that was taken
    complete  whether no step is left that anybody wants
    history   the records of all epochs that have ended
    ended_by  the callback that asked to end it, or Ctrl-C; None if all steps were taken
    signal    the one that asked to stop, if one came
    """

    progress: Progress
    step: int
    complete: bool
    history: tuple[Mapping[str, Any], ...]
    ended_by: str | None
    signal: Signals | None


def train(
    task: Task,
    start: Progress,
    callbacks: Iterable[Any],
    shown: Display,
    history: Records = (),
    saved: Path | None = None,
    done: bool = False,
) -> Ended:
    """Take the steps that are left, until someone asks to end.

    The first Ctrl-C or SIGTERM lets the step finish; the callbacks' ``on_end`` is called as at any
    other end. A second one leaves at once. With ``done`` no step is taken at all.

    Raises:  NonFiniteError: as ``steps``, after the callbacks' ``on_failure``.
    """
    told, records = Callbacks(callbacks), list(history)
    progress, pace = start, None if told.want_each_step else Pace(task)
    _tell_precision(task, start, shown)
    going = steps(task, start, pace)
    with catch_signals() as stop, closing(told), closing(going):
        done |= told.start(start, history, saved)
        try:
            while not (done or stop.requested):
                progress = next(going)
                done = _tell(progress, shown, records, told)
        except StopIteration:
            done = True
        except NonFiniteError:
            told.failed(progress)
            raise
        chosen = told.end(progress)
    ended_by = "Ctrl-C" if stop.requested else told.ended_by
    complete = done or progress.step == task.total_steps
    return Ended(chosen, progress.step, complete, tuple(records), ended_by, stop.signal)


def _tell(progress: Progress, shown: Display, records: list[Any], told: Callbacks) -> bool:
    """Tell of a step, and of the epoch that it ended; gives whether somebody asks to end."""
    shown.step(progress)
    if progress.record is not None:
        records.append(progress.record)
    return told.step(progress)


def _tell_precision(task: Task, start: Progress, shown: Display) -> None:
    """Say so if the processor does not do what was asked for."""
    if is_native() and start.step < task.total_steps:
        note = host_target(task.precision).note
        if note:
            shown.note(note)
