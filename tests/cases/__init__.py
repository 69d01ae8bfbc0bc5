"""THE LISTS: every function with inputs to try it on. Each contract test runs over all of them.

One file per room lists its cases; ``ALL`` joins them.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cases.case import Case


def all_cases() -> list[Case]:
    """Collect ``CASES`` of every file of this folder."""
    found: list[Case] = []
    for module in pkgutil.iter_modules(__path__):
        found += getattr(importlib.import_module(f"tests.cases.{module.name}"), "CASES", [])
    return found


ALL = all_cases()
