"""The training loop: one compiled step, taken again and again, or strides of several at once.

``steps`` is a generator of Progress. Whoever runs it decides what else happens between two steps:
``fit`` collects the figures, the command line saves checkpoints and listens to signals.
"""

import math
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.data.whole import is_whole, whole
from chainrule.errors import ChainruleError
from chainrule.runtime.programs import is_native
from chainrule.train.ahead import Ahead
from chainrule.train.diagnosis import not_finite
from chainrule.train.evaluation import Evaluation, counted
from chainrule.train.feed import Batch, feed
from chainrule.train.pace import Pace
from chainrule.train.programs import Programs
from chainrule.train.progress import Progress, Tally, restorer
from chainrule.train.step import Stride, Strode, Taken
from chainrule.train.task import Task

__all__ = ["steps"]

_Going = Generator[Progress, None, None]
_Array = npt.NDArray[Any]


def steps(task: Task, start: Progress, pace: Pace | None = None) -> _Going:
    """Take the steps that are left, and give the Progress after each.

    The last step of an epoch comes with its ``record``: epoch, step, loss, accuracy, their
    validation twins and further validation figures, learning_rate, weight_norms and
    gradient_norms (of the last step) by parameter, and the two clock figures seconds and
    samples_per_second. All but the clock figures are a pure function of the task and of where it
    starts.

    pace  how many steps may run as one program, where the data lie in memory: then the Progress is
          given after each of these strides. They give the bits of single steps

    Raises:  NonFiniteError: a loss, a gradient or a weight after the step is infinite or
             undefined; it names where the first such number came from. The step was not taken:
             the error's ``model`` is that of the step before, and so are the State cells.
    """
    programs = Programs(task)
    ahead = None if pace is None else _at_once(task, start, pace)
    if pace is None or ahead is None:
        yield from _singly_at_first(programs, start, pace)
    else:
        yield from _in_strides(programs, start, ahead)


def _at_once(task: Task, start: Progress, pace: Pace) -> Ahead | None:
    """The strides of a training that begins with one of a single step, if it may."""
    if not is_native() or not is_whole(task.data) or start.step >= task.total_steps:
        return None
    examples = whole(task.data)
    assert examples is not None
    ahead = Ahead(task, examples, pace, at_once=True)
    return ahead if ahead.is_quick(start) else None


def _singly_at_first(programs: Programs, start: Progress, pace: Pace | None) -> _Going:
    """Take single steps, until there is a stride of several if they pay."""
    ahead, task = None, programs.task
    with closing(_singly(programs, start, pace)) as going:
        for progress in going:
            yield progress
            if pace is None:
                continue
            if pace.strides_pay(progress) and (examples := whole(task.data)) is not None:
                ahead = Ahead(task, examples, pace)
            if ahead is not None and ahead.is_ready(progress):
                break
        else:
            return
    yield from _in_strides(programs, progress, ahead)


def _singly(programs: Programs, start: Progress, pace: Pace | None = None) -> _Going:
    """Take one step after another."""
    progress = start
    with closing(feed(programs.task, start)) as batches:
        clock = time.perf_counter()
        for batch in batches:
            progress, taken = _advance(programs, progress, batch)
            seconds = time.perf_counter() - clock
            if pace is not None:
                pace.stepped(seconds)
            progress = _completed(programs, progress, seconds, taken)
            programs.prepare(progress, batch)
            yield progress
            clock = time.perf_counter()


def _in_strides(programs: Programs, start: Progress, ahead: Ahead) -> _Going:
    """Take several steps at once where the pace says so. All batches are rows of the examples."""
    task, progress = programs.task, start
    while progress.step < task.total_steps:
        clock, taken, count = time.perf_counter(), None, ahead.count(progress)
        if count:
            rows, keys = ahead.rows(progress, count)
            strode = _strode(ahead.stride, progress, rows, keys)
            if strode is None:  # single steps say which one of them failed, and why
                yield from _singly(programs, progress)
                return
            progress = _after(progress, strode, ahead.numbers.targets(rows))
        else:
            batch = ahead.numbers.batch(progress.at(task.batches))
            progress, taken = _advance(programs, progress, batch)
        seconds = time.perf_counter() - clock
        progress = _completed(programs, progress, seconds, taken)
        ahead.took(count, seconds, progress)
        yield progress
        if not programs.is_prepared and ahead.at_once and ahead.is_settled(progress):
            batch = ahead.numbers.batch(0)
            single, seldom = ahead.needs_single_steps, ahead.is_seldom(progress)
            programs.prepare(progress, batch, step=single, seldom=seldom)
        if ahead.gives_up and programs.has_step:
            yield from _singly(programs, progress)
            return


def _strode(stride: Stride, before: Progress, rows: _Array, keys: _Array | None) -> Strode | None:
    """Take a stride; None, and the State cells as before, if a step is not finite or fails."""
    put_back = restorer(before.model)
    try:
        strode = stride(before.model, before.slots, rows, keys)
    except ChainruleError:
        return None
    if strode.finite.all():
        return strode
    put_back()
    return None


def _after(before: Progress, strode: Strode, targets: _Array) -> Progress:
    """Where a training stands after a stride; sums are those of one step after the other."""
    count, examples = targets.shape[:2]
    seen = _counted(targets)
    parts = strode.losses.astype(np.float64) * seen
    loss = float(np.add.accumulate([before.tally.loss, *parts])[-1])
    right = 0 if strode.correct is None else int(strode.correct.sum())
    more = Tally(0.0, right, int(seen.sum()), 0.0, count * examples)
    return Progress(
        strode.model, strode.slots, before.step + count, before.epoch, before.batch + count,
        replace(before.tally.add(more), loss=loss), None, float(strode.losses[-1]),
    )  # fmt: skip


def _counted(targets: _Array) -> _Array:
    """Count the targets of each step that a mean over its batch is taken over."""
    if targets.dtype.kind != "i":
        return np.full(len(targets), targets.shape[1])
    return np.asarray(np.count_nonzero(targets >= 0, axis=tuple(range(1, targets.ndim))))


def _advance(programs: Programs, before: Progress, batch: Batch) -> tuple[Progress, Taken]:
    task, put_back = programs.task, restorer(before.model)
    taken = programs.take(before, batch)
    loss = float(taken.loss)
    if not taken.finite.all():
        put_back()
        raise not_finite(task, before, batch, taken)
    seen = counted(batch.targets)
    right = 0 if taken.correct is None else int(taken.correct)
    tally = before.tally.add(Tally(loss * seen, right, seen, 0.0, len(batch.inputs)))
    step, number = before.step + 1, before.batch + 1
    after = Progress(taken.model, taken.slots, step, before.epoch, number, tally, None, loss)
    return after, taken


def _completed(
    programs: Programs, progress: Progress, seconds: float, taken: Taken | None
) -> Progress:
    """Add the time to what was counted; at the end of an epoch give its figures."""
    progress = replace(progress, tally=progress.tally.add(Tally(seconds=seconds)))
    if taken is None or progress.batch < programs.task.batches:
        return progress
    return _end_of_epoch(programs, progress, taken)


def _end_of_epoch(programs: Programs, progress: Progress, taken: Taken) -> Progress:
    """Give the figures of the epoch, and tell them to the optimizer."""
    task, tally = programs.task, progress.tally
    optimizer = task.optimizer
    seen = max(tally.seen, 1)
    record: dict[str, Any] = {"epoch": progress.epoch + 1, "step": progress.step}
    record["loss"] = tally.loss / seen
    if task.labels:
        record["accuracy"] = tally.correct / seen
    if task.validation is not None:
        model = optimizer.evaluated(progress.slots, progress.model)
        record |= _validation(programs.compare(model))
    record["learning_rate"] = optimizer.current_rate(progress.slots)
    record["weight_norms"] = _weight_norms(progress.model)
    record["gradient_norms"] = dict(
        zip(record["weight_norms"], taken.gradient_norms.tolist(), strict=True)
    )
    record["seconds"] = tally.seconds
    record["samples_per_second"] = tally.examples / max(tally.seconds, 1e-9)
    slots = optimizer.observe(progress.slots, record.get("validation_loss", record["loss"]))
    return Progress(
        progress.model, slots, progress.step, progress.epoch + 1, 0, Tally(), record, progress.loss
    )


def _validation(found: Evaluation) -> dict[str, float]:
    named: dict[str, float] = {"validation_loss": found.loss}
    if found.accuracy is not None:
        named["validation_accuracy"] = found.accuracy
    return named | {f"validation_{name}": value for name, value in found.figures.items()}


def _weight_norms(model: Any) -> dict[str, float]:
    return {path: _norm(leaf.numpy()) for path, leaf in tree.paths(model)}


def _norm(weights: _Array) -> float:
    flat = weights.reshape(-1)
    return math.sqrt(np.einsum("i,i->", flat, flat, dtype=np.float64))
