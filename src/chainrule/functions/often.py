"""Ufuncs of known Tensors that become machine code when they have been called often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from chainrule.functions.slots import tensor_slots
from chainrule.ir.dtype import ALL
from chainrule.runtime.applying import Kinds, applying
from chainrule.runtime.call_code import is_ready
from chainrule.runtime.programs import is_native

__all__: list[str] = []

Way = Callable[..., Any]
"""Gives a Tensor, or NotImplemented for operands that it does not take."""

OFTEN: Final = 1000
"""Calls after which a function becomes machine code, which takes 2 ms to load."""


def machine_code(ufunc: Callable[..., Any], kinds: frozenset[Kinds], **how: Any) -> Way | None:
    """A ufunc as machine code; None where there can be none, or while it is made.

    how   what ``applying`` takes beside
    """
    slots = tensor_slots()
    if not isinstance(ufunc, np.ufunc) or slots is None or not is_native() or not is_ready():
        return None
    return applying(ufunc, kinds, slots, **how)


class Often:
    """A product: a ufunc of two Tensors of one dtype, and its machine code when it is there.

    core  axes that the product reads together
    """

    __slots__ = ("calls", "core", "ufunc", "way")

    def __init__(self, ufunc: np.ufunc, core: int) -> None:
        self.ufunc, self.core = ufunc, core
        self.calls = 0
        self.way: Way | None = None

    def count(self) -> None:
        """Note a call that went another way."""
        self.calls += 1
        if self.calls >= OFTEN:
            self.calls = 0
            self.way = machine_code(self.ufunc, _ALIKE, core=self.core)


_ALIKE: Final[frozenset[Kinds]] = frozenset((d.numpy,) * 2 for d in ALL if d.kind != "bool")
