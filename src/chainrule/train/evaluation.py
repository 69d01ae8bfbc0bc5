"""How good a model is on data that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.data import Dataset
from chainrule.errors import ArgumentError
from chainrule.functions.activations import sigmoid
from chainrule.functions.comparison import greater
from chainrule.functions.elementwise import abs
from chainrule.functions.reduction import max
from chainrule.functions.searching import argmax
from chainrule.functions.softmax import softmax
from chainrule.loss import cross_entropy
from chainrule.metrics import (
    Calibration,
    ClassFigures,
    calibration,
    confusion_matrix,
    mean_absolute_error,
    precision_recall_f1,
    r_squared,
    root_mean_squared_error,
    top_k_accuracy,
)
from chainrule.tensors import Tensor
from chainrule.transform import jit
from chainrule.view.figures import decimal

__all__ = [
    "Evaluation",
    "Evaluator",
    "Loss",
    "Metric",
    "answers",
    "confidences",
    "confusion_matrix",
    "counted",
    "evaluate",
]

Loss = Callable[[Any, Any], Tensor]
"""A function of (what the model gives, targets): the mean over the batch."""

Metric = Callable[[Any, Any], float]
"""A function of (targets, what the model gives) for a whole data set, both NumPy arrays."""

_Array = npt.NDArray[Any]
_ROWS, _VALUES = 256, 2**20  # in a batch: large enough to share, small enough to stay in a cache
_FLAT_ROWS = 1024  # of which a layer makes no more numbers than a convolution of a few images


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of a model on a data set.

    loss         the mean over the examples
    accuracy     the share of right answers; None without class labels
    predictions  the label that the model gives each example, in the order of the data; for
                 quantities what the model gives
    confidences  the probability that the model gives each predicted label; None for quantities
    targets      what was to be predicted; a label below 0 does not count
    scores       all that the model gave, if it was asked for
    figures      those of further metrics, by name
    """

    loss: float
    accuracy: float | None = None
    predictions: _Array | None = None
    confidences: _Array | None = None
    targets: _Array | None = None
    scores: _Array | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    def confusion(self, classes: int | None = None) -> npt.NDArray[np.int64]:
        """Count for each class (row) how often each class (column) was predicted."""
        true, found = self._labels("confusion")
        count = classes or 1 + int(np.max([true.max(initial=0), found.max(initial=0)]))
        return confusion_matrix(true, found, count)

    def classes(self, classes: int | None = None) -> ClassFigures:
        """Precision, recall and F1 of each class."""
        return precision_recall_f1(self.confusion(classes))

    def calibration(self, bins: int = 15) -> Calibration:
        """How far the confidence of the predictions is their accuracy."""
        true, found = self._labels("calibration")
        counted = true >= 0
        assert self.confidences is not None
        return calibration((found == true)[counted], self.confidences[counted], bins)

    def top_k_accuracy(self, k: int = 5) -> float:
        """The share of examples whose label is among the k with the highest scores."""
        true, _ = self._labels("top_k_accuracy")
        if self.scores is None:
            raise ArgumentError(
                "Evaluation.top_k_accuracy: the scores were not kept\n\n"
                "  evaluate(model, data, scores=True) keeps them."
            )
        return top_k_accuracy(true, self.scores, k)

    @property
    def mean_absolute_error(self) -> float:
        """The mean magnitude of the errors, in the targets' unit."""
        return mean_absolute_error(*self._quantities("mean_absolute_error"))

    @property
    def root_mean_squared_error(self) -> float:
        """The root of the mean squared error, in the targets' unit."""
        return root_mean_squared_error(*self._quantities("root_mean_squared_error"))

    @property
    def r_squared(self) -> float:
        """The share of the targets' variance that the predictions explain."""
        return r_squared(*self._quantities("r_squared"))

    def _labels(self, asked: str) -> tuple[_Array, _Array]:
        if self.accuracy is None or self.predictions is None or self.targets is None:
            raise ArgumentError(f"Evaluation.{asked}: the targets are no class labels")
        return np.asarray(self.targets), self.predictions

    def _quantities(self, asked: str) -> tuple[_Array, _Array]:
        if self.accuracy is not None or self.predictions is None or self.targets is None:
            raise ArgumentError(f"Evaluation.{asked}: the targets are no quantities")
        return np.asarray(self.targets), self.predictions

    def __repr__(self) -> str:
        accuracy = "" if self.accuracy is None else f", accuracy={self.accuracy:.4f}"
        others = "".join(f", {name}={value:.4g}" for name, value in self.figures.items())
        return f"Evaluation(loss={decimal(self.loss)}{accuracy}{others})"


def evaluate(
    model: Any,
    data: Dataset,
    loss: Loss = cross_entropy,
    *,
    metrics: Mapping[str, Metric] | None = None,
    scores: bool = False,
) -> Evaluation:
    """Run a model over a data set, in evaluation mode, and compare with the targets.

    metrics  functions of (targets, what the model gives) for the whole set, by name
    scores   keep all that the model gives, not only its answers

    Raises:  ArgumentError: there are no examples.

    >>> data = cr.data.from_arrays([[2.0], [-1.0]], [0, 1])
    >>> weight = cr.tensor([[1.0], [-1.0]], dtype="float32")
    >>> model = cr.nn.Linear(1, 2, key=cr.random.key(0)).replace(weight=weight)
    >>> found = evaluate(model, data)
    >>> found, found.predictions, found.confidences.round(2)
    (Evaluation(loss=0.0725, accuracy=1.0000), array([0, 1]), array([0.98, 0.88], dtype=float32))
    """
    return Evaluator(loss, metrics, scores)(model, data)


@final
class Evaluator:
    """An ``evaluate`` that keeps its program, for whoever evaluates often."""

    def __init__(
        self,
        loss: Loss = cross_entropy,
        metrics: Mapping[str, Metric] | None = None,
        scores: bool = False,
    ) -> None:
        keep = scores or bool(metrics)
        self._metrics, self._scores = metrics or {}, scores

        @jit
        def compare(model: Any, inputs: Tensor, targets: Tensor) -> tuple[Any, ...]:
            outputs = model(inputs)
            value = loss(outputs, targets)
            if not targets.dtype.is_integer:
                return value, outputs, None, None
            axes = targets.ndim
            kept = outputs if keep else None
            return value, answers(outputs, axes), confidences(outputs, axes), kept

        self._compare = compare

    def __call__(self, model: Any, data: Dataset) -> Evaluation:
        """Run a model over a data set, in evaluation mode, and compare with the targets."""
        if not len(data):
            raise ArgumentError("evaluate: there are no examples")
        total, seen = 0.0, 0
        rows: list[tuple[_Array | None, ...]] = []
        with nn.evaluation():
            for inputs, targets in data.batches(_batch_size(data)):
                value, *parts = self._compare.seldom(model, inputs, targets)
                weight = counted(targets)
                total, seen = total + float(value) * weight, seen + weight
                rows.append((targets, *[None if p is None else p.numpy() for p in parts]))
        true, *found = map(_joined, zip(*rows, strict=True))
        assert true is not None
        made = _made(total / (seen or 1), true, *found)
        return _with_figures(made, self._metrics, self._scores)

    def prepare(self, model: Any, data: Dataset) -> None:
        """Compile the programs for the batches of a data set. None of it is read."""
        size = _batch_size(data)
        with nn.evaluation():
            for count in {min(size, len(data)), len(data) % size} - {0}:
                batch = [
                    np.zeros((count, *part.shape[1:]), part.dtype) for part in data.gather(slice(0))
                ]
                self._compare.prepare(model, *batch)


def _joined(parts: Sequence[_Array | None]) -> _Array | None:
    """What belongs to all examples, of what belongs to each batch; None where there is nothing."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _made(
    loss: float,
    targets: _Array,
    predictions: _Array | None,
    confidences: _Array | None,
    outputs: _Array | None,
) -> Evaluation:
    if targets.dtype.kind != "i":
        return Evaluation(loss, None, predictions, None, targets, predictions)
    assert predictions is not None
    labels = predictions.astype(np.int64)
    right = (labels == targets)[targets >= 0]
    accuracy = float(right.mean()) if len(right) else float("nan")
    return Evaluation(loss, accuracy, labels, confidences, targets, outputs)


def _with_figures(found: Evaluation, metrics: Mapping[str, Metric], scores: bool) -> Evaluation:
    figures = {name: float(metric(found.targets, found.scores)) for name, metric in metrics.items()}
    return replace(found, figures=figures, scores=found.scores if scores else None)


def answers(outputs: Tensor, axes: int) -> Tensor:
    """Give the label with the highest score; ``axes`` are those of the targets.

    Where there is a single score for each target it is the logit of class 1.

    >>> answers(cr.tensor([[1.0, 1.0], [0.0, 1.0]]), 1), answers(cr.tensor([2.0, -1.0]), 1)
    (Tensor([0, 1]), Tensor([1, 0]))
    """
    if outputs.ndim == axes:
        found: Tensor = greater(outputs, 0.0).astype("int64")
        return found
    return argmax(outputs, axis=-1)


def confidences(outputs: Tensor, axes: int) -> Tensor:
    """Give the probability of the label that ``answers`` gives.

    >>> confidences(cr.tensor([[1.0, 1.0], [0.0, 1.0]]), 1)
    Tensor([0.5       , 0.73105858])
    """
    if outputs.ndim == axes:
        chance: Tensor = sigmoid(abs(outputs))
        return chance
    return max(softmax(outputs, axis=-1), axis=-1)


def counted(targets: _Array) -> int:
    """The number of targets that a mean over a batch is taken over: those with a label, or all.

    >>> counted(np.array([[0, -1], [2, 3]])), counted(np.zeros((4, 2)))
    (3, 4)
    """
    return int(np.count_nonzero(targets >= 0)) if targets.dtype.kind == "i" else len(targets)


def _batch_size(data: Dataset) -> int:
    """As many as fit, or half of that, if there are batches of one size then, and one program.

    The sizes of data sets are round numbers: where that of the batches is one, the parts to
    validate and to test on have the same program.
    """
    size = int(np.prod(data.shape))
    is_flat = len(data.shape) == 1 and data.inputs.dtype.kind != "i"  # no tokens
    most = int(np.clip(_VALUES // np.maximum(size, 1), 1, _FLAT_ROWS if is_flat else _ROWS))
    fitting = [count for count in range(most, most // 2, -1) if len(data) % count == 0]
    fitting.sort(key=_roundness)
    return fitting[-1] if fitting else most


def _roundness(count: int) -> tuple[bool, int, int]:
    """Whether it divides a power of ten, then the power of two in it, then its size."""
    return 10**9 % count == 0, count & -count, count
