"""Arguments: plans for finding the arrays of a call like one that was seen before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.functions.slots import tensor_slots
from chainrule.runtime.building import Build
from chainrule.runtime.call_code import matcher
from chainrule.runtime.calling import Direct, Given, direct
from chainrule.runtime.giving import Handed
from chainrule.runtime.matching import Match, Plan
from chainrule.runtime.native import NativeProgram
from chainrule.tensors import Tensor, of_value, tensor
from chainrule.transform.closure import Attribute, Bound, Fixed, Get, Global
from chainrule.transform.donation import Gift, GivenAway
from chainrule.transform.scope import INPUTS

__all__ = ["Inputs", "called", "matched"]


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
    finder = _Finder(offset, 1)
    try:
        tensors = finder.tree(0, leaves, structure)
    except _Unplanned:
        return None
    finder.keep(tensors)
    for number in donated:
        finder.plan.keep(finder.owners[id(tensors[number])])
    return matcher(finder.plan)


class Inputs(NamedTuple):
    """What a call has: its leaves, in a structure of (args, kwargs), and what goes with them.

    hidden    the inputs that are no arguments
    changing  how many of them are not always the same, the first: they are given as a list
    gifts     what is left of inputs that are given away, by number
    """

    leaves: list[Any]
    structure: Any
    hidden: Sequence[Tensor]
    changing: int
    gifts: Mapping[int, Gift]


def called(
    inputs: Inputs, settled: Iterable[tuple[Get, Any]], program: NativeProgram, build: Build
) -> tuple[Direct, list[tuple[Get, Any]]] | None:
    """A program as a function of (args, kwargs, hidden, told), for calls like this one.

    With it comes which of the settled names it does not look at: their values have to be compared
    before. Arrays and floats may be others at the next call, and are read where they lie. None
    where an object cannot be looked into or an input does not lie in order.

    settled   names that the function closes over, and what they must be bound to
    build     how the results are put together
    """
    slots = tensor_slots()
    if slots is None:
        return None
    finder = _Finder(slots.value, 3)
    plan, others = finder.plan, []
    try:
        given = finder.tree(0, *_part(inputs.leaves, inputs.structure, 0))
        given += finder.tree(1, *_part(inputs.leaves, inputs.structure, 1))
        finder.hidden(inputs.hidden, inputs.changing)
    except _Unplanned:
        return None
    for get, held in settled:
        place = _place(plan, get)
        if place is None:
            others.append((get, held))
        elif place:
            plan.same(place, held)
    finder.keep(given)
    for place in finder.hidden_places:
        plan.keep(place)
    # A Tensor that the long way makes of an array is given away there, and nobody has it.
    gifts = [
        Handed(k, finder.owners[id(given[k])], gift)
        for k, gift in inputs.gifts.items() if isinstance(given[k], Tensor)
    ]  # fmt: skip
    made = direct(plan, program, slots, _kinds(given, gifts), build)
    return made and (made, others)


def _kinds(given: Sequence[Any], gifts: list[Handed]) -> Given:
    """Which inputs are floats, or arrays that the caller may write to, and which are given away."""
    floats = [k for k, found in enumerate(given) if type(found) is float]
    arrays = [k for k, found in enumerate(given) if type(found) is np.ndarray]
    return Given(floats, arrays, gifts, GivenAway)


def _part(leaves: Sequence[Any], structure: Any, which: int) -> tuple[list[Any], Any]:
    """The leaves and the structure of the args or of the kwargs."""
    parts = tree.unflatten(structure, range(len(leaves)))
    numbers, own = tree.flatten(parts[which])
    return [leaves[k] for k in numbers], own


def _place(plan: Plan, get: Get) -> int | None:
    """Look up a name in a plan; 0 if it is bound for good, None if a plan cannot look there."""
    match get:
        case Fixed():
            return 0
        case Bound(cell):
            return plan.cell(cell)
        case Global(scope, name):
            return plan.item(plan.outside(scope), name)
        case Attribute(inner, name) if type(module := inner()) is ModuleType:
            place = _place(plan, inner)
            if place:
                plan.same(place, module)
            return None if place is None else plan.item(plan.outside(vars(module)), name)
    return None


def _probe(leaf: Any) -> Any:
    """An object like a leaf that stands in no other place; a leaf itself if it has to be the same.

    Raises _Unplanned where the program's input is not what lies there.
    """
    match leaf:
        case Tensor():
            return of_value(np.empty(leaf.shape, leaf.dtype.numpy))
        case np.ndarray():
            if type(leaf) is not np.ndarray or tensor(leaf).dtype.numpy is not leaf.dtype:
                raise _Unplanned
            return np.empty(leaf.shape, leaf.dtype)
        case float():
            if type(leaf) is not float:
                raise _Unplanned
            return float("nan")  # a new object each time
    return leaf


class _Finder:
    """Looks into a tree, and writes down how."""

    def __init__(self, offset: int, roots: int) -> None:
        self.offset = offset
        self.plan = Plan(roots)
        self.inputs: list[Any] = []  # they live on, so that their identities stay their own
        self.given: set[int] = set()
        self.owners: dict[int, int] = {}  # where a Tensor is found, by its identity
        self.places: dict[int, int] = {}  # where its value is
        self.hidden_places: list[int] = []

    def tree(self, root: int, leaves: list[Any], structure: Any) -> list[Any]:
        """Expect a root to be like a tree; gives something like each Tensor, array and float.

        A Tensor may stand in two places, so we look at a tree of the same kind where none does.
        """
        probes = [_probe(leaf) for leaf in leaves]
        inputs = [p for p in probes if isinstance(p, INPUTS)]
        self.inputs += inputs
        self.given |= {id(p) for p in inputs}
        self.visit(root, tree.unflatten(structure, probes))
        return inputs

    def keep(self, inputs: Iterable[Any]) -> None:
        """Keep arrays, those of Tensors, and floats."""
        for found in inputs:
            self.plan.keep(self.places[id(found)])

    def hidden(self, tensors: Sequence[Tensor], changing: int) -> None:
        """Expect Tensors like these: the first ones in a list, the others themselves."""
        plan = self.plan
        owners = plan.sequence(2, list, changing) if changing else []
        owners += [plan.outside(t) for t in tensors[changing:]]
        for place, found in zip(owners, tensors, strict=True):
            self.hidden_places.append(self._tensor(place, found))

    def _input(self, place: int, like: Any) -> int:
        """Expect a Tensor, an array or a float; gives the place of what is kept."""
        if type(like) is Tensor:
            return self._tensor(place, like)
        if type(like) is float:
            self.plan.kind(place, float)
        else:
            self.plan.array(place, like)
        return place

    def _tensor(self, place: int, like: Tensor) -> int:
        """Expect a Tensor; gives the place of its array."""
        value = like._value
        if value is None or not (value.flags.c_contiguous and value.flags.aligned):
            raise _Unplanned
        self.plan.kind(place, Tensor)
        own = self.plan.slot(place, self.offset)
        self.plan.array(own, value)
        return own

    def visit(self, place: int, value: Any) -> None:
        """Expect what is here to be like a value."""
        plan, kind = self.plan, type(value)
        if id(value) in self.given:
            self.owners[id(value)] = place
            self.places[id(value)] = self._input(place, value)
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


def _value_slot() -> int | None:
    """Where a Tensor has its array."""
    slots = tensor_slots()
    return slots and slots.value
