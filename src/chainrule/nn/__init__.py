"""Layers and models: immutable trees that are called.

>>> with seed(0):
...     model = Sequential(Linear(64, 64), cr.relu, Linear(64, 10))
>>> model(cr.zeros((5, 64))).shape
(5, 10)
"""

from chainrule.nn import initialization
from chainrule.nn.dropout import Dropout
from chainrule.nn.flatten import Flatten
from chainrule.nn.keys import seed
from chainrule.nn.linear import Linear
from chainrule.nn.modes import evaluation, is_evaluation
from chainrule.nn.module import Module, layers
from chainrule.nn.networks import linear, mlp
from chainrule.nn.parameters import count, load, parameters
from chainrule.nn.sequential import Sequential
from chainrule.nn.table import Layer

__all__ = [
    "Dropout",
    "Flatten",
    "Layer",
    "Linear",
    "Module",
    "Sequential",
    "count",
    "evaluation",
    "initialization",
    "is_evaluation",
    "layers",
    "linear",
    "load",
    "mlp",
    "parameters",
    "seed",
]
