"""Memory: where in one arena each array lies, so that arrays of different times share it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypeVar

__all__ = ["arrange"]

_ALIGN: Final = 64
Name = TypeVar("Name", bound=Hashable)


def arrange(lives: Mapping[Name, tuple[int, int, int]]) -> tuple[dict[Name, int], int]:
    """Give offsets to arrays (first use, last use, bytes), and the size of the arena.

    The largest first, each at the lowest place that is free for all of its life: at most a few
    percent above the largest sum of what lives at one time, in practice.

    >>> arrange({"a": (0, 1, 64), "b": (1, 2, 64), "c": (2, 3, 64)})
    ({'a': 0, 'b': 64, 'c': 0}, 128)
    """
    placed: list[tuple[int, int, int, int]] = []
    offsets: dict[Name, int] = {}
    total = 0
    order = sorted(lives, key=lambda name: (-lives[name][2], lives[name][0]))
    for name in order:
        born, last, size = lives[name]
        size = -(-max(size, 1) // _ALIGN) * _ALIGN
        others = sorted(
            (start, end) for first, until, start, end in placed if first <= last and born <= until
        )
        at = 0
        for start, end in others:
            if at + size <= start:
                break
            at = max(at, end)
        offsets[name] = at
        placed.append((born, last, at, at + size))
        total = max(total, at + size)
    return offsets, total
