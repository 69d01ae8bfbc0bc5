"""Who reads the values of the Tensors that a function closes over, while ``jit`` records it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from chainrule.ir.dtype import DType, from_numpy
from chainrule.locking import lock_between_forks
from chainrule.recording import current
from chainrule.tensors import Tensor

__all__ = ["Watched", "held", "watched"]


class Watched(Tensor):
    """A Tensor that a function closes over while ``jit`` records it: reading its value is noticed.

    A value that was read may be part of the program, which is recorded again when the name is bound
    to another Tensor. A Tensor is turned into a Watched in place, and back.
    """

    __slots__ = ()

    @property
    def _value(self) -> np.ndarray | None:  # type: ignore[override]
        opened = current()
        for recording in opened.chain() if opened else ():
            recording.touched.add(id(self))
        return held(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return held(self).shape

    @property
    def dtype(self) -> DType:
        return from_numpy(held(self).dtype)


# Not a method: another thread may make it a plain Tensor again between the call and the look-up.
held: Final[Callable[[Tensor], np.ndarray]] = Tensor.__dict__["_value"].__get__
_watchers: Final[Counter[int]] = Counter()
_watching: Final = lock_between_forks()


@contextmanager
def watched(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Notice who reads the values of these Tensors in this block.

    Threads that record at the same time may watch the same Tensor; the last one lets it go.
    """
    changed = [t for t in tensors if type(t) in (Tensor, Watched) and t._node is None]
    with _watching:
        for t in changed:
            _watchers[id(t)] += 1
            t.__class__ = Watched
    try:
        yield
    finally:
        with _watching:
            for t in changed:
                _let_go(t)


def _let_go(tensor: Tensor) -> None:
    """End one watch of a Tensor; with the last one it is a plain Tensor again."""
    _watchers[id(tensor)] -= 1
    if _watchers[id(tensor)]:
        return
    del _watchers[id(tensor)]
    kind: type[Tensor] = type(tensor)
    if kind is Watched:  # else it was given away meanwhile
        tensor.__class__ = Tensor
