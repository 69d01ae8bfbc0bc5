"""The training loop: one compiled step, taken again and again.

``steps`` is a generator of Progress. Whoever runs it decides what else happens between two steps:
``fit`` collects the figures, the command line saves checkpoints and listens to signals.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.data import Dataset
from chainrule.errors import NonFiniteError, ShapeError
from chainrule.functions.elementwise import add, equal, isfinite
from chainrule.functions.joining import stack
from chainrule.functions.reduction import sum
from chainrule.functions.searching import argmax
from chainrule.loss import l1, l2
from chainrule.tensors import Tensor
from chainrule.train.evaluation import Evaluation, Loss, evaluator
from chainrule.train.progress import Progress, Tally, cells
from chainrule.transform import jit, value_and_grad

__all__ = ["Task", "begin", "steps"]

_Array = npt.NDArray[Any]
_MOST_ROWS = 12  # row numbers in a message


@final
@dataclass(frozen=True, eq=False)
class Task:
    """What is trained on what: all that stays the same from the first step to the last.

    loss        a function of (what the model gives, targets): the mean over the batch
    optimizer   one of ``chainrule.optim``
    l2, l1      the strength of the penalties on the weights, added to the loss
    validation  what the model is tried on after each epoch, or None
    """

    data: Dataset
    loss: Loss
    optimizer: Any
    epochs: int
    batch: int
    seed: int = 0
    l2: float = 0.0
    l1: float = 0.0
    validation: Dataset | None = None

    @property
    def labels(self) -> int:
        """The number of class labels that occur, counted from 0; 0 if targets are quantities."""
        targets = self.data.targets
        return int(targets.max()) + 1 if targets.dtype.kind == "i" else 0

    @property
    def total_steps(self) -> int:
        """The number of steps from the first to the last."""
        return self.epochs * self.data.batch_count(self.batch)


def begin(task: Task, model: Any) -> Progress:
    """Give the Progress before the first step."""
    return Progress(model, task.optimizer.init(model))


def steps(task: Task, start: Progress) -> Iterator[Progress]:
    """Take the steps that are left, and give the Progress after each.

    The last step of an epoch comes with its ``record``: epoch, step, loss, accuracy, their
    validation twins, learning_rate, and the two clock figures seconds and samples_per_second.
    All but the clock figures are a pure function of the task and of where it starts.

    Raises:  NonFiniteError: a loss, a gradient or a weight after the step is infinite or
             undefined. The step was not taken: the error's ``model`` is that of the step before,
             and so are the State cells.
    """
    take, compare = _compiled_step(task), evaluator(task.loss)
    batches = task.data.batch_count(task.batch)
    progress = start
    while progress.epoch < task.epochs:
        rest = task.data.batches(task.batch, task.seed, progress.epoch, progress.batch)
        clock = time.perf_counter()
        for inputs, targets in rest:
            progress = _advance(task, take, progress, _frozen(inputs), _frozen(targets))
            now = time.perf_counter()
            progress = replace(progress, tally=progress.tally.add(0.0, 0, 0, now - clock))
            if progress.batch == batches:
                validation = task.validation and compare(progress.model, task.validation)
                progress = _end_of_epoch(task, progress, validation or None)
            yield progress
            clock = time.perf_counter()


def _compiled_step(task: Task) -> Callable[..., Any]:
    """One step as one program: loss, gradient, update, right answers, and what is finite."""
    labels = task.labels

    def objective(model: Any, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Any]:
        outputs = model(inputs)
        _check_scores(outputs, labels)
        loss = task.loss(outputs, targets)
        total = loss
        if task.l2:
            total = total + l2(model, task.l2)
        if task.l1:
            total = total + l1(model, task.l1)
        return total, (loss, _correct(outputs, targets) if labels else None)

    def step(model: Any, slots: Any, inputs: Tensor, targets: Tensor) -> tuple[Any, ...]:
        both = value_and_grad(objective, has_aux=True)
        (total, (loss, correct)), gradients = both(model, inputs, targets)
        model, slots = task.optimizer.update(gradients, slots, model)
        pairs = zip(tree.flatten(gradients)[0], tree.flatten(model)[0], strict=True)
        # One number tells of many: a sum is finite only if each of its terms is.
        finite = [isfinite(add(sum(gradient), sum(weight))) for gradient, weight in pairs]
        return model, slots, loss, correct, stack([isfinite(total), *finite])

    return jit(step)


def _correct(outputs: Tensor, targets: Tensor) -> Tensor:
    return sum(equal(argmax(outputs, axis=-1), targets))


def _check_scores(outputs: Tensor, labels: int) -> None:
    if not labels or (outputs.ndim == 2 and outputs.shape[-1] >= labels):
        return
    raise ShapeError(
        f"fit: the model gives {outputs.dtype.short}{list(outputs.shape)} for a batch, and the "
        f"targets are class labels from 0 to {labels - 1}\n\n"
        f"  It must give each example a score for each class: [{outputs.shape[0]}, {labels}]."
        if outputs.ndim
        else f"fit: the model gives a single number, and the targets are class labels from 0 to "
        f"{labels - 1}\n\n  It must give each example a score for each class."
    )


def _advance(
    task: Task, take: Callable[..., Any], before: Progress, inputs: _Array, targets: _Array
) -> Progress:
    held = [(cell, cell.value) for cell in cells(before.model).values()]
    model, slots, loss, correct, finite = take(before.model, before.slots, inputs, targets)
    if not finite.numpy().all():
        for cell, value in held:
            cell.value = value
        raise _not_finite(task, before, float(loss), finite.numpy())
    count = len(inputs)
    right = 0 if correct is None else int(correct)
    return Progress(
        model,
        slots,
        before.step + 1,
        before.epoch,
        before.batch + 1,
        before.tally.add(float(loss) * count, right, count, 0.0),
    )


def _end_of_epoch(task: Task, progress: Progress, validation: Evaluation | None) -> Progress:
    tally = progress.tally
    record: dict[str, Any] = {
        "epoch": progress.epoch + 1,
        "step": progress.step,
        "loss": tally.loss / tally.seen,
    }
    if task.labels:
        record["accuracy"] = tally.correct / tally.seen
    if validation is not None:
        record["validation_loss"] = validation.loss
        if validation.accuracy is not None:
            record["validation_accuracy"] = validation.accuracy
    record["learning_rate"] = _learning_rate(task, progress.step - 1)
    record["seconds"] = tally.seconds
    record["samples_per_second"] = tally.seen / max(tally.seconds, 1e-9)
    return replace(progress, epoch=progress.epoch + 1, batch=0, tally=Tally(), record=record)


def _learning_rate(task: Task, step: int) -> float:
    rate = task.optimizer.learning_rate
    return float(rate(step) if callable(rate) else rate)


def _not_finite(
    task: Task, before: Progress, loss: float, finite: npt.NDArray[np.bool_]
) -> NonFiniteError:
    epoch, step = before.epoch + 1, before.step + 1
    names = [path for path, _ in tree.paths(before.model)]
    wrong = [name for name, good in zip(names, finite[1:], strict=True) if not good]
    first = before.batch * task.batch
    rows = task.data.order(task.seed, before.epoch)[first : first + task.batch]
    shown = ", ".join(str(row) for row in rows[:_MOST_ROWS])
    if len(rows) > _MOST_ROWS:
        shown += f", … ({len(rows)} rows)"
    fact = "the step is not finite" if np.isfinite(loss) else f"the loss is {loss}"
    error = NonFiniteError(
        f"fit: {fact} in epoch {epoch}, step {step}\n\n"
        f"    loss           {loss}\n"
        f"    learning rate  {_learning_rate(task, before.step):g}\n"
        f"    gradients      {_listed(wrong, len(names))}\n"
        f"    rows           {shown}\n\n"
        "  The step was not taken. The error's .model is that of the step before, its .rows are "
        "the\n  row numbers of the batch."
    )
    error.model, error.rows = before.model, rows
    return error


def _listed(wrong: list[str], count: int) -> str:
    if not wrong:
        return "finite, and so are the weights after the step"
    shown = ", ".join(wrong[:4]) + (", …" if len(wrong) > 4 else "")
    return f"not finite, or the weights after the step: {shown} ({len(wrong)} of {count})"


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False  # a batch is ours alone, and what is read-only is not copied
    return array
