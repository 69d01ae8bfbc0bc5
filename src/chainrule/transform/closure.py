"""What a function closes over: watched, so that ``jit`` notices when it is bound anew."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from chainrule import tree
from chainrule.tensor import Tensor
from chainrule.transform.state import State

_PACKAGE = __name__.split(".")[0]
_PLAIN = (bool, int, float, str, bytes, type(None))


class Watch:
    """One name that a function reads, and what it held when the function was recorded."""

    __slots__ = ("get", "leaves", "name", "structure")

    def __init__(self, name: str, get: Callable[[], Any]) -> None:
        self.name = name
        self.get = get
        self.leaves, self.structure = self._now()

    def _now(self) -> tuple[list[Any], Any]:
        leaves, structure = tree.flatten(self.get())
        return [_Text(leaf) if isinstance(leaf, _PLAIN) else leaf for leaf in leaves], structure

    def tensors(self) -> Iterator[tuple[int, Tensor]]:
        """The watched Tensors with their places."""
        for place, leaf in enumerate(self.leaves):
            if isinstance(leaf, Tensor):
                yield place, leaf

    def current(self) -> list[Any] | None:
        """The leaves now; ``None`` if they no longer fit the recording."""
        leaves, structure = self._now()
        if structure != self.structure:
            return None
        for old, new in zip(self.leaves, leaves, strict=True):
            if not _fits(old, new):
                return None
        return leaves


class _Text:
    """A plain value, compared by type and value."""

    __slots__ = ("text",)

    def __init__(self, value: object) -> None:
        self.text = (type(value), repr(value))


def _fits(old: Any, new: Any) -> bool:
    if old is new:
        return True
    if isinstance(old, _Text) and isinstance(new, _Text):
        return old.text == new.text
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        return (old.shape, old.dtype) == (new.shape, new.dtype)
    return False


def watches(function: Any) -> list[Watch]:
    """Everything that a function, and the user's functions that it calls by name, close over."""
    found: list[Watch] = []
    seen: set[int] = set()
    pending: list[Any] = [function]
    while pending:
        target = pending.pop()
        if id(target) in seen:
            continue
        seen.add(id(target))
        for name, get in _names(target):
            try:
                value = get()
            except (ValueError, KeyError, AttributeError):
                continue
            if _is_code(value):
                pending.append(value)
                found.append(Watch(name, get))
            elif not isinstance(value, types.ModuleType | type | types.BuiltinFunctionType):
                found.append(Watch(name, partial(_attributes_of, get)))
                pending.append(vars(type(value)).get("__call__"))
    return found


def _attributes_of(get: Callable[[], Any]) -> Any:
    return _attributes(get())


def _is_code(value: Any) -> bool:
    inner = isinstance(value, types.FunctionType | types.MethodType | partial)
    return inner or hasattr(value, "__wrapped__")


def _names(target: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The names through which a function reads values, each with a way to read it again."""
    if isinstance(target, partial):
        yield "partial function", lambda: target.func
        yield "partial arguments", lambda: (target.args, target.keywords)
    elif isinstance(target, types.MethodType):
        yield "method", lambda: target.__func__
        yield "self", lambda: target.__self__
    elif isinstance(target, types.FunctionType):
        yield from _function_names(target)
    if hasattr(target, "__wrapped__"):
        yield "wrapped", lambda: target.__wrapped__


def _function_names(function: types.FunctionType) -> Iterator[tuple[str, Callable[[], Any]]]:
    if (function.__module__ or "").split(".")[0] == _PACKAGE and not hasattr(function, "__wrapped__"):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, lambda cell=cell: cell.cell_contents  # type: ignore[misc]
    for default in function.__defaults__ or ():
        yield "default", lambda default=default: default  # type: ignore[misc]
    scope = function.__globals__
    for name in _global_names(function.__code__):
        if name in scope:
            yield name, lambda name=name: scope[name]  # type: ignore[misc]


def _global_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names


def _attributes(value: Any) -> Any:
    """The value, or for an object that is no tree its attributes."""
    plain = isinstance(value, Tensor | State | str)
    if plain or not hasattr(value, "__dict__"):
        return value
    leaves, _ = tree.flatten(value)
    return dict(vars(value)) if len(leaves) == 1 and leaves[0] is value else value
