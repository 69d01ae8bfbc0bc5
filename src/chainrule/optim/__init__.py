"""Optimizers: from gradients to the next model.

>>> optimizer = SGD(0.1)
>>> w = tensor(1.0)
>>> model, state = optimizer.update(tensor(3.0), optimizer.init(w), w)
>>> model
Tensor(0.7)
"""

from chainrule.optim.adam import Adam
from chainrule.optim.adamw import AdamW
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
