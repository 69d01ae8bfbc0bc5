"""Which numbers a distribution draws: all of them if they are finitely many, else their ends."""

from __future__ import annotations

import numpy as np

from chainrule.functions.comparison import equal
from chainrule.functions.creation import arange
from chainrule.functions.elementwise import where
from chainrule.functions.joining import stack
from chainrule.functions.lift import cast
from chainrule.functions.manipulation import broadcast_to, moveaxis
from chainrule.functions.reduction import max, min
from chainrule.functions.softmax import log_softmax
from chainrule.probability.bernoulli import Bernoulli
from chainrule.probability.beta import Beta
from chainrule.probability.categorical import Categorical
from chainrule.probability.distribution import Distribution
from chainrule.probability.exponential import Exponential
from chainrule.probability.gamma import Gamma
from chainrule.probability.laplace import Laplace
from chainrule.probability.mixture import Mixture
from chainrule.probability.normal import Normal
from chainrule.probability.poisson import Poisson
from chainrule.probability.uniform import Uniform
from chainrule.tensors import Tensor, tensor

__all__: list[str] = []


def probabilities(p: Bernoulli | Categorical) -> tuple[Tensor, Tensor]:
    """The numbers that can be drawn, and their log-probabilities in a first axis."""
    if isinstance(p, Bernoulli):
        values = arange(2)
        return values, p.log_density(values.reshape((2,) + (1,) * len(p.shape)))
    return arange(p.logits.shape[-1]), moveaxis(log_softmax(p.logits), -1, 0)


def support(p: Distribution) -> tuple[Tensor, Tensor] | None:
    """The smallest and the largest number that can be drawn; ``None`` for vectors."""
    match p:
        case Normal() | Laplace():
            return tensor(-np.inf), tensor(np.inf)
        case Exponential() | Gamma():
            return tensor(0.0), tensor(np.inf)
        case Poisson():
            return tensor(0.0), where(equal(p.rate, 0.0), 0.0, np.inf)
        case Beta():
            return tensor(0.0), tensor(1.0)
        case Bernoulli() | Categorical():
            values, logs = probabilities(p)
            numbers = cast(values.reshape((-1,) + (1,) * (logs.ndim - 1)), logs.dtype)
            return _outermost(numbers, numbers, logs, 0)
        case Uniform():
            return p.low, p.high
        case Mixture() if not p.event_axes:
            low, high = _supports(p)
            return _outermost(low, high, log_softmax(p.logits), -1)
    return None


def _supports(p: Mixture) -> list[Tensor]:
    """The smallest and the largest numbers of all components, which stand in a last axis."""
    several = p.components
    if isinstance(several, Distribution):
        return list(support(several) or ())
    bounds = [support(one) or () for one in several]
    ends = [[broadcast_to(end, p.shape) for end in row] for row in zip(*bounds, strict=True)]
    return [stack(row, axis=-1) for row in ends]


def _outermost(low: Tensor, high: Tensor, logs: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The extremes along an axis of all that have a probability."""
    drawn = logs > -np.inf
    return min(where(drawn, low, np.inf), axis=axis), max(where(drawn, high, -np.inf), axis=axis)
