"""The two moments of a gradient, on which Adam and AdamW stand."""

from __future__ import annotations

from chainrule.functions.elementary import pow, sqrt
from chainrule.functions.elementwise import add, divide, multiply, subtract
from chainrule.functions.lift import cast
from chainrule.ir.dtype import float64
from chainrule.optim.optimizer import Factor, Scalar
from chainrule.optim.rule import Formula, decayed
from chainrule.tensors import Tensor

__all__: list[str] = []


def adaptive(
    beta1: float, beta2: float, eps: float, decay: float, rate: Factor, step: Tensor
) -> Formula:
    """The formula of Adam with decoupled weight decay; see their docstrings."""
    t = cast(step, float64)
    root = sqrt(subtract(1.0, pow(beta2, t)))
    alpha = Scalar(divide(multiply(root, rate), subtract(1.0, pow(beta1, t))))
    floor = Scalar(multiply(root, eps))
    kept = decayed(rate, decay)

    def one(w: Tensor, g: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        m = add(multiply(m, beta1), multiply(g, 1.0 - beta1))
        v = add(multiply(v, beta2), multiply(multiply(g, g), 1.0 - beta2))
        direction = divide(m, add(sqrt(v), floor.like(w)))
        return subtract(kept(w), multiply(direction, alpha.like(w))), m, v

    return one
