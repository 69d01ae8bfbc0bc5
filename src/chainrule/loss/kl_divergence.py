"""The Kullback–Leibler divergence of softmax from target probabilities."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.functions.comparison import equal
from chainrule.functions.elementary import log
from chainrule.functions.elementwise import multiply, subtract, where
from chainrule.functions.lift import Operand, describe, floating, promoted
from chainrule.functions.softmax import log_softmax
from chainrule.loss.labels import batch_mean
from chainrule.tensors import Tensor

__all__ = ["kl_divergence"]


def kl_divergence(logits: Operand, probabilities: Operand) -> Tensor:
    """Measure how far softmax of the logits is from the targets; the mean over the batch.

    L = (1/N) Σᵢ KL(Yᵢ ‖ softmax(sᵢ)) = (1/N) Σᵢₖ Yᵢₖ (log Yᵢₖ − log softmax(sᵢ)ₖ)
    ∂L/∂S = (P − Y)/N   with P = softmax(S), where the rows of Y sum to 1

    The targets come first in KL(target ‖ model), always. It is the cross-entropy less the entropy
    of the targets, so it is 0 where both agree. Log-probabilities may be given in place of logits:
    log softmax leaves them as they are. A term with Yᵢₖ = 0 is 0.

    Shapes:  logits: ... k   probabilities: ... k   →
    Raises:  ShapeError: the shapes differ, or there is no axis of classes.
    Source:  kullback1951information, sec. 2

    >>> kl_divergence(tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]]))
    Tensor(0.69314718)
    """
    scores, wanted = (floating(t) for t in promoted("kl_divergence", logits, probabilities))
    if not scores.ndim or scores.shape != wanted.shape:
        raise ShapeError(
            f"kl_divergence: probabilities of shape {list(wanted.shape)} do not fit logits of "
            f"shape {list(scores.shape)}\n\n"
            f"    logits         {describe(scores)}\n    probabilities  {describe(wanted)}\n\n"
            "  They have one shape, and its last axis counts the classes."
        )
    nothing = equal(wanted, 0.0)
    ratio = subtract(log(where(nothing, 1.0, wanted)), log_softmax(scores))
    terms = multiply(wanted, where(nothing, 0.0, ratio))
    return batch_mean(terms, scores.shape[:-1])
