"""The two moments of a gradient, on which Adam and AdamW stand."""

from __future__ import annotations

from typing import Any

from chainrule.functions.elementary import pow, sqrt
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.functions.lift import cast
from chainrule.ir.dtype import float64
from chainrule.optim.optimizer import Model, Scalar, State, each
from chainrule.tensors import Tensor

__all__: list[str] = []


def adaptive_step(
    kind: str,
    settings: tuple[float, float, float],
    rate: Tensor | float,
    decay: float,
    gradients: Any,
    state: State,
    model: Model,
) -> tuple[Model, State]:
    """Take a step of Adam with decoupled weight decay; see their docstrings."""
    beta1, beta2, eps = settings
    step = add(state["step"], 1)
    t = cast(step, float64)
    root = sqrt(subtract(1.0, pow(beta2, t)))
    alpha = Scalar(divide(multiply(root, rate), subtract(1.0, pow(beta1, t))))
    floor = Scalar(multiply(root, eps))
    keep = Scalar(subtract(1.0, multiply(rate, decay))) if decay else None

    def one(w: Tensor, g: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        m = add(multiply(m, beta1), multiply(g, 1.0 - beta1))
        v = add(multiply(v, beta2), multiply(multiply(g, g), 1.0 - beta2))
        direction = divide(m, add(sqrt(v), floor.like(w)))
        kept = multiply(w, keep.like(w)) if keep else w
        return subtract(kept, multiply(direction, alpha.like(w))), m, v

    model, first, second = each(
        kind, one, model, gradients, state["first_moment"], state["second_moment"]
    )
    return model, {"step": step, "first_moment": first, "second_moment": second}
