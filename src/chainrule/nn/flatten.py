"""Examples made vectors."""

from __future__ import annotations

import math
from typing import final

from chainrule.errors import ArgumentError
from chainrule.functions.lift import Operand, as_tensor
from chainrule.functions.manipulation import reshape
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Flatten"]


@final
class Flatten(Module):
    """Give each example one axis: images become vectors. The leading ``batch_axes`` stay.

    Shapes:  x: n h w   →   n h·w

    >>> Flatten()(cr.zeros((5, 28, 28))).shape
    (5, 784)
    """

    batch_axes: int = 1

    def __call__(self, x: Operand, /) -> Tensor:
        """Make one axis of those after the batch axes."""
        given = as_tensor(x, "Flatten")
        if given.ndim < self.batch_axes:
            raise ArgumentError(
                f"Flatten: x has {plural(given.ndim, 'axis')}, fewer than the "
                f"{self.batch_axes} batch axes"
            )
        lead = given.shape[: self.batch_axes]
        return reshape(given, (*lead, math.prod(given.shape[self.batch_axes :])))
