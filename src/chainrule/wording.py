"""How a count is written with its noun, for every message and page."""

from typing import Final

__all__ = ["plural"]

_ENDINGS: Final = {"ss": "sses", "is": "es", "ry": "ries", "ex": "ices"}


def plural(value: int, noun: str) -> str:
    """Write a count with its noun, in the singular for 1.

    >>> plural(1, "epoch"), plural(1500, "epoch")
    ('1 epoch', '1,500 epochs')
    >>> [plural(2, noun) for noun in ("class", "axis", "entry", "index")]
    ['2 classes', '2 axes', '2 entries', '2 indices']
    """
    if value == 1:
        return f"1 {noun}"
    ending = _ENDINGS.get(noun[-2:])
    return f"{value:,} {noun}s" if ending is None else f"{value:,} {noun[:-2]}{ending}"
