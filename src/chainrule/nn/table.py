"""The table of layers that a model prints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

__all__ = ["Layer"]


class Layer(NamedTuple):
    """One row of the table of layers: where, what, the shapes and the number of parameters."""

    path: str
    kind: str
    shape: str
    parameters: int


def named(value: Any) -> str:
    """A setting in a table: functions by their names."""
    if isinstance(value, partial):
        settings = [*map(repr, value.args), *(f"{k}={v!r}" for k, v in value.keywords.items())]
        return f"{named(value.func)}({', '.join(settings)})"
    if callable(value):
        return str(getattr(value, "__name__", None) or repr(value))
    return repr(value)


def layer_table(title: str, layers: Sequence[Layer]) -> str:
    """Set the rows in columns, with rules above, below and before the total."""
    rows = [(r.path, r.kind, r.shape, f"{r.parameters:,}" if r.parameters else "") for r in layers]
    total = f"{sum(r.parameters for r in layers):,}"
    head = ("path", "layer", "parameters", "count")
    whole = [head, *rows, ("total", "", "", total)]
    widths = [max(len(row[k]) for row in whole) for k in range(4)]
    rule = "─" * (sum(widths) + 6)
    lines = [_line(row, widths) for row in whole]
    return "\n".join([title, rule, lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    path, kind, shape, count = row
    left = f"{path:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}"
    return f"{left}  {count:>{widths[3]}}".rstrip()
