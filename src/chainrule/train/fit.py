"""fit: train a model in one call."""

import signal
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule.codegen.assembly.target import check_precision
from chainrule.data import Dataset, from_arrays
from chainrule.data.augmentation import parse
from chainrule.elsewhere import spelled
from chainrule.errors import ArgumentError, DataError
from chainrule.loss import cross_entropy
from chainrule.optim import Adam
from chainrule.tensors import Tensor
from chainrule.train.checkpointing import Checkpoints
from chainrule.train.display import display
from chainrule.train.durable import PathLike
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.evaluation import Loss, Metric
from chainrule.train.folder import finish, go_on, is_done, open_or_create
from chainrule.train.monitor import Monitor
from chainrule.train.progress import Progress
from chainrule.train.task import Penalty, Task, begin
from chainrule.train.training import train
from chainrule.view.notebook import training
from chainrule.wording import plural

__all__ = ["Fitted", "as_dataset", "fit"]


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """What ``fit`` gives: the trained model, and the figures of each epoch.

    model        the trained model: the averaged one, where the optimizer averages
    history      a record an epoch: epoch, step, loss, accuracy, validation_loss,
                 validation_accuracy and further validation figures (where there are such),
                 learning_rate, weight_norms and gradient_norms by parameter, seconds,
                 samples_per_second
    progress     where the training stands, to go on by hand with ``train.steps``
    ended_by     the callback that ended it before the last epoch, or Ctrl-C; else None
    interrupted  whether it was Ctrl-C
    """

    model: Any
    history: tuple[Mapping[str, Any], ...]
    progress: Progress
    ended_by: str | None = None
    interrupted: bool = False

    def _repr_html_(self) -> str:
        epochs = plural(len(self.history), "epoch")
        ended = f", ended by {self.ended_by}" if self.ended_by else ""
        return training(f"{epochs}{ended}", self.history).text

    def __repr__(self) -> str:
        epochs = plural(len(self.history), "epoch")
        ended = f", ended by {self.ended_by}" if self.ended_by else ""
        if not self.history:
            return f"Fitted({epochs}{ended})"
        last = self.history[-1]
        figures = ", ".join(
            f"{name.replace('_', ' ')} {last[name]:.4g}"
            for name in last
            if name.endswith(("loss", "accuracy"))
        )
        return f"Fitted({epochs}{ended}: {figures})"


@spelled(
    "Inputs and targets are one pair: fit(model, (inputs, targets), …).",
    batch_size="It is batch here.",
    lr="It is the optimizer's: optimizer=cr.optim.Adam(0.001).",
    learning_rate="It is the optimizer's: optimizer=cr.optim.Adam(0.001).",
    shuffle="The seed decides the order of the examples, which is another in each epoch.",
    validation_data="It is validation here: a pair, a Dataset or a share.",
    validation_split="It is validation here: a pair, a Dataset or a share.",
    verbose="It is progress here: True, False or None.",
)
def fit(
    model: Any,
    data: Any,
    *,
    loss: Loss = cross_entropy,
    optimizer: Any = None,
    epochs: int = 10,
    batch: int = 128,
    seed: int = 0,
    validation: Any = None,
    l2: float = 0.0,
    l1: float = 0.0,
    penalty: Penalty | None = None,
    augment: str | Iterable[Any] = (),
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Any] = (),
    steps_per_epoch: int | None = None,
    prefetch: int | None = None,
    precision: str = "float32",
    folder: PathLike | None = None,
    keep: int = 3,
    progress: bool | None = None,
) -> Fitted:
    """Train a model on data: mini-batches, the loss's gradient, one step of the optimizer each.

    min over w of  1/n · Σᵢ loss(model(xᵢ), yᵢ) + l2·Σ w² + l1·Σ |w| + penalty(w)

    model            a module, which is not changed; the result has the trained one
    data             a Dataset, or a pair (inputs, targets) of arrays, one example a row
    optimizer        one of chainrule.optim; without it, Adam with learning rate 0.001. Clipping,
                     accumulation, averages and plateaus are optimizers around another one
    seed             decides the order of the examples; the same seed gives the same bits
    validation       a Dataset or a pair to try the model on after each epoch, in evaluation mode;
                     or the share of the data to set aside for that, such as 0.1
    penalty          a function of the model to add to the loss, such as
                     ``lambda model: cr.loss.l2(model, 1e-4, "layers.0.*")``
    augment          changes of the images, drawn anew for each example in each epoch: steps of
                     ``data.augmentation`` or text such as "flip,crop:4"
    metrics          further figures of the validation data: functions of (targets, outputs)
    callbacks        ``train.EarlyStopping(...)`` and other ``train.Callback`` objects, or functions
                     of (record, progress), called after each epoch; True ends the training
    steps_per_epoch  how many steps count as an epoch, where one pass over the data is too long
    prefetch         how many batches to prepare ahead on a thread; None: 2 unless all is in memory
    precision        "bf16": the factors of large matrix products and convolutions in a step are
                     rounded to bfloat16, as ``jit`` says; their sums, weights, slots and the
                     validation stay as they are
    folder           a run folder to keep figures, checkpoints and the model in, and at the end
                     report.html. If it holds a run with these settings, that is gone on with, bit
                     for bit
    keep             how many of the last checkpoints stay there, beside the best
    progress         True: show a bar, or a line an epoch where none can be drawn; None: only a bar

    Where the data are arrays in memory, or files of up to 256 MB, and enough fast steps are left,
    several of them run as one program, for at most a fraction of a second. The numbers are those of
    single steps, bit for bit. A callback with an ``on_step`` has all steps single.

    The first Ctrl-C lets the step or these steps finish, and the result has what was learned so
    far, with ``interrupted``; the second one raises. SIGTERM also lets them finish and saves the
    last, then ends the process.

    Raises:  NonFiniteError: a loss or gradient is infinite or undefined; it names the operation
             where that began, and the error's ``model`` is that of the last good step.
             ShapeError: the model does not give a score for each class.
             ArgumentError: a setting that cannot be meant. DataError: arrays that do not fit.
             CheckpointError: the folder holds a run with other settings, or cannot be written.

    >>> import numpy as np
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> with cr.nn.seed(0):
    ...     line = cr.nn.Linear(1, 1)
    >>> adam = cr.optim.Adam(0.1)
    >>> fitted = fit(line, (x, 2 * x), loss=cr.loss.squared, optimizer=adam, epochs=200, batch=4)
    >>> print(f"{float(fitted.model.weight[0, 0]):.1f}", len(fitted.history))
    2.0 200
    """
    _check_parts(model, loss, optimizer)
    _check(epochs, l2, l1, steps_per_epoch)
    check_precision("fit", precision)
    training, held_out = _parts(as_dataset(data, "data"), validation, seed)
    task = Task(
        training, loss, Adam(0.001) if optimizer is None else optimizer, epochs, batch, seed,
        l2, l1, held_out, penalty, parse(augment) if isinstance(augment, str) else tuple(augment),
        metrics or {}, steps_per_epoch, _depth(training) if prefetch is None else prefetch,
        precision,
    )  # fmt: skip
    return run_task(task, model, callbacks, folder, keep, progress)


def run_task(
    task: Task,
    model: Any,
    callbacks: Iterable[Any] = (),
    folder: PathLike | None = None,
    keep: int = 3,
    progress: bool | None = None,
) -> Fitted:
    """Train as ``fit`` does, where the task is known already."""
    told, start = list(callbacks), begin(task, model)
    history: tuple[Mapping[str, Any], ...] = ()
    with ExitStack() as stack:
        opened, saved, done = None, None, False
        if folder is not None:
            opened = stack.enter_context(open_or_create(folder, task, model))
            start, history = go_on(opened, start)
            told.insert(0, Checkpoints(opened, _monitor(told), keep=keep))
            saved, done = opened.checkpoints, is_done(opened, history)
        shown = stack.enter_context(display(task.epochs, task.batches, progress))
        ended = train(task, start, told, shown, history, saved, done)
        last = ended.progress
        trained = task.optimizer.evaluated(last.slots, last.model)
        if opened is not None and ended.complete and not done:
            finish(opened, task, trained, ended.history)
    if ended.signal == signal.SIGTERM:  # whoever sends it means the process
        raise SystemExit(128 + signal.SIGTERM)
    return Fitted(trained, ended.history, last, ended.ended_by, ended.signal is not None)


def _monitor(callbacks: Iterable[Any]) -> Monitor:
    """The best epoch is that of the early stopping, which may have to read it back."""
    found = (each.monitor for each in callbacks if isinstance(each, EarlyStopping))
    return next(found, Monitor())


def _depth(data: Dataset) -> int:
    """Read ahead where a batch is more than a few rows of an array in memory."""
    return 0 if type(data.inputs) is np.ndarray else 2


def as_dataset(data: Any, role: str) -> Dataset:
    """Take a Dataset, or make one of a pair of arrays."""
    if isinstance(data, Dataset):
        found = data
    elif isinstance(data, tuple | list) and len(data) == 2:
        inputs, targets = (part.numpy() if isinstance(part, Tensor) else part for part in data)
        found = from_arrays(inputs, targets)
    else:
        raise ArgumentError(
            f"fit: {role} is a {type(data).__name__}; it must be a Dataset or a pair "
            "(inputs, targets) of arrays"
        )
    if not len(found):
        raise DataError(f"fit: {role} has no examples")
    return found


def _parts(data: Dataset, validation: Any, seed: int) -> tuple[Dataset, Dataset | None]:
    if validation is None:
        return data, None
    if isinstance(validation, float):
        if not 0 < validation < 1:
            raise ArgumentError(
                f"fit: validation is {validation}; a share of the data lies between 0 and 1"
            )
        return data.split(1 - validation, seed)
    return data, as_dataset(validation, "validation")


def _check_parts(model: Any, loss: Any, optimizer: Any) -> None:
    for name, given, right, example in (
        ("model", model, _is_made(model), "cr.nn.Linear(4, 3)"),
        ("loss", loss, callable(loss), "cr.loss.squared"),
        (
            *("optimizer", optimizer),
            optimizer is None or (_is_made(optimizer) and hasattr(optimizer, "update")),
            "cr.optim.Adam(0.001)",
        ),
    ):
        if not right:
            shown = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
            raise ArgumentError(f"fit: {name} is {shown}; what is needed is such as {example}")


def _is_made(part: Any) -> bool:
    """Whether it is no class, which would be one if it had been called, nor a name."""
    return not isinstance(part, type | str) and part is not None


def _check(epochs: Any, l2: Any, l1: Any, steps_per_epoch: Any) -> None:
    if isinstance(epochs, bool) or not hasattr(epochs, "__index__") or epochs < 0:
        raise ArgumentError(f"fit: epochs is {epochs!r}; it must be a count from 0")
    counted = hasattr(steps_per_epoch, "__index__") and not isinstance(steps_per_epoch, bool)
    if steps_per_epoch is not None and not (counted and steps_per_epoch > 0):
        raise ArgumentError(
            f"fit: steps_per_epoch is {steps_per_epoch!r}; it must be a count from 1, or None"
        )
    for name, strength in (("l2", l2), ("l1", l1)):
        if not (isinstance(strength, int | float) and 0 <= strength < float("inf")):
            raise ArgumentError(
                f"fit: {name} is {strength!r}; the strength of a penalty is a number from 0 up"
            )
