"""Where a Tensor has what, for machine code that reads and makes Tensors."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from chainrule.runtime.calling import Holder
from chainrule.runtime.matching import slot_of
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []


@cache
def tensor_slots() -> Holder | None:
    """Where a Tensor has its array, its node and its recording; None if that is not clear."""
    probe = of_value(np.empty(()))
    node: Any = object()
    recording: Any = object()
    probe._node, probe._recording = node, recording
    found = [slot_of(probe, x) for x in (probe._value, node, recording)]
    places = [at for at in found if at is not None]
    return Holder(Tensor, *places) if len(places) == len(found) else None
