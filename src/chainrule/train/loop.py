"""The training loop: one compiled step, taken again and again.

``steps`` is a generator of Progress. Whoever runs it decides what else happens between two steps:
``fit`` collects the figures, the command line saves checkpoints and listens to signals.
"""

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.train.diagnosis import not_finite
from chainrule.train.evaluation import Evaluation, counted, evaluator
from chainrule.train.feed import Batch, feed
from chainrule.train.progress import Progress, Tally, cells
from chainrule.train.step import Taken, compiled_step
from chainrule.train.task import Task

__all__ = ["steps"]

_Take = Callable[[Any, Any, Batch, bool], Taken]


def steps(task: Task, start: Progress) -> Generator[Progress, None, None]:
    """Take the steps that are left, and give the Progress after each.

    The last step of an epoch comes with its ``record``: epoch, step, loss, accuracy, their
    validation twins and further validation figures, learning_rate, weight_norms and
    gradient_norms (of the last step) by parameter, and the two clock figures seconds and
    samples_per_second. All but the clock figures are a pure function of the task and of where it
    starts.

    Raises:  NonFiniteError: a loss, a gradient or a weight after the step is infinite or
             undefined; it names where the first such number came from. The step was not taken:
             the error's ``model`` is that of the step before, and so are the State cells.
    """
    take, compare = compiled_step(task), evaluator(task.loss, task.metrics)
    progress = start
    with closing(feed(task, start)) as batches:
        clock = time.perf_counter()
        for batch in batches:
            progress, taken = _advance(task, take, progress, batch)
            spent = Tally(seconds=time.perf_counter() - clock)
            progress = replace(progress, tally=progress.tally.add(spent))
            if progress.batch == task.batches:
                progress = _end_of_epoch(task, progress, taken, compare)
            yield progress
            clock = time.perf_counter()


def _advance(task: Task, take: _Take, before: Progress, batch: Batch) -> tuple[Progress, Taken]:
    held = [(cell, cell.value) for cell in cells(before.model).values()]
    taken = take(before.model, before.slots, batch, before.batch + 1 == task.batches)
    loss = float(taken.loss)
    if not taken.finite.all():
        for cell, value in held:
            cell.value = value
        raise not_finite(task, before, batch, taken)
    seen = counted(batch.targets)
    right = 0 if taken.correct is None else int(taken.correct)
    tally = before.tally.add(Tally(loss * seen, right, seen, 0.0, len(batch.inputs)))
    step, number = before.step + 1, before.batch + 1
    after = Progress(taken.model, taken.slots, step, before.epoch, number, tally, None, loss)
    return after, taken


def _end_of_epoch(
    task: Task, progress: Progress, taken: Taken, compare: Callable[..., Evaluation]
) -> Progress:
    """Give the figures of the epoch, and tell them to the optimizer."""
    tally, optimizer = progress.tally, task.optimizer
    seen = max(tally.seen, 1)
    record: dict[str, Any] = {"epoch": progress.epoch + 1, "step": progress.step}
    record["loss"] = tally.loss / seen
    if task.labels:
        record["accuracy"] = tally.correct / seen
    if task.validation is not None:
        model = optimizer.evaluated(progress.slots, progress.model)
        record |= _validation(compare(model, task.validation))
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


def _norm(weights: npt.NDArray[Any]) -> float:
    flat = weights.reshape(-1)
    return math.sqrt(np.einsum("i,i->", flat, flat, dtype=np.float64))
