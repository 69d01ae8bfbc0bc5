"""Arguments: a plan for finding the arrays of a call like one that was seen before."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.runtime.matching import Match, Plan, slot_of
from chainrule.tensors import Tensor, of_value

__all__ = ["matched"]


class _Unplanned(Exception):  # noqa: N818  it is no error that a call goes the slow way
    """An argument holds something that a plan cannot look into."""


def matched(leaves: list[Any], structure: Any, donated: Iterable[int] = ()) -> Match | None:
    """A function of (args, kwargs): its arrays, in the order of leaves, if all else is as here.

    After them it gives some of the Tensors that hold them, by their numbers.
    Everything that is no Tensor has to be the same object. None where a leaf is an array or a
    float, which may be another one at the next call, or where an object cannot be looked into.
    """
    offset = _value_slot()
    if offset is None or any(isinstance(leaf, np.ndarray | float) for leaf in leaves):
        return None
    # A Tensor may stand in two places, so we look at a tree of the same kind where none does.
    probes = [_probe(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    finder = _Finder(offset, {id(p) for p in probes if isinstance(p, Tensor)})
    try:
        finder.visit(0, tree.unflatten(structure, probes))
    except _Unplanned:
        return None
    tensors = [id(probe) for probe in probes if isinstance(probe, Tensor)]
    for found in tensors:
        finder.plan.keep(finder.places[found])
    for number in donated:
        finder.plan.keep(finder.owners[tensors[number]])
    return finder.plan.ready()


def _probe(leaf: Tensor) -> Tensor:
    return of_value(np.empty(leaf.shape, leaf.dtype.numpy))


class _Finder:
    """Looks into a tree, and writes down how."""

    def __init__(self, offset: int, given: set[int]) -> None:
        self.offset = offset
        self.given = given
        self.plan = Plan()
        self.owners: dict[int, int] = {}  # where a Tensor is found, by its identity
        self.places: dict[int, int] = {}  # where its value is

    def visit(self, place: int, value: Any) -> None:
        """Expect what is here to be like a value."""
        plan, kind = self.plan, type(value)
        if id(value) in self.given:
            plan.kind(place, Tensor)
            self.owners[id(value)] = place
            self.places[id(value)] = own = plan.slot(place, self.offset)
            plan.array(own, value._value)
        elif kind in (tuple, list):
            for at, item in zip(plan.sequence(place, kind, len(value)), value, strict=True):
                self.visit(at, item)
        elif kind is dict:
            plan.mapping(place, len(value))
            self._items(place, value)
        elif tree.is_branch(kind):
            if not hasattr(value, "__dict__"):
                raise _Unplanned
            plan.kind(place, kind)
            self._items(plan.attributes(place), vars(value))
        elif value is None or tree.is_leaf(value):
            plan.same(place, value)
        else:
            raise _Unplanned

    def _items(self, place: int, values: dict[Any, Any]) -> None:
        for key, value in values.items():
            if type(key) is not str:
                raise _Unplanned
            self.visit(self.plan.item(place, key), value)


@cache
def _value_slot() -> int | None:
    """Where a Tensor has its array."""
    probe = of_value(np.empty(()))
    return slot_of(probe, probe._value)
