"""What is trained on what: all that stays the same from the first step to the last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

from chainrule.data import Dataset
from chainrule.tensors import Tensor
from chainrule.train.evaluation import Evaluator, Loss, Metric
from chainrule.train.progress import Progress

__all__ = ["Penalty", "Task", "begin"]

Penalty = Callable[[Any], Tensor]
"""A function of the model, added to the loss: ``lambda model: l2(model, 1e-4, "*.weight")``."""


@final
@dataclass(frozen=True, eq=False)
class Task:
    """What is trained on what: all that stays the same from the first step to the last.

    loss             a function of (what the model gives, targets): the mean over the batch
    optimizer        one of ``chainrule.optim``
    l2, l1           the strength of the penalties on the weights, added to the loss
    validation       what the model is tried on after each epoch, or None
    penalty          a further function of the model that is added to the loss
    augment          what is done to the images of a batch, one after another, before each step;
                     the changes are drawn anew for each example in each epoch
    metrics          further figures of the validation data: functions of (targets, outputs)
    steps_per_epoch  how many steps count as an epoch; None: as many as it takes to see each
                     example once. The data are gone through in turn all the same.
    prefetch         how many batches are prepared ahead, on a thread of their own
    precision        of the factors in large products and convolutions: "float32", or "bf16", as
                     ``jit`` has it
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
    penalty: Penalty | None = None
    augment: tuple[Any, ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    steps_per_epoch: int | None = None
    prefetch: int = 0
    precision: str = "float32"

    @cached_property
    def labels(self) -> int:
        """The number of class labels, counted from 0; 0 if targets are quantities."""
        targets: Any = self.data.targets
        if targets.dtype.kind != "i":
            return 0
        return len(self.data.classes or ()) or int(targets.max()) + 1

    @cached_property
    def evaluator(self) -> Evaluator:
        """What tries a model on data: the parts to validate and to test on share its program."""
        return Evaluator(self.loss, self.metrics)

    @cached_property
    def batches(self) -> int:
        """The number of steps in an epoch."""
        return self.steps_per_epoch or self.data.batch_count(self.batch)

    @property
    def total_steps(self) -> int:
        """The number of steps from the first to the last."""
        return self.epochs * self.batches


def begin(task: Task, model: Any) -> Progress:
    """Give the Progress before the first step."""
    return Progress(model, task.optimizer.init(model))
