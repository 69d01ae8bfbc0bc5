"""Results: how the Tensors of a call are put together, written down by looking at a tree once."""

from __future__ import annotations

import inspect
from typing import Any

from chainrule import tree
from chainrule.runtime.building import Build
from chainrule.tensors import Tensor

__all__ = ["built"]


class _Unplanned(Exception):  # noqa: N818  it is no error that a tree is put together in Python
    """A tree holds something that only Python can make."""


def built(structure: Any, count: int, cells: int) -> Build | None:
    """The steps that make a tree of the first Tensors of a list; None if Python has to make it.

    cells   how many Tensors follow: if any, it is a pair of the tree and a list of them
    """
    build = Build()
    probes = [object.__new__(Tensor) for _ in range(count)]
    numbers = {id(probe): k for k, probe in enumerate(probes)}
    try:
        _visit(build, tree.unflatten(structure, probes), numbers)
    except _Unplanned:
        return None
    if cells:
        for k in range(cells):
            build.leaf(count + k)
        build.sequence(list, cells)
        build.sequence(tuple, 2)
    return build


def _visit(build: Build, value: Any, numbers: dict[int, int]) -> None:
    kind = type(value)
    if id(value) in numbers:
        build.leaf(numbers[id(value)])
    elif kind in (tuple, list):
        for item in value:
            _visit(build, item, numbers)
        build.sequence(kind, len(value))
    elif kind is dict:
        for item in value.values():
            _visit(build, item, numbers)
        build.mapping(list(value))
    elif tree.is_branch(kind):
        if not tree.is_plain(kind) or _has_descriptors(kind, vars(value)):
            raise _Unplanned
        for item in vars(value).values():
            _visit(build, item, numbers)
        build.object(kind, list(vars(value)))
    elif value is None or tree.is_leaf(value):
        build.same(value)
    else:
        raise _Unplanned


def _has_descriptors(kind: type, names: Any) -> bool:
    """Whether to set an attribute would be more than to put it into the object's dictionary."""
    found = (inspect.getattr_static(kind, name, None) for name in names)
    return any(hasattr(type(value), "__set__") for value in found)
