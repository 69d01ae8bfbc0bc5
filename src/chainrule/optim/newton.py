"""Newton's method, on the structured solve of the Hessian."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import negative
from chainrule.optim.minimum import (
    Counted,
    Minimum,
    finite,
    inner,
    largest,
    moved,
    noise,
    prepared,
    require_count,
    require_not_negative,
)
from chainrule.tensors import Tensor
from chainrule.transform import Derivative, hessian, value_and_grad

__all__ = ["newton"]

_ENOUGH = 1e-4  # the least share of the predicted decrease that a step has to give
_FIRST = 1e-3  # the first damping, relative to the curvature
_LAST = 1e-6  # the damping below which there is none
_MOST_TRIES = 60


def newton(
    loss: Callable[[Any], Tensor], start: Any, *, steps: int = 100, tolerance: float = 1e-8
) -> Minimum:
    """Minimize a function of a tree of parameters by damped Newton steps.

    x ← x − (∇²f + μ I)⁻¹ ∇f

    μ is 0 while steps decrease f as its quadratic model predicts. Where one does not, there
    is none, or it leads to what is not finite, μ grows, and it shrinks again after steps that
    do. The Hessian keeps its structure, so a step of matrix factorization solves a small matrix,
    not the whole one.

    Raises:  NonFiniteError: f is not finite at the start.
             ArgumentError: a setting is out of range.
    Cost:    a gradient, the factors of a Hessian and a structured solve for each step.
    Source:  nocedal2006numerical, ch. 3 and 4

    >>> found = newton(lambda x: ((x - 3) ** 4).sum(), cr.tensor([1.0]), tolerance=1e-12)
    >>> found.converged, round(found.parameters.tolist()[0], 3)
    (True, 3.0)
    """
    require_count("newton", 0, steps=steps)
    require_not_negative("newton", tolerance=tolerance)
    counted = Counted(loss)
    both = value_and_grad(counted)
    parameters = prepared("newton", start)
    first, gradient = both(parameters)
    history, damping, tried = [finite("newton", first)], 0.0, 0
    while tried < steps and largest(gradient) > tolerance:
        curvature = hessian(counted)(parameters)
        for _ in range(_MOST_TRIES):
            tried += 1
            here = parameters, history[-1], gradient
            if (found := _trial(both, here, curvature, damping)) is not None:
                (parameters, value, gradient), gain = found
                history.append(value)
                damping = damping / 8 if gain > 0.5 else damping
                damping = 0.0 if damping < _LAST * _scale(curvature) else damping
                break
            damping = max(4 * damping, _FIRST * _scale(curvature))
            if tried >= steps:
                break
        else:
            break
    norm = largest(gradient)
    done = norm <= tolerance
    return Minimum(parameters, history[-1], norm, tried, done, tuple(history), counted.calls)


_Point = tuple[Any, float, Any]
"""Parameters, the value there and the gradient."""


def _trial(
    both: Callable[[Any], tuple[Tensor, Any]], here: _Point, curvature: Derivative, damping: float
) -> tuple[_Point, float] | None:
    """Where a damped step leads, with the share of the predicted decrease; None: not far enough."""
    parameters, value, gradient = here
    try:
        step = _step(curvature, gradient, damping)
    except ArgumentError:  # the damped Hessian is singular
        return None
    predicted = _predicted(curvature, gradient, step)
    if predicted <= 0:
        return None
    candidate = moved(parameters, step)
    found, slope = both(candidate)
    gain = (value - float(found)) / predicted
    at_the_end = predicted <= noise(value) and largest(slope) <= largest(gradient)
    if not (math.isfinite(gain) and math.isfinite(largest(slope))):
        return None
    if gain < _ENOUGH and not at_the_end:
        return None
    return (candidate, float(found), slope), gain


def _step(curvature: Derivative, gradient: Any, damping: float) -> Any:
    """−(H + μ I)⁻¹ g."""
    made = curvature.solve(gradient, damping=damping)
    return tree.map_(negative, made)


def _predicted(curvature: Derivative, gradient: Any, step: Any) -> float:
    """How much the quadratic model decreases; −∞ for a step that leads up or nowhere."""
    slope = inner(gradient, step)
    decrease = -slope - 0.5 * inner(step, curvature @ step)
    return decrease if slope < 0 and math.isfinite(decrease) else -math.inf


def _scale(curvature: Derivative) -> float:
    """The size of the curvature: the mean absolute diagonal, or 1 for a flat function."""
    diagonal = curvature.diag().numpy()
    return float(abs(diagonal).mean()) or 1.0
