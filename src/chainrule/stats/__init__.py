"""Statistics: of Tensors along any axes, weighted, and of data that do not fit in memory.

Functions of Tensors are differentiable and go through ``vmap`` and ``jit``. ``Moments``,
``Comoments`` and ``QuantileSketch`` gather chunks and merge.

>>> x = tensor([1.0, 2.0, 3.0, 10.0])
>>> mean(x), median(x), standard_deviation(x, correction=1)
(Tensor(4.), Tensor(2.5), Tensor(4.0824829))
"""

from chainrule.stats.averages import kurtosis, mean, skewness, standard_deviation, variance
from chainrule.stats.covariance import correlation, covariance
from chainrule.stats.description import Description, describe
from chainrule.stats.histogram import Histogram, histogram
from chainrule.stats.moments import Comoments, Moments
from chainrule.stats.order import median, quantile, quartiles
from chainrule.stats.sketch import QuantileSketch, exact_quantiles

__all__ = [
    "Comoments",
    "Description",
    "Histogram",
    "Moments",
    "QuantileSketch",
    "correlation",
    "covariance",
    "describe",
    "exact_quantiles",
    "histogram",
    "kurtosis",
    "mean",
    "median",
    "quantile",
    "quartiles",
    "skewness",
    "standard_deviation",
    "variance",
]
