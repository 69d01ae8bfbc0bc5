"""How good a model is on data that it was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.data import Dataset
from chainrule.functions.searching import argmax
from chainrule.loss import cross_entropy
from chainrule.tensors import Tensor
from chainrule.transform import jit

__all__ = ["Evaluation", "Loss", "confusion_matrix", "evaluate", "evaluator"]

Loss = Callable[[Any, Any], Tensor]
"""A function of (what the model gives, targets): the mean over the batch."""

_VALUES = 2**21  # in a batch: large enough for BLAS, small enough to stay out of the way


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of a model on a data set.

    loss         the mean over the examples
    accuracy     the share of right answers; None without class labels
    predictions  the label that the model gives each example, in the order of the data; or None
    """

    loss: float
    accuracy: float | None = None
    predictions: npt.NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        accuracy = "" if self.accuracy is None else f", accuracy={self.accuracy:.4f}"
        return f"Evaluation(loss={self.loss:.4f}{accuracy})"


def evaluate(model: Any, data: Dataset, loss: Loss = cross_entropy) -> Evaluation:
    """Run a model over a data set, in evaluation mode, and compare with the targets.

    Raises:  ArgumentError: there are no examples.
    """
    return evaluator(loss)(model, data)


def evaluator(loss: Loss = cross_entropy) -> Callable[[Any, Dataset], Evaluation]:
    """Make an ``evaluate`` that keeps its program, for whoever evaluates often."""

    @jit
    def compare(model: Any, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        outputs = model(inputs)
        return loss(outputs, targets), (argmax(outputs, axis=-1) if outputs.ndim > 1 else outputs)

    def run(model: Any, data: Dataset) -> Evaluation:
        labeled = data.targets.dtype.kind == "i"
        rows = max(1, min(1000, _VALUES // max(1, int(np.prod(data.shape)))))
        total, predictions = 0.0, []
        with nn.evaluation():
            for inputs, targets in data.batches(rows):
                value, predicted = compare(model, inputs, targets)
                total += float(value) * len(inputs)
                predictions.append(predicted.numpy())
        mean = total / len(data)
        if not labeled:
            return Evaluation(mean)
        found = np.concatenate(predictions).astype(np.int64)
        return Evaluation(mean, float(np.mean(found == data.targets)), found)

    return run


def confusion_matrix(
    labels: npt.NDArray[Any], predictions: npt.NDArray[Any], classes: int
) -> npt.NDArray[np.int64]:
    """Count for each class (row) how often each class (column) was predicted.

    Shapes:  labels: n   predictions: n   →   k k   for classes=k

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    counts = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return counts.reshape(classes, classes)
