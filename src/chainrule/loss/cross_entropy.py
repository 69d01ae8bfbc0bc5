"""Cross-entropy of softmax, from the logits."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.functions.elementwise import (
    equal,
    isinf,
    logical_and,
    multiply,
    negative,
    subtract,
    where,
)  # fmt: skip
from chainrule.functions.embedding import one_hot
from chainrule.functions.lift import Operand, as_tensor, describe, floating, promoted
from chainrule.functions.softmax import log_softmax, softmax
from chainrule.ir.dtype import bool_
from chainrule.loss.labels import batch_mean, check_labels
from chainrule.tensors import Tensor
from chainrule.transform.custom import custom_derivative

__all__ = ["cross_entropy"]


def cross_entropy(logits: Operand, targets: Operand) -> Tensor:
    """Measure how surprising the targets are to softmax of the logits; the mean over the batch.

    L = −(1/N) Σᵢ log softmax(sᵢ)[yᵢ]   for labels y
    L = −(1/N) Σᵢₖ Yᵢₖ log softmax(sᵢ)ₖ   for probabilities Y
    ∂L/∂S = (P − Y)/N   with P = softmax(S), and Y the one-hot rows of labels

    It never overflows, and a class with logit −∞ that no target asks for adds nothing. Labels
    under ``jit`` are not checked; one that names no class counts as a loss of 0.

    Shapes:  logits: ... k   targets: ...   →
             logits: ... k   targets: ... k   →
    Raises:  ShapeError: the targets fit the logits neither as labels nor as probabilities.
             DTypeError: labels are not integers. ArgumentError: a label names no class.
    Source:  bridle1990probabilistic

    >>> scores = tensor([[3.2, 5.1, -1.7]])
    >>> cross_entropy(scores, tensor([0]))
    Tensor(2.04035515)
    >>> cr.round(100 * cr.softmax(scores))
    Tensor([[13., 87.,  0.]])
    """
    scores = floating(as_tensor(logits, "cross_entropy"))
    wanted = as_tensor(targets, "cross_entropy")
    if scores.ndim and wanted.shape == scores.shape and wanted.dtype.is_float:
        return _of_probabilities(*promoted("cross_entropy", scores, wanted))
    if wanted.ndim == scores.ndim:
        raise ShapeError(
            f"cross_entropy: targets of shape {list(wanted.shape)} and dtype {wanted.dtype} are "
            f"neither labels nor probabilities\n\n"
            f"    logits   {describe(scores)}\n    targets  {describe(wanted)}\n\n"
            "  Labels are integers of the shape of the logits without the last axis; "
            "probabilities are\n  floating-point numbers of the shape of the logits."
        )
    check_labels("cross_entropy", "logits", scores, "targets", wanted)
    return _of_labels(scores, wanted)  # type: ignore[no-any-return]


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


def _of_probabilities(scores: Tensor, probabilities: Tensor) -> Tensor:
    logarithms = log_softmax(scores)
    nothing = logical_and(equal(probabilities, 0.0), isinf(logarithms))  # 0 · log 0 = 0
    terms = multiply(probabilities, where(nothing, 0.0, logarithms))
    return negative(batch_mean(terms, scores.shape[:-1]))
