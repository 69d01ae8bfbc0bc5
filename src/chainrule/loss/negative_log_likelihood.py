"""The negative log likelihood of labels, from log-probabilities."""

from __future__ import annotations

from chainrule.functions.elementwise import negative, where
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, as_tensor, floating
from chainrule.functions.reduction import sum
from chainrule.ir.dtype import bool_
from chainrule.loss.labels import Counting, Weights, check_labels, weights_of_classes
from chainrule.tensors import Tensor

__all__ = ["negative_log_likelihood"]


def negative_log_likelihood(
    log_probabilities: Operand,
    targets: Operand,
    *,
    class_weights: Weights = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Measure how improbable the labels are, from log-probabilities; the mean over the batch.

    L = −(1/N) Σᵢ ℓᵢ[yᵢ],   ∂L/∂ℓ = −Y/N   with Y the one-hot rows of the labels

    It is for models that end in ``log_softmax`` or give a density; from logits, take
    ``cross_entropy``. Where labels have no values yet, as under ``jit``, one that names no
    class makes the loss NaN.

    class_weights  a factor for each class: L = −Σᵢ w[yᵢ] ℓᵢ[yᵢ] / Σᵢ w[yᵢ]
    ignore_index   the label of rows that do not count, in the sum or in N

    Shapes:  log_probabilities: ... k   targets: ...   →
    Raises:  ShapeError: there is not one label for each row, or one weight for each class.
             DTypeError: labels are not integers.
             ArgumentError: a label names no class, or a weight is negative.

    >>> negative_log_likelihood(cr.log(tensor([[0.25, 0.75], [0.5, 0.5]])), tensor([1, 0]))
    Tensor(0.49041463)
    """
    name = "negative_log_likelihood"
    scores = floating(as_tensor(log_probabilities, name))
    labels = as_tensor(targets, name)
    weights = weights_of_classes(name, class_weights, scores)
    check_labels(name, "scores", scores, "targets", labels, ignore_index)
    chosen = one_hot(labels, scores.shape[-1], dtype=bool_)
    rows = negative(sum(where(chosen, scores, 0.0), axis=-1))
    return Counting(scores, labels, weights, ignore_index).mean(rows)
