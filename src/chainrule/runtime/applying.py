"""Applying: a ufunc from Tensors to a Tensor, in one call of machine code.

What Python does around a ufunc (look what the operands are, enter a context without warnings, make
a Tensor) takes it longer than NumPy takes for a thousand numbers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final

import numpy as np

from chainrule.runtime.aligned import FROM, TO
from chainrule.runtime.apply_text import APPLY, MOST
from chainrule.runtime.call_code import FAST, maker
from chainrule.runtime.calling import Holder
from chainrule.runtime.matching import words_of
from chainrule.runtime.quiet import quiet_context

__all__ = ["ALL", "Kinds", "applying"]

ALL: Final = 64  # axes; no array has more

Kinds = tuple[object, ...]
"""What the operands of a ufunc are, each the dtype of an array or the class of a number."""


def applying(
    ufunc: np.ufunc,
    kinds: Collection[Kinds],
    holder: Holder,
    *,
    silent: bool = False,
    lines: bool = False,
    core: int = ALL,
) -> Callable[..., Any] | None:
    """A ufunc as a function of what holds arrays, and of numbers beside them.

    It gives NotImplemented for operands of other kinds, where another thread is about it, and where
    NumPy refuses: the caller goes another way. It is None where there can be no such function.

    silent  the ufunc warns of no number
    lines   what it makes is worth whole lines of the cache
    core    axes that it reads together: if an operand has more, those before are not broadcast
    Cost:   0.1 µs beside the ufunc.
    """
    make = maker("apply", FAST)
    if make is None:
        return None
    rows = _rows(frozenset(kinds), lines)
    fields = {
        "holder": id(holder.kind), "value": holder.value, "node": holder.node,
        "recording": holder.recording, "none": id(None), "array": id(np.ndarray),
        "refused": id(NotImplemented),
        "ufunc": id(ufunc), "operands": ufunc.nin, "core": core, "kinds": ctypes.addressof(rows),
        "kind_count": len(kinds), "quiet": 0 if silent else id(_QUIET), "lines": id(_LINES),
    }  # fmt: skip
    own = words_of([fields[name] for name in APPLY])
    return make((ctypes.addressof(own), (own, rows, ufunc, kinds, holder)))


@cache
def _rows(kinds: frozenset[Kinds], lines: bool) -> ctypes.Array[ctypes.c_int64]:
    """The rows of kinds, the first those that are alike."""
    words: list[int] = []
    for operands in sorted(kinds, key=_rank):
        words += [id(kind) for kind in operands]
        words += [0] * (MOST - len(operands)) + _worth(operands, lines)
    return words_of(words)


def _rank(operands: Kinds) -> tuple[bool, bool, str]:
    """Which kinds are looked for first: those of one dtype, and floats."""
    first = operands[0]
    return (
        any(kind is not first for kind in operands),
        not (isinstance(first, np.dtype) and first.kind == "f"),
        str(operands),
    )


def _worth(operands: Kinds, lines: bool) -> list[int]:
    """From how many elements on, and below how many, whole lines of the cache pay."""
    first = operands[0]
    if not lines or not isinstance(first, np.dtype) or any(k is not first for k in operands):
        return [0, 0]
    return [-(-FROM // first.itemsize), -(-TO // first.itemsize)]


_QUIET: Final = quiet_context()
_LINES: Final = quiet_context(lines=True)
