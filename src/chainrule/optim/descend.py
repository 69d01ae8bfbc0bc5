"""The update rules as a method that minimizes one function."""

from __future__ import annotations

import math
from typing import Any

from chainrule.errors import NonFiniteError
from chainrule.optim.minimum import Minimum, largest, require_count, require_not_negative
from chainrule.optim.objective import Loss, Objective
from chainrule.optim.optimizer import Optimizer, require_optimizer
from chainrule.transform import jit
from chainrule.wording import plural

__all__ = ["descend"]


def descend(
    loss: Loss, start: Any, optimizer: Optimizer, *, steps: int = 1000, tolerance: float = 1e-8,
    compiled: bool = True,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by an optimizer, such as Adam.

    g = ∇f(x),   (x, state) ← update(g, state, x)

    Each step takes the gradient of the whole function; ``chainrule.train.fit`` is for batches. An
    optimizer that averages weights gives the averaged ones. It has converged if no element of the
    gradient is larger than the tolerance.

    With ``compiled`` the loss is recorded once; a loss that branches on values needs
    ``compiled=False``.

    Raises:  NonFiniteError: f is not finite at the start or after a step.
             ArgumentError: a setting is out of range.
    Cost:    a value and gradient, and an update, for each step.

    >>> from chainrule.optim import SGD
    >>> found = descend(lambda x: cr.sum((x - 3) ** 2), cr.tensor([0.0]), SGD(0.25))
    >>> found.converged, found.steps, round(found.parameters.tolist()[0], 6)
    (True, 30, 3.0)
    """
    require_optimizer("descend", "optimizer", optimizer)
    require_count("descend", 0, steps=steps)
    require_not_negative("descend", tolerance=tolerance)
    objective = Objective("descend", loss, start, compiled=compiled)
    update = jit(optimizer.update) if compiled else optimizer.update
    parameters, taken = objective.layout.parameters(objective.layout.start), 0
    value, gradient = objective.started_from(parameters)
    history, state = [value], optimizer.init(parameters)
    while taken < steps and largest(gradient) > tolerance:
        parameters, state = update(gradient, state, parameters)
        taken += 1
        value, gradient = objective.slope_at(parameters)
        if not (math.isfinite(value) and math.isfinite(largest(gradient))):
            raise NonFiniteError(
                f"descend: after {plural(taken, 'step')} the function is {value} or its "
                f"gradient is not finite; before that step it was {history[-1]:g}\n\n"
                "  A smaller learning rate may help."
            )
        history.append(value)
        objective.went_to(parameters, value)
    kept = optimizer.evaluated(state, parameters)
    if kept is not parameters:
        parameters = kept
        value, gradient = objective.slope_at(parameters)
    norm = largest(gradient)
    return Minimum(
        parameters, value, norm, taken, norm <= tolerance, tuple(history), objective.evaluations
    )
