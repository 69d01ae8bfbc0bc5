"""Losses, each the mean over a batch, and penalties on the weights.

>>> scores, labels = tensor([[2.0, 1.0], [0.0, 3.0]]), tensor([0, 1])
>>> cross_entropy(scores, labels), hinge(scores, labels)
(Tensor(0.18092452), Tensor(0.))
"""

from chainrule.loss.cross_entropy import cross_entropy
from chainrule.loss.hinge import hinge
from chainrule.loss.regularization import l1, l2
from chainrule.loss.squared import squared

__all__ = ["cross_entropy", "hinge", "l1", "l2", "squared"]
