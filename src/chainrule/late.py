"""The few places where a room asks for work of a room below it, by name and when it is needed.

Reading order and import order stay as they are: nothing here is imported before it is called. Every
such place is in the table; there should be hardly any.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

__all__ = ["late"]

_FOUND_IN: Final = {
    "formula_of": "chainrule.formula.derivative",  # Derivative.formula
}


def late(name: str, *args: Any) -> Any:
    """Call a function of the table."""
    return getattr(importlib.import_module(_FOUND_IN[name]), name)(*args)
