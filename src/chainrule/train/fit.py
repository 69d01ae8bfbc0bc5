"""fit: train a model in one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from chainrule.data import Dataset, from_arrays
from chainrule.errors import ArgumentError, DataError
from chainrule.loss import cross_entropy
from chainrule.optim import Adam
from chainrule.tensors import Tensor
from chainrule.train.evaluation import Loss
from chainrule.train.loop import Task, begin, steps
from chainrule.train.progress import Progress

__all__ = ["Fitted", "fit"]


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """What ``fit`` gives: the trained model, and the figures of each epoch.

    history  a record an epoch: epoch, step, loss, accuracy, validation_loss, validation_accuracy
             (where there are such), learning_rate, seconds, samples_per_second
    slots    what the optimizer remembers, to go on by hand
    """

    model: Any
    history: tuple[Mapping[str, Any], ...]
    slots: Any

    def __repr__(self) -> str:
        epochs = "1 epoch" if len(self.history) == 1 else f"{len(self.history)} epochs"
        if not self.history:
            return f"Fitted({epochs})"
        last = self.history[-1]
        figures = ", ".join(
            f"{name.replace('_', ' ')} {last[name]:.4g}"
            for name in last
            if name.endswith(("loss", "accuracy"))
        )
        return f"Fitted({epochs}: {figures})"


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
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
    on_step: Callable[[Progress], object] | None = None,
) -> Fitted:
    """Train a model on data: mini-batches, the loss's gradient, one step of the optimizer each.

    min over w of  1/n · Σᵢ loss(model(xᵢ), yᵢ) + l2·Σ w² + l1·Σ |w|

    model       a module, which is not changed; the result has the trained one
    data        a Dataset, or a pair (inputs, targets) of arrays, one example a row
    optimizer   one of chainrule.optim; without it, Adam with learning rate 0.001
    seed        decides the order of the examples; the same seed gives the same bits
    validation  a Dataset or a pair to try the model on after each epoch, in evaluation mode; or
                the share of the data to set aside for that, such as 0.1
    on_epoch    called with the record of each epoch
    on_step     called with the Progress after each step

    Raises:  NonFiniteError: a loss or gradient is infinite or undefined; the error's ``model`` is
             that of the last good step.
             ShapeError: the model does not give a score for each class.
             ArgumentError: a setting that cannot be meant. DataError: arrays that do not fit.

    >>> import numpy as np
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> with cr.nn.seed(0):
    ...     line = cr.nn.Linear(1, 1)
    >>> adam = cr.optim.Adam(0.1)
    >>> fitted = fit(line, (x, 2 * x), loss=cr.loss.squared, optimizer=adam, epochs=200, batch=4)
    >>> print(f"{float(fitted.model.weight[0, 0]):.1f}", len(fitted.history))
    2.0 200
    """
    _check(epochs=epochs, l2=l2, l1=l1)
    training, held_out = _parts(as_dataset(data, "data"), validation, seed)
    chosen = Adam(0.001) if optimizer is None else optimizer
    task = Task(training, loss, chosen, epochs, batch, seed, l2, l1, held_out)
    start = progress = begin(task, model)
    history = []
    for progress in steps(task, start):
        if on_step is not None:
            on_step(progress)
        if progress.record is not None:
            history.append(progress.record)
            if on_epoch is not None:
                on_epoch(progress.record)
    return Fitted(progress.model, tuple(history), progress.slots)


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


def _check(epochs: Any, l2: Any, l1: Any) -> None:
    if isinstance(epochs, bool) or not hasattr(epochs, "__index__") or epochs < 0:
        raise ArgumentError(f"fit: epochs is {epochs!r}; it must be a count from 0")
    for name, strength in (("l2", l2), ("l1", l1)):
        if not (isinstance(strength, int | float) and 0 <= strength < float("inf")):
            raise ArgumentError(
                f"fit: {name} is {strength!r}; the strength of a penalty is a number from 0 up"
            )
