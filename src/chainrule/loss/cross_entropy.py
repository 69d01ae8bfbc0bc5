"""Cross-entropy of softmax, from the logits."""

from __future__ import annotations

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.comparison import equal, isinf
from chainrule.functions.elementwise import add, multiply, negative, subtract, where
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, as_tensor, describe, floating, promoted
from chainrule.functions.logic import logical_and
from chainrule.functions.reduction import sum
from chainrule.functions.softmax import log_softmax, softmax
from chainrule.ir.dtype import bool_
from chainrule.loss.labels import (
    Counting,
    Weights,
    batch_mean,
    check_labels,
    weights_of_classes,
    with_checked,
)
from chainrule.tensors import Tensor
from chainrule.transform.custom import custom_derivative

__all__ = ["cross_entropy"]


def cross_entropy(
    logits: Operand,
    targets: Operand,
    *,
    label_smoothing: float = 0.0,
    class_weights: Weights = None,
    ignore_index: int | None = None,
) -> Tensor:
    """Measure how surprising the targets are to softmax of the logits; the mean over the batch.

    L = −(1/N) Σᵢ log softmax(sᵢ)[yᵢ]   for labels y
    L = −(1/N) Σᵢₖ Yᵢₖ log softmax(sᵢ)ₖ   for probabilities Y, among them one-hot rows
    ∂L/∂S = (P − Y)/N   with P = softmax(S), and Y the one-hot rows of labels

    It never overflows, and a class with logit −∞ that no target asks for adds nothing. Where
    labels have no values yet, as under ``jit``, one that names no class makes the loss NaN.

    label_smoothing  the share ε of each target that is spread evenly over the K classes:
                     Y becomes (1 − ε) Y + ε/K
    class_weights    a factor wₖ for the terms of each class. With labels the mean is then weighted,
                     L = −Σᵢₖ wₖ Yᵢₖ log softmax(sᵢ)ₖ / Σᵢ w[yᵢ], with probabilities still divided
                     by N, both as in PyTorch
    ignore_index     the label of rows that do not count, in the sum or in N; a batch of such rows
                     only has no mean: NaN

    With weights the gradient of row i is (cᵢ P − C)ᵢ / Σ w[y], C = w ⊙ Y, where cᵢ is the sum of
    its row of C.

    Shapes:  logits: ... k   targets: ...   →
             logits: ... k   targets: ... k   →
    Raises:  ShapeError: the targets fit the logits neither as labels nor as probabilities, or
             there is not one weight for each class.
             DTypeError: labels are not integers.
             ArgumentError: a label names no class; the smoothing is no share; a weight is
             negative; probabilities have no label to ignore.
    Source:  bridle1990probabilistic; szegedy2016rethinking, sec. 7

    >>> scores = tensor([[3.2, 5.1, -1.7]])
    >>> cross_entropy(scores, tensor([0]))
    Tensor(2.04035515)
    >>> cr.round(100 * cr.softmax(scores))
    Tensor([[13., 87.,  0.]])
    >>> cross_entropy(scores, tensor([0]), label_smoothing=0.1)
    Tensor(2.14035515)
    """
    scores = floating(as_tensor(logits, "cross_entropy"))
    wanted = as_tensor(targets, "cross_entropy")
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(
            f"cross_entropy: label_smoothing is {label_smoothing}; it is a share, 0 to 1"
        )
    weights = weights_of_classes("cross_entropy", class_weights, scores)
    if scores.ndim and wanted.shape == scores.shape and wanted.dtype.is_float:
        if ignore_index is not None:
            raise ArgumentError(
                f"cross_entropy: ignore_index={ignore_index}, but the targets are probabilities, "
                "which have no labels"
            )
        scores, wanted = promoted("cross_entropy", scores, wanted)
        rows = _surprise(scores, _weighted(wanted, label_smoothing, weights))
        return batch_mean(rows, rows.shape)
    _check_no_probabilities(scores, wanted)
    check_labels("cross_entropy", "logits", scores, "targets", wanted, ignore_index)
    counting = Counting(scores, wanted, weights, ignore_index)
    if counting.plain and not label_smoothing:
        mean: Tensor = _of_labels(scores, wanted)
        return with_checked(mean, wanted, scores.shape[-1])
    truth = one_hot(wanted, scores.shape[-1], dtype=scores.dtype)
    rows = _surprise(counting.cleared(scores), _weighted(truth, label_smoothing, weights))
    return counting.mean_of_weighted(rows)


def _check_no_probabilities(scores: Tensor, wanted: Tensor) -> None:
    if wanted.ndim == scores.ndim:
        raise ShapeError(
            f"cross_entropy: targets of shape {list(wanted.shape)} and dtype {wanted.dtype} are "
            f"neither labels nor probabilities\n\n"
            f"    logits   {describe(scores)}\n    targets  {describe(wanted)}\n\n"
            "  Labels are integers of the shape of the logits without the last axis; "
            "probabilities are\n  floating-point numbers of the shape of the logits."
        )


def _slope(inputs: tuple[Tensor, Tensor], _loss: Tensor, tangents: tuple[Tensor, Tensor]) -> Tensor:
    """dL = Σ (P − Y) ⊙ dS / N."""
    scores, labels = inputs
    truth = one_hot(labels, scores.shape[-1], dtype=scores.dtype)
    terms = multiply(subtract(softmax(scores), truth), tangents[0])
    return batch_mean(terms, labels.shape)


@custom_derivative(_slope)
def _of_labels(scores: Tensor, labels: Tensor) -> Tensor:
    chosen = one_hot(labels, scores.shape[-1], dtype=bool_)
    terms = where(chosen, log_softmax(scores), 0.0)
    return negative(batch_mean(terms, labels.shape))


def _weighted(truth: Tensor, smoothing: float, weights: Tensor | None) -> Tensor:
    """C = w ⊙ ((1 − ε) Y + ε/K)."""
    if smoothing:
        truth = add(multiply(truth, 1.0 - smoothing), smoothing / truth.shape[-1])
    return truth if weights is None else multiply(truth, weights)


def _surprise(scores: Tensor, coefficients: Tensor) -> Tensor:
    """−Σₖ Cₖ log softmax(s)ₖ of each row, where 0 · log 0 = 0."""
    logarithms = log_softmax(scores)
    nothing = logical_and(equal(coefficients, 0.0), isinf(logarithms))
    return negative(sum(multiply(coefficients, where(nothing, 0.0, logarithms)), axis=-1))
