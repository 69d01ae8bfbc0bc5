"""Steps as programs: augmentation, loss, gradient, update, and the figures of all that.

A single step is a program, and so is a stride: as many steps as one likes, whose batches the
program gathers itself. Both are the same function of Tensors and give the same bits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.data.augmentation import augment
from chainrule.data.whole import Whole
from chainrule.errors import ShapeError
from chainrule.functions.comparison import equal, isfinite
from chainrule.functions.creation import zeros
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import add, multiply
from chainrule.functions.indexing import take
from chainrule.functions.joining import stack
from chainrule.functions.reduction import all, sum
from chainrule.ir.work import multiply_adds
from chainrule.loss import l1, l2
from chainrule.tensors import Tensor, of_values, tensor
from chainrule.train.evaluation import answers
from chainrule.train.feed import Batch
from chainrule.train.progress import cells
from chainrule.train.task import Task
from chainrule.transform import cond, jit, scan, value_and_grad
from chainrule.transform.jit import Jitted

__all__ = ["Objective", "Step", "Stride", "Strode", "Taken", "objective"]

Objective = Callable[..., tuple[Tensor, tuple[Tensor, Tensor | None]]]
"""(model, inputs, targets, keys) to (what is made small, (loss, right answers))."""


class Taken(NamedTuple):
    """What a step gives.

    correct         the number of right answers; None without class labels
    finite          whether the loss is, then each parameter with its gradient, then each State
    gradient_norms  of each parameter, at the last step of an epoch; zeros at the others
    """

    model: Any
    slots: Any
    loss: Tensor
    correct: Tensor | None
    finite: npt.NDArray[np.bool_]
    gradient_norms: Tensor


def objective(task: Task) -> Objective:
    """Give what the gradient is taken of, as a function of the model and a batch."""
    # The program must not watch the task: its data are no part of it.
    labels, loss, penalty, steps = task.labels, task.loss, task.penalty, task.augment
    squares, magnitudes, prepared = task.l2, task.l1, task.data.preparation_in_program

    def value(
        model: Any, inputs: Tensor, targets: Tensor, keys: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor | None]]:
        if prepared is not None:
            inputs = prepared.of_tensor(inputs)
        if steps:
            assert keys is not None
            inputs = augment(steps, keys, inputs)
        outputs = model(inputs)
        _check_scores(outputs, targets, labels)
        total = own = loss(outputs, targets)
        if squares:
            total = add(total, l2(model, squares))
        if magnitudes:
            total = add(total, l1(model, magnitudes))
        if penalty is not None:
            total = add(total, penalty(model))
        return total, (own, _correct(outputs, targets) if labels else None)

    return value


def _step(task: Task) -> Callable[..., tuple[Any, ...]]:
    """Give a step as a function of (model, slots, whether an epoch ends, *batch).

    None for whether an epoch ends: it is a step of a stride, which does not end one. Then no norms
    are given, and whether the weights are finite is asked after the last step: it takes a reading
    of all of them, and what is not finite stays so.
    """
    value, optimizer = objective(task), task.optimizer

    def step(model: Any, slots: Any, last: Tensor | None, *batch: Any) -> tuple[Any, ...]:
        (total, (loss, correct)), gradients = value_and_grad(value, has_aux=True)(model, *batch)
        leaves = tree.flatten(gradients)[0]
        # Before the update, which overwrites them; and only where they are asked for.
        norms = None if last is None else cond(last, _norms, _no_norms, *leaves)
        model, slots = optimizer.update(gradients, slots, model)
        # One number tells of many: a sum is finite only if each of its terms is.
        totals = [sum(gradient) for gradient in leaves]
        if last is not None:
            totals = list(map(add, totals, map(sum, tree.flatten(model)[0])))
        totals += [sum(cell.value) for cell in cells(model).values()]
        finite = map(isfinite, totals)
        return model, slots, loss, correct, stack([isfinite(total), *finite]), norms

    return step


@final
class Step:
    """The function of (model, slots, batch, whether an epoch ends) that takes a step.

    seldom  whether it is taken so seldom that to translate it, and its calls, is what counts
    """

    def __init__(self, task: Task, *, seldom: bool = False) -> None:
        level = 0 if seldom else 2
        self._program = Jitted(_step(task), precision=task.precision, level=level)
        self._call = self._program.seldom if seldom else self._program

    def __call__(self, model: Any, slots: Any, batch: Batch, last: bool) -> Taken:
        made = self._call(*_arguments(model, slots, batch, last))
        return Taken(*made)._replace(finite=made[4].numpy())

    def prepare(self, model: Any, slots: Any, batch: Batch) -> None:
        """Compile it for batches like this one."""
        self._program.prepare(*_arguments(model, slots, batch, False))


def _arguments(model: Any, slots: Any, batch: Batch, last: bool) -> tuple[Any, ...]:
    return model, slots, tensor(last), batch.inputs, batch.targets, batch.keys


class Strode(NamedTuple):
    """What a stride gives: the loss, the number of right answers and so on of each step.

    finite  of each step, whether all of it is; of the last one, whether the weights are, too
    """

    model: Any
    slots: Any
    losses: npt.NDArray[Any]
    correct: npt.NDArray[np.int64] | None
    finite: npt.NDArray[np.bool_]


@final
class Stride:
    """The function of (model, slots, row numbers, keys) that takes a step for each row.

    None of the steps may end an epoch.
    """

    def __init__(self, task: Task, examples: Whole) -> None:
        step = _step(task)
        self._examples = of_values((examples.inputs, examples.targets))

        @jit(precision=task.precision)
        def stride(model: Any, slots: Any, inputs: Tensor, targets: Tensor, *rows: Any) -> Any:
            def one(at: Any, given: Any) -> tuple[Any, Any]:
                numbers, keys = given
                batch = take(inputs, numbers, axis=0), take(targets, numbers, axis=0), keys
                *after, loss, correct, finite, _ = step(*at, None, *batch)
                return tuple(after), (loss, correct, all(finite))

            (model, slots), told = scan(one, (model, slots), rows)
            return model, slots, told, [isfinite(sum(w)) for w in tree.flatten(model)[0]]

        self._program = stride

    def __call__(
        self, model: Any, slots: Any, rows: npt.NDArray[Any], keys: npt.NDArray[Any] | None
    ) -> Strode:
        model, slots, (losses, correct, finite), weights = self._program.seldom(
            model, slots, *self._examples, rows, keys
        )
        right = None if correct is None else correct.numpy()
        is_finite = finite.numpy().copy()
        is_finite[-1] &= np.all([each.numpy() for each in weights])
        return Strode(model, slots, losses.numpy(), right, is_finite)

    def prepare(
        self, model: Any, slots: Any, rows: npt.NDArray[Any], keys: npt.NDArray[Any] | None
    ) -> None:
        """Compile it for arguments like these."""
        self._program.prepare(model, slots, *self._examples, rows, keys)

    def multiply_adds(
        self, model: Any, slots: Any, rows: npt.NDArray[Any], keys: npt.NDArray[Any] | None
    ) -> int:
        """Count what it multiplies for arguments like these; nothing is compiled."""
        return multiply_adds(self._program.recorded(model, slots, *self._examples, rows, keys))


def _norms(*gradients: Tensor) -> Tensor:
    return stack([sqrt(sum(multiply(g, g))).astype("float64") for g in gradients])


def _no_norms(*gradients: Tensor) -> Tensor:
    return zeros(len(gradients))


def _correct(outputs: Tensor, targets: Tensor) -> Tensor:
    return sum(equal(answers(outputs, targets.ndim), targets))


def _check_scores(outputs: Tensor, targets: Tensor, labels: int) -> None:
    if not labels or (outputs.shape == targets.shape and labels <= 2):
        return
    if outputs.shape[:-1] == targets.shape and outputs.ndim and outputs.shape[-1] >= labels:
        return
    wanted = [*targets.shape, labels]
    each = "position" if targets.ndim > 1 else "example"
    raise ShapeError(
        f"fit: the model gives {outputs.dtype.short}{list(outputs.shape)} for a batch, and the "
        f"targets are class labels from 0 to {labels - 1}\n\n"
        f"  It must give each {each} a score for each class: {wanted}."
        if outputs.ndim
        else f"fit: the model gives a single number, and the targets are class labels from 0 to "
        f"{labels - 1}\n\n  It must give each {each} a score for each class."
    )
