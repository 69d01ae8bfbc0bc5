"""Levenberg–Marquardt: Gauss–Newton with a damping that follows how well the model predicts."""

from __future__ import annotations

import math
from typing import Any

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import negative
from chainrule.optim.gauss_newton import Residuals, gauss_newton_matrix, half_squares, slope
from chainrule.optim.minimum import (
    Counted,
    Minimum,
    finite,
    inner,
    largest,
    moved,
    prepared,
    require_count,
    require_not_negative,
)

__all__ = ["levenberg_marquardt"]


def levenberg_marquardt(
    residuals: Residuals, start: Any, *, steps: int = 200, tolerance: float = 1e-8,
    damping: float = 1e-3,
) -> Minimum:  # fmt: skip
    """Minimize ½ Σ r(x)² by damped Gauss–Newton steps.

    x ← x − (Jᵀ J + μ I)⁻¹ Jᵀ r

    A step is taken if it decreases the sum at all. μ then follows the ratio of the decrease to the
    one that the model predicted; else μ grows, faster each time. It starts as ``damping`` times the
    largest diagonal element of Jᵀ J. The matrix keeps its structure, and μ I does not spoil it.

    Raises:  NonFiniteError: the residuals are not finite at the start.
             ArgumentError: a setting is out of range.
    Source:  madsen2004methods, algorithm 3.16

    >>> rosenbrock = lambda x: cr.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])
    >>> found = levenberg_marquardt(rosenbrock, cr.tensor([-1.2, 1.0]))
    >>> found.converged, [round(v, 6) for v in found.parameters.tolist()]
    (True, [1.0, 1.0])
    """
    name = "levenberg_marquardt"
    require_count(name, 0, steps=steps)
    require_not_negative(name, tolerance=tolerance)
    if not damping > 0:
        raise ArgumentError(f"{name}: damping={damping}, which must be greater than 0")
    counted, parameters = Counted(residuals), prepared(name, start)
    history, tried = [finite(name, half_squares(counted(parameters)))], 0
    matrix = gauss_newton_matrix(counted, parameters)
    gradient = slope(counted, parameters)
    mu = damping * (float(matrix.diag().numpy().max()) or 1.0)
    growth = 2.0
    while tried < steps and largest(gradient) > tolerance and math.isfinite(mu):
        tried += 1
        step = tree.map_(negative, matrix.solve(gradient, damping=mu))
        predicted = 0.5 * (mu * inner(step, step) - inner(step, gradient))
        candidate = moved(parameters, step)
        after = float(half_squares(counted(candidate)))
        gain = (history[-1] - after) / predicted if predicted > 0 else -1.0
        if gain > 0 and math.isfinite(after):
            parameters = candidate
            history.append(after)
            matrix = gauss_newton_matrix(counted, parameters)
            gradient = slope(counted, parameters)
            mu *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            growth = 2.0
        else:
            mu, growth = mu * growth, growth * 2
    norm = largest(gradient)
    done = norm <= tolerance
    return Minimum(parameters, history[-1], norm, tried, done, tuple(history), counted.calls)
