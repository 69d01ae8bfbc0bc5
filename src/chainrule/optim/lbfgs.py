"""L-BFGS: Newton's method with a Hessian that the last gradients tell of."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, final

import numpy as np

from chainrule.optim.descent import Directions, descend_along, unit_length
from chainrule.optim.line_search import LineSearch, Point, Ray
from chainrule.optim.minimum import Minimum, require_count
from chainrule.optim.objective import Loss
from chainrule.optim.strong_wolfe import StrongWolfe
from chainrule.optim.vector import Vector

__all__ = ["lbfgs"]

_WOLFE: Final = StrongWolfe()


def lbfgs(
    loss: Loss, start: Any, *, steps: int = 1000, tolerance: float = 1e-8, memory: int = 10,
    line_search: LineSearch = _WOLFE, compiled: bool = True,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by the limited-memory BFGS method.

    x ← x + α p,   p = −H g
    s = xₖ₊₁ − xₖ,   y = gₖ₊₁ − gₖ,   ρ = 1 / (yᵀs)
    q ← g;   for the newest pair to the oldest:   a = ρ sᵀq,   q ← q − a y
    r ← (sᵀy / yᵀy) q;   for the oldest to the newest:   r ← r + s (a − ρ yᵀr);   H g = r

    The last ``memory`` pairs (s, y) are kept, those with yᵀs > 0; the factor sᵀy / yᵀy is that of
    the newest. α comes of the line search, which tries 1 first, and at the start
    min(1, 1 / Σ|g|). If it finds none, the pairs are forgotten and −g is tried; if that fails too,
    the method ends. It has converged if no element of g is larger than the tolerance.

    With ``compiled`` the loss is recorded once; a loss that branches on values needs
    ``compiled=False``. Sums run in float64, whatever the parameters are.

    Raises:  NonFiniteError: f or its gradient is not finite at the start.
             ArgumentError: a setting is out of range.
    Cost:    a value and gradient for each length that is tried; 4 · memory products of vectors a
             step, and 2 · memory + 6 vectors of memory.
    Source:  liu1989limited; nocedal2006numerical, alg. 7.4 and 7.5, eq. 7.20

    >>> rosenbrock = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> found = lbfgs(rosenbrock, cr.tensor([-1.2, 1.0]))
    >>> found.converged, [round(v, 6) for v in found.parameters.tolist()]
    (True, [1.0, 1.0])
    """
    require_count("lbfgs", 1, memory=memory)
    return descend_along(
        "lbfgs", _Pairs(memory), loss, start, line_search, steps, tolerance, compiled
    )


@final
class _Pairs(Directions):
    """The last steps s and the changes y of the gradient along them."""

    def __init__(self, memory: int) -> None:
        self.pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=memory)

    def direction(self, gradient: Vector) -> Vector:
        q, products = gradient.copy(), []
        for s, y, rho in reversed(self.pairs):
            a = rho * float(s @ q)
            q -= a * y
            products.append(a)
        if self.pairs:
            s, y, rho = self.pairs[-1]
            q /= rho * float(y @ y)
        for (s, y, rho), a in zip(self.pairs, reversed(products), strict=True):
            q += s * (a - rho * float(y @ q))
        return -q

    def first(self, ray: Ray) -> float:
        return 1.0 if self.pairs else unit_length(ray.start.gradient)

    def learn(self, before: Point, after: Point, ray: Ray) -> None:
        s, y = after.vector - before.vector, after.gradient - before.gradient
        curvature = float(s @ y)
        if curvature > np.finfo(np.float64).eps * float(y @ y):
            self.pairs.append((s, y, 1.0 / curvature))

    def forget(self) -> bool:
        known = bool(self.pairs)
        self.pairs.clear()
        return known
