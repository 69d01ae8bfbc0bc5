"""Residual connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from chainrule.errors import ShapeError
from chainrule.functions.elementwise import add
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.nn.module import Module
from chainrule.nn.sequential import require_layer
from chainrule.tensors import Tensor

__all__ = ["Residual"]


@final
class Residual(Module):
    """Add what a layer makes of x to x, or to what a shortcut makes of it.

    y = shortcut(x) + branch(x),   shortcut(x) = x unless it is given

    Raises:  ShapeError: the two have different shapes. ArgumentError: one cannot be called.
    Source:  he2016deep, eq. 1–2

    >>> Residual(cr.tanh)(cr.tensor([0.0, 1.0]))
    Tensor([0.        , 1.76159416])
    """

    branch: Module | Callable[..., Any]
    shortcut: Module | Callable[..., Any] | None

    def __init__(self, branch: Any, shortcut: Any = None) -> None:
        require_layer("Residual: the branch", branch)
        if shortcut is not None:
            require_layer("Residual: the shortcut", shortcut)
        self.branch = branch
        self.shortcut = shortcut

    def __call__(self, x: Operand, /) -> Tensor:
        """Add the branch and the shortcut."""
        given = as_tensor(x, "Residual")
        made: Tensor = self.branch(given)  # type: ignore[operator]
        kept: Tensor = given if self.shortcut is None else self.shortcut(given)  # type: ignore[operator]
        if made.shape != kept.shape:
            remedy = "" if self.shortcut else "; a shortcut can change that of x"
            raise ShapeError(
                "Residual: the branch and the shortcut give different shapes\n\n"
                f"    branch    {describe(made)}\n    shortcut  {describe(kept)}\n\n"
                f"  They are added, so their shapes must be equal{remedy}."
            )
        return add(kept, made)
