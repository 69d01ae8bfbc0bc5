"""Random search."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.optim.minimum import Minimum, require_count
from chainrule.optim.objective import Loss
from chainrule.optim.search import Search

__all__ = ["random_search"]

_AT_ONCE = 64


def random_search(
    loss: Loss, start: Any, *, spread: Any = 1.0, evaluations: int = 1000,
    target: float | None = None, seed: int = 0, batched: bool = False,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by trying points at random.

    x = x₀ + spread ⊙ (2 u − 1),   u uniform in [0, 1)ⁿ;   the best x is kept

    The points are independent, so a set that holds a share v of the box is met by N of them with
    the chance 1 − (1 − v)ᴺ, whatever the function is. The start counts as the first evaluation.
    The search ends early at a value not above the target. ``spread`` is a number, or a tree of
    numbers or Tensors like the parameters.

    The function is any that gives a number; where it is not finite it is as bad as can be. With
    ``batched`` it is recorded once and computed at 64 points at a time by vmap. A seed gives the
    same points on every machine.

    Raises:  NonFiniteError: f is not finite at the start. ArgumentError: a setting is out of range.
    Source:  bergstra2012random; brooks1958discussion

    >>> found = random_search(lambda x: cr.sum((x - 0.5) ** 2), cr.zeros(2), evaluations=500)
    >>> found.value < 0.02, found.evaluations
    (True, 500)
    """
    name = "random_search"
    require_count(name, 1, evaluations=evaluations)
    search = Search(name, loss, start, spread, seed, target, batched)
    low, steps = search.layout.start - search.spread, 0
    while search.objective.evaluations < evaluations and not search.is_done:
        count = min(_AT_ONCE, evaluations - search.objective.evaluations)
        drawn = search.uniform(steps, 0, (_AT_ONCE, search.layout.size))[:count]
        points = low + 2 * search.spread * drawn
        steps += 1
        # Or one by one, so that the search ends with the first that is good enough.
        for group in [points] if batched else points[:, np.newaxis]:
            search.evaluate(group)
            if search.is_done:
                break
        search.record()
    return search.minimum(steps, False)
