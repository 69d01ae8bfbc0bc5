"""What a function closes over: watched, so that ``jit`` notices when it is bound anew."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from typing import Any, Final

import numpy as np

from chainrule import tree
from chainrule.tensors import Tensor
from chainrule.transform.state import State

_PACKAGE = __name__.split(".")[0]
Get = Callable[[], Any]
_MISSING: Final = object()
_UNBOUND: Final = (AttributeError, KeyError, ValueError)
"""What looking up a name raises that is bound to nothing: an attribute, a global, a variable."""

_PLAIN = (bool, int, float, str, bytes, bytearray, set, type(None))


# How a name is looked up: these kinds machine code can look up too, any function of nothing may.


class Fixed:
    """What is bound for good, such as the default of a parameter of a function in hand."""

    __slots__ = __match_args__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


class Bound:
    """A variable of an enclosing function."""

    __slots__ = __match_args__ = ("cell",)

    def __init__(self, cell: types.CellType) -> None:
        self.cell = cell

    def __call__(self) -> Any:
        return self.cell.cell_contents


class Global:
    """A name of a module, or of another dictionary that a function has as its globals."""

    __slots__ = __match_args__ = ("scope", "name")

    def __init__(self, scope: dict[str, Any], name: str) -> None:
        self.scope, self.name = scope, name

    def __call__(self) -> Any:
        return self.scope[self.name]


class Attribute:
    """An attribute of what is found another way."""

    __slots__ = __match_args__ = ("get", "name")

    def __init__(self, get: Get, name: str) -> None:
        self.get, self.name = get, name

    def __call__(self) -> Any:
        return getattr(self.get(), self.name)


class Watch:
    """One name that a function reads, and what it held when the function was recorded.

    get     gives the object that has the name now
    opened  whether an object that is no tree is watched by its attributes
    held    the object, if nothing in it can change: where it is the same, all is; else nothing
    """

    __slots__ = ("get", "held", "leaves", "name", "opened", "structure")

    def __init__(self, name: str, get: Get, opened: bool = False) -> None:
        self.name = name
        self.get = get
        self.opened = opened
        value = get()
        self.held = value if _is_settled(value) else _MISSING
        self.leaves, self.structure = self._now()

    def _now(self) -> tuple[list[Any], Any]:
        value = self.get()
        leaves, structure = tree.flatten(_attributes(value) if self.opened else value)
        return [_Text(leaf) if _by_value(leaf) else leaf for leaf in leaves], structure

    @property
    def is_settled(self) -> bool:
        """Whether it holds the same as long as the name is bound to the same object."""
        return self.held is not _MISSING

    def tensors(self) -> Iterator[tuple[int, Tensor]]:
        """The watched Tensors with their places."""
        for place, leaf in enumerate(self.leaves):
            if isinstance(leaf, Tensor):
                yield place, leaf

    def current(self) -> list[Any] | None:
        """The leaves now; ``None`` if they no longer fit the recording."""
        try:
            if self.get() is self.held:
                return self.leaves
            leaves, structure = self._now()
        except Exception:  # an attribute may be computed by anyone's code
            return None
        if structure != self.structure:
            return None
        for old, new in zip(self.leaves, leaves, strict=True):
            if not _fits(old, new):
                return None
        return leaves


class _Text:
    """A plain value, or what a container that may change in place holds: compared by value."""

    __slots__ = ("text",)

    def __init__(self, value: Any) -> None:
        held: object
        if isinstance(value, np.ndarray):
            held = (value.shape, value.dtype.str, value.tobytes())
        else:
            held = frozenset(value) if isinstance(value, set) else repr(value)
        self.text = (type(value), held)


def _by_value(leaf: Any) -> bool:
    changeable = isinstance(leaf, np.ndarray) and leaf.flags.writeable
    return changeable or isinstance(leaf, _PLAIN)


def _is_settled(value: Any) -> bool:
    """Whether nothing that is watched of an object can change while it is the same object."""
    kind = type(value)
    if kind is tuple:
        return all(map(_is_settled, value))
    if tree.is_branch(kind) or _is_frozen(kind):
        return all(map(_is_settled, _watched_of(value)))
    return issubclass(kind, _SETTLED)


def _watched_of(value: Any) -> list[Any]:
    """What an object has; of a tree its fields, beside which it may keep what is made of them."""
    held: dict[str, Any] = getattr(value, "__dict__", {})
    fields = getattr(value, "__dataclass_fields__", held) if tree.is_branch(type(value)) else held
    return [held[name] for name in held if name in fields]


def _is_frozen(cls: type) -> bool:
    return getattr(getattr(cls, "__dataclass_params__", None), "frozen", False)


_SETTLED: Final = (
    bool, int, float, str, bytes, type(None), Tensor, State, types.FunctionType,
    types.BuiltinFunctionType, type,
)  # fmt: skip


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
    search = _Search(function)
    while search.pending or search.look_up():
        while search.pending:
            search.read(search.pending.pop())
    return search.found


class _Search:
    """The walk through functions, what they name, and the named attributes of that.

    Python has no list of the attributes that a function reads, so one is looked up wherever an
    object was found and its name stands in some code that was.
    """

    def __init__(self, function: Any) -> None:
        self.package = _top(getattr(function, "__module__", None))
        self.found: list[Watch] = []
        self.pending: list[Any] = [function]
        self.names: set[str] = set()
        self.holders: list[tuple[Get, Any, set[str]]] = []
        self.seen: dict[int, Any] = {}  # what was seen lives on, so that its id stays its own

    def read(self, target: Any) -> None:
        """Note what a function names."""
        if id(target) in self.seen:
            return
        self.seen[id(target)] = target
        if isinstance(target, types.FunctionType):
            if not self.is_foreign(target.__module__):
                self.names |= _global_names(target.__code__)
            elif not hasattr(target, "__wrapped__"):
                return
        for name, get in _names(target):
            self.visit(name, get)

    def visit(self, name: str, get: Get) -> None:
        """Watch a named value, and note the functions and the objects in it."""
        try:
            value = get()
        except _UNBOUND:
            return
        if _is_code(value):
            self.pending.append(value)
            self.found.append(Watch(name, get))
        elif isinstance(value, types.ModuleType | type):
            self.hold(get, value, set())
        elif not isinstance(value, types.BuiltinFunctionType):
            attributes = partial(_attributes_of, get)
            self.found.append(Watch(name, get, opened=True))
            self.pending.append(_call_of(value))
            leaves, _ = tree.flatten(attributes())
            own = getattr(value, "__dict__", ()) if _attributes(value) is not value else ()
            self.hold(get, value, set(own))
            for place, leaf in enumerate(leaves):
                if _is_code(leaf):
                    self.pending.append(leaf)
                else:
                    self.hold(partial(_leaf, attributes, place), leaf, set())

    def hold(self, get: Get, value: Any, known: set[str]) -> None:
        """Remember an object whose attributes may be read; some are known already."""
        module = value.__name__ if isinstance(value, types.ModuleType) else _home(value)
        plain = isinstance(value, Tensor | State) or self.is_foreign(module)
        if not plain and id(value) not in self.seen:
            self.seen[id(value)] = value
            self.holders.append((get, value, known))
            self.pending.append(_call_of(value))

    def is_foreign(self, module: str | None) -> bool:
        """Whether a module belongs to an installed package, whose globals are taken to stay."""
        top = _top(module)
        return top == _PACKAGE or (top != self.package and _is_installed(top))

    def look_up(self) -> bool:
        """Visit the attributes that were named since the last time; whether there were any."""
        new = False
        for get, value, known in list(self.holders):
            for name in self.names - known:
                known.add(name)
                attribute = inspect.getattr_static(value, name, _MISSING)
                if attribute is not _MISSING:
                    new = True
                    self._attribute(name, value, Attribute(get, name), attribute)
        return new

    def _attribute(self, name: str, holder: Any, get: Get, attribute: Any) -> None:
        match attribute:
            case types.FunctionType() if not isinstance(holder, types.ModuleType):
                self.pending.append(attribute)
            case property():
                self.pending.append(attribute.fget)
            case cached_property():
                self.pending.append(attribute.func)
            case staticmethod() | classmethod():
                self.pending.append(attribute.__func__)
            case _ if not _is_computed(holder, attribute) or _gives_plain(get):
                self.visit(name, get)


def _is_computed(holder: Any, attribute: Any) -> bool:
    """Whether what a class holds under a name runs code to give the attribute."""
    stored = isinstance(attribute, types.MemberDescriptorType) or _is_code(attribute)
    return hasattr(attribute, "__get__") and not stored and not isinstance(holder, types.ModuleType)


def _gives_plain(get: Get) -> bool:
    """Whether a computed attribute can be had, and is no object made for whoever asks.

    That one has such attributes again: x.T.T.T has no end.
    """
    try:
        return isinstance(get(), (*_PLAIN, Tensor, np.ndarray))
    except Exception:  # the code is anyone's, and so is what it raises
        return False


def _call_of(value: Any) -> Any:
    """What runs when an object is called, inherited or its own."""
    return inspect.getattr_static(type(value), "__call__", None)


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]


@cache
def _is_installed(package: str) -> bool:
    """Whether a package is part of Python or was installed; ``__main__`` and scripts were not."""
    if package in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _home(value: Any) -> str:
    """The module of a class, or that of an object's class; configurations may be of the standard's.

    Such an object, a SimpleNamespace say, has attributes but no code to read.
    """
    module = getattr(value if isinstance(value, type) else type(value), "__module__", "")
    standard = module.partition(".")[0] not in ("builtins", _PACKAGE, "numpy", "scipy")
    return "" if standard and not isinstance(value, type) else str(module)


def _leaf(get: Get, place: int) -> Any:
    return tree.flatten(get())[0][place]


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
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, Bound(cell)
    for default in function.__defaults__ or ():
        yield "default", Fixed(default)
    for name in function.__kwdefaults__ or ():
        yield name, lambda name=name: (function.__kwdefaults__ or {})[name]  # type: ignore[misc]
    scope = function.__globals__
    for name in _global_names(function.__code__):
        if name in scope:
            yield name, Global(scope, name)


def _global_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names


def _attributes(value: Any) -> Any:
    """The value, or for an object that is no tree its attributes."""
    plain = isinstance(value, Tensor | State | str | np.ndarray)  # a memmap has a __dict__
    if plain or not hasattr(value, "__dict__"):
        return value
    return dict(vars(value)) if tree.is_leaf(value) else value
