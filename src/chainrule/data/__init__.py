"""Data sets: files to arrays, one file per format, taken in batches.

>>> train, test = load("digits")
>>> inputs, targets = next(train.batches(32, seed=0))
>>> inputs.shape, inputs.dtype, targets.shape
((32, 64), dtype('float32'), (32,))
"""

from chainrule.data.arrays import from_arrays
from chainrule.data.cifar10 import cifar10
from chainrule.data.dataset import Dataset
from chainrule.data.digits import digits
from chainrule.data.idx import mnist, read_idx
from chainrule.data.registry import load
from chainrule.data.standardization import Standardization

__all__ = [
    "Dataset",
    "Standardization",
    "cifar10",
    "digits",
    "from_arrays",
    "load",
    "mnist",
    "read_idx",
]
