"""Gauss–Newton: nonlinear least squares by linear ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import tree
from chainrule.functions.elementwise import add, multiply, negative, subtract
from chainrule.functions.reduction import sum as sum_
from chainrule.optim.minimum import (
    Counted,
    Minimum,
    combined,
    finite,
    inner,
    largest,
    moved,
    prepared,
    require_count,
    require_not_negative,
)
from chainrule.tensors import Tensor
from chainrule.transform import Derivative, grad, hessian, jvp

__all__ = ["gauss_newton", "gauss_newton_matrix"]

Residuals = Callable[[Any], Any]
_SHORTEST = 1e-10
_ARMIJO = 1e-4


def half_squares(values: Any) -> Tensor:
    """½ Σ r², over all leaves."""
    total: Any = 0.0
    for leaf in tree.flatten(values)[0]:
        total = total + sum_(multiply(leaf, leaf))
    half: Tensor = total * 0.5
    return half


def slope(residuals: Residuals, parameters: Any) -> Any:
    """Jᵀ r."""
    return grad(lambda x: half_squares(residuals(x)))(parameters)


def local_model(residuals: Residuals, parameters: Any) -> Callable[[Any], Tensor]:
    """½ ‖r(x₀) + J (x − x₀)‖², whose gradient at x₀ is Jᵀ r and whose Hessian is Jᵀ J."""

    def model(moving: Any) -> Tensor:
        direction = combined(subtract, moving, parameters)
        value, pushed = jvp(residuals, (parameters,), (direction,))
        return half_squares(combined(add, value, pushed))

    return model


def gauss_newton_matrix(residuals: Residuals, parameters: Any) -> Derivative:
    """Give Jᵀ J as a Derivative that knows its structure.

    >>> X = cr.ones((5, 2))
    >>> A = gauss_newton_matrix(lambda W: X @ W, cr.ones((2, 3)))
    >>> A.structure
    'Kronecker(XᵀX, I)'
    """
    found: Derivative = hessian(local_model(residuals, parameters))(parameters)
    return found


def gauss_newton(
    residuals: Residuals, start: Any, *, steps: int = 100, tolerance: float = 1e-8
) -> Minimum:
    """Minimize ½ Σ r(x)² by steps of its local linear model, halved until they decrease it.

    x ← x − t (Jᵀ J)⁻¹ Jᵀ r

    Raises:  NonFiniteError: the residuals are not finite at the start.
             ArgumentError: Jᵀ J is singular, where :func:`levenberg_marquardt` goes on; or a
             setting is out of range.
    Source:  nocedal2006numerical, ch. 10

    >>> x, y = cr.tensor([0.0, 1.0, 2.0]), cr.tensor([1.0, 2.0, 4.0])
    >>> found = gauss_newton(lambda p: p[0] * cr.exp(p[1] * x) - y, cr.tensor([1.0, 0.5]))
    >>> [round(v, 4) for v in found.parameters.tolist()]
    [1.0, 0.6931]
    """
    require_count("gauss_newton", 0, steps=steps)
    require_not_negative("gauss_newton", tolerance=tolerance)
    counted, parameters = Counted(residuals), prepared("gauss_newton", start)
    history, tried = [finite("gauss_newton", half_squares(counted(parameters)))], 0
    gradient = slope(counted, parameters)
    while tried < steps and largest(gradient) > tolerance:
        tried += 1
        matrix = gauss_newton_matrix(counted, parameters)
        step = tree.map_(negative, matrix.solve(gradient))
        found = _searched(counted, parameters, step, inner(gradient, step), history[-1])
        if found is None:
            break
        parameters = found
        history.append(float(half_squares(counted(parameters))))
        gradient = slope(counted, parameters)
    norm = largest(gradient)
    done = norm <= tolerance
    return Minimum(parameters, history[-1], norm, tried, done, tuple(history), counted.calls)


def _searched(residuals: Residuals, parameters: Any, step: Any, rate: float, before: float) -> Any:
    """The first point x + t p, t = 1, ½, ¼, …, that decreases enough; None if none does."""
    length = 1.0
    while length > _SHORTEST:
        candidate = moved(parameters, tree.map_(lambda leaf, t=length: leaf * t, step))
        after = float(half_squares(residuals(candidate)))
        if after <= before + _ARMIJO * length * rate or (
            abs(rate) <= 1e-13 * before and after <= before
        ):
            return candidate
        length /= 2
    return None
