"""Optimizers: from gradients to the next model.

>>> optimizer = SGD(0.1)
>>> w = tensor(1.0)
>>> model, state = optimizer.update(tensor(3.0), optimizer.init(w), w)
>>> model
Tensor(0.7)
"""

from typing import TYPE_CHECKING

from chainrule.elsewhere import missing_from as _missing_from
from chainrule.optim.accumulated import Accumulated
from chainrule.optim.adagrad import Adagrad
from chainrule.optim.adam import Adam
from chainrule.optim.adamw import AdamW
from chainrule.optim.averaged import Averaged
from chainrule.optim.backtracking import Backtracking
from chainrule.optim.clipped import Clipped
from chainrule.optim.cma_es import cma_es
from chainrule.optim.conjugate_gradient import conjugate_gradient
from chainrule.optim.descend import descend
from chainrule.optim.gauss_newton import gauss_newton, gauss_newton_matrix
from chainrule.optim.genetic import genetic_algorithm
from chainrule.optim.groups import Grouped
from chainrule.optim.lbfgs import lbfgs
from chainrule.optim.levenberg_marquardt import levenberg_marquardt
from chainrule.optim.line_search import LineSearch, LineStep
from chainrule.optim.lion import Lion
from chainrule.optim.minimum import Minimum
from chainrule.optim.muon import Muon
from chainrule.optim.newton import newton
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.plateau import ReduceOnPlateau
from chainrule.optim.race import Race, Runner, race
from chainrule.optim.random_search import random_search
from chainrule.optim.rmsprop import RMSProp
from chainrule.optim.sgd import SGD
from chainrule.optim.strong_wolfe import StrongWolfe

__all__ = [
    "SGD",
    "Accumulated",
    "Adagrad",
    "Adam",
    "AdamW",
    "Averaged",
    "Backtracking",
    "Clipped",
    "Grouped",
    "LineSearch",
    "LineStep",
    "Lion",
    "Minimum",
    "Muon",
    "Optimizer",
    "RMSProp",
    "Race",
    "ReduceOnPlateau",
    "Runner",
    "StrongWolfe",
    "cma_es",
    "conjugate_gradient",
    "descend",
    "gauss_newton",
    "gauss_newton_matrix",
    "genetic_algorithm",
    "lbfgs",
    "levenberg_marquardt",
    "newton",
    "race",
    "random_search",
]

if not TYPE_CHECKING:  # which knows by itself what is missing
    __getattr__ = _missing_from(__name__)
