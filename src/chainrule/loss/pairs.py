"""What losses ask of two values that are compared entry by entry."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.functions.elementwise import subtract
from chainrule.functions.lift import Operand, describe, floating, promoted
from chainrule.tensors import Tensor

__all__: list[str] = []


def pair(
    name: str, found: Operand, wanted: Operand, called: tuple[str, str] = ("prediction", "target")
) -> tuple[Tensor, Tensor]:
    """Bring two operands to one floating dtype; raise unless they have one shape."""
    x, y = (floating(t) for t in promoted(name, found, wanted))
    if x.shape != y.shape:
        left, right = called
        raise ShapeError(
            f"{name}: a {left} of shape {list(x.shape)} for a {right} of shape {list(y.shape)}\n\n"
            f"    {left:<10}  {describe(x)}\n    {right:<10}  {describe(y)}\n\n"
            f"  They must be equal: repeating one along an axis would compare every {left} with "
            f"every {right}."
        )
    return x, y


def errors(name: str, prediction: Operand, target: Operand) -> Tensor:
    """The prediction less the target."""
    return subtract(*pair(name, prediction, target))
