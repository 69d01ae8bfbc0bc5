"""Optimizers: from gradients to the next model.

>>> optimizer = SGD(0.1)
>>> w = tensor(1.0)
>>> model, state = optimizer.update(tensor(3.0), optimizer.init(w), w)
>>> model
Tensor(0.7)
"""

from chainrule.optim.accumulated import Accumulated
from chainrule.optim.adagrad import Adagrad
from chainrule.optim.adam import Adam
from chainrule.optim.adamw import AdamW
from chainrule.optim.averaged import Averaged
from chainrule.optim.clipped import Clipped
from chainrule.optim.gauss_newton import gauss_newton, gauss_newton_matrix
from chainrule.optim.groups import Grouped
from chainrule.optim.levenberg_marquardt import levenberg_marquardt
from chainrule.optim.lion import Lion
from chainrule.optim.minimum import Minimum
from chainrule.optim.muon import Muon
from chainrule.optim.newton import newton
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.plateau import ReduceOnPlateau
from chainrule.optim.rmsprop import RMSProp
from chainrule.optim.sgd import SGD

__all__ = [
    "SGD",
    "Accumulated",
    "Adagrad",
    "Adam",
    "AdamW",
    "Averaged",
    "Clipped",
    "Grouped",
    "Lion",
    "Minimum",
    "Muon",
    "Optimizer",
    "RMSProp",
    "ReduceOnPlateau",
    "gauss_newton",
    "gauss_newton_matrix",
    "levenberg_marquardt",
    "newton",
]
