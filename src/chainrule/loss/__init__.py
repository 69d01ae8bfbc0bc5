"""Losses, each the mean over a batch, and penalties on the weights.

>>> scores, labels = tensor([[2.0, 1.0], [0.0, 3.0]]), tensor([0, 1])
>>> cross_entropy(scores, labels), hinge(scores, labels)
(Tensor(0.18092452), Tensor(0.))
"""

import sys
from typing import TYPE_CHECKING, Any

from chainrule.elsewhere import no_attribute as _no_attribute
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

    def __getattr__(name: str) -> Any:
        raise _no_attribute(
            "module 'chainrule.loss'", "chainrule.loss", name, sys.modules[__name__]
        )
