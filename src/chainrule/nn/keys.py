"""Where layers take their random numbers from: a key, or the keys of an enclosing ``seed``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chainrule.errors import ArgumentError
from chainrule.functions import random
from chainrule.tensors import Tensor

__all__ = ["seed"]


class _Keys:
    """The keys that belong to a seed, one after another."""

    def __init__(self, number: int) -> None:
        self.root = random.key(number)
        self.given = 0

    def take(self) -> Tensor:
        self.given += 1
        return random.fold_in(self.root, self.given - 1)


_keys: ContextVar[_Keys | None] = ContextVar("keys", default=None)


@contextmanager
def seed(number: int) -> Iterator[None]:
    """Give the layers that are made inside, in their order, the keys that belong to a seed.

    >>> with cr.nn.seed(0):
    ...     first, second = cr.nn.Linear(2, 1), cr.nn.Linear(2, 1)
    >>> with cr.nn.seed(0):
    ...     again = cr.nn.Linear(2, 1)
    >>> cr.all(again.weight == first.weight), cr.all(second.weight == first.weight)
    (Tensor(True), Tensor(False))
    """
    token = _keys.set(_Keys(number))
    try:
        yield
    finally:
        _keys.reset(token)


def key_for(name: str, key: Tensor | None) -> Tensor:
    """The key that was given, or the next one of the enclosing seed; raises where there is none."""
    if key is not None:
        return key
    keys = _keys.get()
    if keys is None:
        raise ArgumentError(
            f"{name}: there is no key for its random numbers\n\n"
            f"  Make the layer under `with cr.nn.seed(0):`, or give it one: "
            f"{name}(..., key=cr.random.key(0))."
        )
    return keys.take()
