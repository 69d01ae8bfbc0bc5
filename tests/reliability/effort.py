"""How much the sweeps try: a part of all places by default, all with CHAINRULE_THOROUGH=1."""

import os
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")

THOROUGH = os.environ.get("CHAINRULE_THOROUGH") == "1"


def some(items: Sequence[Item], count: int) -> list[Item]:
    """All items where the run is thorough, else so many of them, evenly spread with both ends."""
    if THOROUGH or len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def many(count: int, thorough: int) -> int:
    """How often to try."""
    return thorough if THOROUGH else count
