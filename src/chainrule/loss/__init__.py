"""Losses, each the mean over a batch, and penalties on the weights.

>>> scores, labels = tensor([[2.0, 1.0], [0.0, 3.0]]), tensor([0, 1])
>>> cross_entropy(scores, labels), hinge(scores, labels)
(Tensor(0.18092452), Tensor(0.))
"""

from typing import TYPE_CHECKING

from chainrule.elsewhere import missing_from as _missing_from
from chainrule.loss.absolute import absolute
from chainrule.loss.binary_logistic import binary_logistic
from chainrule.loss.cross_entropy import cross_entropy
from chainrule.loss.hinge import hinge, squared_hinge
from chainrule.loss.huber import huber
from chainrule.loss.kl_divergence import kl_divergence
from chainrule.loss.negative_log_likelihood import negative_log_likelihood
from chainrule.loss.regularization import elastic, l1, l2
from chainrule.loss.squared import squared

__all__ = [
    "absolute",
    "binary_logistic",
    "cross_entropy",
    "elastic",
    "hinge",
    "huber",
    "kl_divergence",
    "l1",
    "l2",
    "negative_log_likelihood",
    "squared",
    "squared_hinge",
]

if not TYPE_CHECKING:  # which knows by itself what is missing
    __getattr__ = _missing_from(__name__)
